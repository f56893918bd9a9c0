"""The composition root: everything a process of the gateway is made of, and how it fits."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import Self

from scim2_models import ScimProvider
from starlette.types import ASGIApp

from azure_adapter.graph import FastRead, open_reader
from azure_adapter.mapping.targets import Target
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.engine import Progress, SyncEngine
from gateway.access.control import AccessControl
from gateway.connections import (
    ConnectionProblem,
    NewConnection,
    SignInMode,
    config_of,
    endpoints_of,
)
from gateway.enrollment import EnrollmentService, InvitationWriter
from gateway.http.api.routes import api_routes
from gateway.http.app import create_app
from gateway.http.assets import asset_routes
from gateway.http.enrollment import EnrollmentPages
from gateway.http.front import FrontDoor
from gateway.http.oauth import oauth_routes
from gateway.http.scim import ScimEndpoint
from gateway.logs import masked
from gateway.mail.choice import MailKind
from gateway.mail.delivery import Postman
from gateway.reports import RunMails
from gateway.secrets import SecretBox, load_secrets
from gateway.settings import PREFIX, Settings, SettingsError
from gateway.signin import KeptSecrets, SignIns, WatchedReader, gateway_registration
from gateway.signin.service import (
    NEEDS_LOGIN,
    NO_CREDENTIAL,
    NOBODY_YET,
    READY,
    SETUP_INCOMPLETE,
)
from gateway.syncs.control import SyncControl
from gateway.syncs.edits import SyncEdit, first_edit
from gateway.syncs.opening import custom_targets, open_target, seed_of
from gateway.syncs.owner import has_ended, process_owner
from gateway.work.queue import LocalQueue
from scim.caller import Caller
from scim.extensions import ExtensionError
from scim.fast.lane import FastLane
from scim.fast.writing import FastHandler
from scim.handler import GatewayHandler
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.ports import ProvisioningTarget
from scim.provisioning.records import RunRecord
from scim.provisioning.source import ObjectKind
from scim.schema import build_provider
from scim.service import GatewayService
from storage.access import NameTaken, ScimClients, UserSyncRecord, UserSyncs, Workspaces
from storage.access.api_tokens import ApiTokens
from storage.database import Database
from storage.mail import Outbox
from storage.resources.batches import BatchStore
from storage.resources.fast import FastResources
from storage.resources.fast_store import FastStore
from storage.sync.store import SqlSyncStore
from storage.work import WorkQueue

MAIL_DIRECTORY = "mail"


class Gateway:
    """One process of the gateway: its database, services and repositories.

    Made by :meth:`open`, which also closes what it opened.
    """

    def __init__(self, settings: Settings, database: Database, secrets: SecretBox) -> None:
        self.settings = settings
        self.database = database
        self.secrets = secrets
        self.service = GatewayService(secrets.derive("cursors"), _provider(settings))
        self.workspaces = Workspaces(database)
        self.access = AccessControl(database, self.workspaces, settings)
        self.user_syncs = UserSyncs(database)
        self.queue = LocalQueue(WorkQueue(database))
        self.api_tokens = ApiTokens(database)
        self.sign_ins = SignIns(self.user_syncs, secrets, settings)
        self.outbox = Outbox(database)
        self.enrollment = EnrollmentService(database, settings, secrets, self.outbox)
        self.run_mails = RunMails(settings, database, self.user_syncs, self.outbox)
        self.postman = Postman(
            self.outbox,
            settings.data_dir / MAIL_DIRECTORY,
            settings.mail_from,
            settings.smtp,
            {MailKind.enrollment: InvitationWriter(settings, secrets, self.enrollment)},
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator[Self]:
        """Open the database, bring it up to date, and make the workspace ``default``.

        Raises:
            SettingsError: a setting is wrong, or the database cannot be reached.
        """
        settings.make_data_dir()
        secrets = load_secrets(settings)
        database = await _open_database(settings)
        try:
            gateway = cls(settings, database, secrets)
            await gateway.workspaces.ensure_default()
            yield gateway
        finally:
            await database.close()

    # -- serving -------------------------------------------------------------

    def app(self) -> ASGIApp:
        """Return the HTTP application."""
        endpoint = ScimEndpoint(
            self.service,
            self.access.authenticator,
            self.scim_handler,
            self.settings.base_url,
            self.lane,
        )
        routes = [
            *oauth_routes(self.access.token_endpoint, self.settings.base_url),
            *EnrollmentPages(self.enrollment, self.settings).routes(),
            *asset_routes(),
            *api_routes(self),
        ]
        return FrontDoor(create_app(endpoint, self.ping, routes), endpoint)

    async def ping(self) -> None:
        """Ask the database for anything."""
        await self.database.session.value("SELECT 1 AS one")

    @property
    def clients(self) -> ScimClients:
        """The SCIM clients and their tokens."""
        return self.access.clients

    @cached_property
    def lane(self) -> FastLane:
        """What answers reads, and writes, from stored documents."""
        return FastLane(self.service, FastResources(self.database, self.service.provider))

    def scim_handler(self, caller: Caller) -> GatewayHandler:
        """Return the handler that sees a caller's workspace and writes as its source."""
        place = (caller.workspace_id, caller.source)
        store = FastStore(self.database, *place, self.service.provider)
        return FastHandler(self.service, store, self.lane)

    def source_handler(self, workspace_id: int, source: Source) -> GatewayHandler:
        """Return the handler through which a user sync writes, in the name of its source."""
        store = BatchStore(self.database, workspace_id, source, self.service.provider)
        return GatewayHandler(self.service, store)

    async def create_token(
        self,
        workspace: str,
        name: str,
        *,
        profile: str | None = None,
        read_only: bool = False,
        expires_at: float | None = None,
        replace_oldest: bool = False,
    ) -> str:
        """Return a new token of a SCIM client; see :meth:`AccessAdmin.create_token`.

        Raises:
            AccessProblem: a name or profile is wrong, or the client has two live tokens.
        """
        token, _ = await self.access.admin.create_token(
            workspace,
            name,
            profile=profile,
            read_only=read_only,
            expires_at=expires_at,
            replace_oldest=replace_oldest,
        )
        return token

    # -- user syncs ------------------------------------------------------------

    async def create_connection(
        self, connection: NewConnection, options: SyncEdit | None = None
    ) -> str:
        """Create a user sync and return its id.

        Args:
            connection: what it needs.
            options: what else it is to be, as an edit of the defaults (scope, schedule, mapping …).

        Raises:
            ConnectionProblem: something about it is wrong, or its name is taken.
        """
        connection.check()
        made = first_edit(connection, options or SyncEdit(), self.custom_targets)
        kept = KeptSecrets(
            connection.client_secret, connection.certificate, target_secret=made.secret
        )
        state, reason = self._first_state(connection, kept)
        room = await self.workspaces.ensure(connection.workspace)
        try:
            sync_id = await self.user_syncs.create(
                room.row_id,
                made.record.name,
                azure_tenant=connection.azure_tenant,
                client_id=connection.client_id,
                secrets=kept.sealed(self.secrets),
                enrollment=made.record.enrollment,
                unique_field=made.record.unique_field,
                deletion_policy=made.record.deletion_policy,
                report_email=made.record.report_email,
                settings=made.record.settings,
                state=state,
            )
        except NameTaken as error:
            raise ConnectionProblem(str(error)) from None
        await self.user_syncs.change(
            room.row_id, sync_id, sign_in=connection.sign_in(), state_reason=reason
        )
        return sync_id

    def _first_state(self, connection: NewConnection, kept: KeptSecrets) -> tuple[str, str]:
        """Return the state that a new user sync is in, and why."""
        if connection.client_id:
            complete = kept.has_credential
        else:
            complete = gateway_registration(self.settings) is not None
        if not complete and connection.mode is SignInMode.app:
            raise ConnectionProblem(
                "The client id and its secret are missing. They stand in the app registration; "
                f"{PREFIX}AZURE_CLIENT_ID sets one for the whole gateway."
            )
        if not complete:
            return SETUP_INCOMPLETE, NO_CREDENTIAL
        return (READY, "") if connection.mode is SignInMode.app else (NEEDS_LOGIN, NOBODY_YET)

    async def connections(self, workspace: str) -> list[UserSyncRecord]:
        """Return the user syncs of a workspace; none if there is no such workspace."""
        room = await self.workspaces.get(workspace)
        return [] if room is None else await self.user_syncs.list(room.row_id)

    async def connection(self, id_or_name: str) -> UserSyncRecord:
        """Return a user sync by its id, or by a name that only one has.

        Raises:
            ConnectionProblem: there is none, or several have the name.
        """
        everywhere = await self.user_syncs.everywhere()
        found = [each for each in everywhere if each.id == id_or_name]
        found = found or [each for each in everywhere if each.name == id_or_name]
        if len(found) == 1:
            return found[0]
        reason = "Several workspaces have" if found else "There is no"
        raise ConnectionProblem(
            f"{reason} user sync {id_or_name!r}. `ezto-gateway connection list` shows their ids."
        )

    @cached_property
    def custom_targets(self) -> tuple[Target, ...]:
        """The custom attributes of users that a mapping may feed."""
        return custom_targets(self.service)

    def sync_config(self, record: UserSyncRecord, workspace: str) -> SyncConfig:
        """Return a user sync, as it is stored or as an edit would make it, for its engine.

        Raises:
            ConnectionProblem: something that is stored of it cannot be used.
        """
        seed = seed_of(self.secrets, record.id)
        return config_of(record, workspace, self.custom_targets, seed)

    def sync_store(self, sync_id: str) -> SqlSyncStore:
        """Return the durable state of a user sync."""
        return SqlSyncStore(self.database, sync_id)

    @cached_property
    def control(self) -> SyncControl:
        """Runs user syncs, and does all else that may be asked of them."""
        return SyncControl(self)

    @asynccontextmanager
    async def sync_target(self, record: UserSyncRecord) -> AsyncIterator[ProvisioningTarget]:
        """Open where a user sync writes to, without its source.

        Raises:
            ConnectionProblem, UnreadableSecretError: its remote server cannot be used.
        """
        handler = self.source_handler(record.workspace, Source(SourceKind.user_sync, record.id))
        links = self.sync_store(record.id).links_of_resources
        async with open_target(record, handler, self.secrets, links) as target:
            yield target

    @asynccontextmanager
    async def sync_engine(
        self,
        sync_id: str,
        progress: Callable[[Progress], None] | None = None,
        *,
        as_edited: UserSyncRecord | None = None,
    ) -> AsyncIterator[SyncEngine]:
        """Open the engine of a user sync; connections to its source close with the context.

        Args:
            sync_id: its id, or a name that only one has.
            progress: told how far its runs are.
            as_edited: the user sync as an edit would make it, for a preview of that.

        Raises:
            ConnectionProblem: there is no such user sync, or it has no sign-in.
            UnreadableSecretError: its client secret cannot be decrypted.
        """
        record = await self.connection(sync_id)
        rooms = {room.row_id: room.name for room in await self.workspaces.list()}
        source = Source(SourceKind.user_sync, record.id)
        sign_in = self.sign_ins.sign_in(record)
        config = self.sync_config(as_edited or record, rooms[record.workspace])
        select = {kind: config.properties(kind) for kind in (ObjectKind.user, ObjectKind.group)}
        store = self.sync_store(record.id)
        async with (
            open_reader(sign_in, endpoints_of(record), fast=FastRead(), select=select) as reader,
            self.sync_target(record) as target,
        ):
            watched = WatchedReader(reader)
            yield SyncEngine(
                config,
                store,
                watched,
                target,
                owner=process_owner(),
                progress=progress,
                enrollment=self.enrollment.port(record.workspace, source)
                if target.transactional
                else None,
                gone=has_ended,
            )
            await self.sign_ins.note(record, watched)

    async def run_sync(
        self,
        sync_id: str,
        *,
        full: bool = False,
        preview: bool = False,
        allow: bool = False,
        trigger: str = "manual",
        actor: str = "",
        progress: Callable[[Progress], None] | None = None,
    ) -> RunRecord:
        """Run a user sync; unless it is a preview, its report is put into the outbox and sent.

        Raises:
            AlreadyRunning: another process runs it now.
            ConnectionProblem, UnreadableSecretError: see :meth:`sync_engine`.
        """
        return await self.control.start(
            sync_id,
            full=full,
            preview=preview,
            allow=allow,
            trigger=trigger,
            actor=actor,
            progress=progress,
        )


def _provider(settings: Settings) -> ScimProvider:
    """Return what is served, custom extension schemas included.

    Raises:
        SettingsError: a schema file cannot be served; it says which, which attribute, and why.
    """
    try:
        return build_provider(settings.extension_files)
    except ExtensionError as error:
        raise SettingsError(f"{PREFIX}SCIM_EXTENSIONS: {error}") from None


async def _open_database(settings: Settings) -> Database:
    url = settings.resolved_database_url
    try:
        return await Database.open(url, shared=False)
    except ValueError as error:
        raise SettingsError(f"{PREFIX}DATABASE_URL: {error}") from error
    except Exception as error:
        reason = " ".join(str(masked(str(error))).split()) or type(error).__name__
        raise SettingsError(
            f"The database cannot be opened: {reason}. Check {PREFIX}DATABASE_URL and "
            f"{PREFIX}DATA_DIR, and that a database server runs."
        ) from error
