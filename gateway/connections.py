"""User syncs (connections) as the gateway sets them up: checked, their secrets encrypted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from azure_adapter.graph import GRAPH_URL, LOGIN_URL, Certificate, GraphEndpoints
from azure_adapter.mapping.targets import Target
from azure_adapter.sync.config import DeletionPolicy, Enrollment, SyncConfig
from gateway.mail.address import check_address
from gateway.syncs.fields import (
    LONGEST_NAME,
    FieldsInvalid,
    read_deletion_policy,
    read_enrollment,
    read_mapping,
    read_nested,
    read_safeguard,
    read_scope,
    read_unique_field,
)
from scim.provisioning.records import UniqueField
from storage.access import UserSyncRecord

_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?")


class SignInMode(StrEnum):
    """Who signs in for a user sync."""

    app = "app"
    """The application itself, unattended."""

    account = "account"
    """An administrator, once; the gateway renews the sign-in."""


class ConnectionProblem(Exception):
    """A connection cannot be created or found; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A user sync that is to be created.

    Attributes:
        name: what people call it, unique in the workspace.
        azure_tenant: id or domain of the Entra directory; "" leaves it to the first login.
        client_id: the application id that signs in; "" for the gateway's own.
        client_secret: its secret.
        certificate: its certificate, instead.
        mode: who signs in.
        enrollment: what happens to new users' e-mail addresses.
        unique_field: how an existing user is found the first time.
        deletion_policy: what a deletion in Azure does to a user.
        report_email: who gets the sync reports, or "".
        workspace: name of the workspace that it fills.
        authority_url: sign-in of the Microsoft cloud, or of a stand-in.
        graph_url: Graph of the Microsoft cloud, or of a stand-in.
    """

    name: str
    azure_tenant: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    certificate: Certificate | None = field(default=None, repr=False)
    mode: SignInMode = SignInMode.app
    enrollment: Enrollment = Enrollment.send_email
    unique_field: UniqueField = UniqueField.email
    deletion_policy: DeletionPolicy = DeletionPolicy.delete
    report_email: str = ""
    workspace: str = "default"
    authority_url: str = LOGIN_URL
    graph_url: str = GRAPH_URL

    def check(self) -> None:
        """Refuse what could never work.

        Raises:
            ConnectionProblem: naming what is wrong.
        """
        if not self.name.strip() or len(self.name) > LONGEST_NAME:
            raise ConnectionProblem(f"The name has to have 1 to {LONGEST_NAME} characters.")
        for what, value in (("Azure tenant", self.azure_tenant), ("client id", self.client_id)):
            if not _TENANT.fullmatch(value) and (value or not self._may_be_empty(what)):
                raise ConnectionProblem(
                    f"The {what} {value!r} is none. It looks like "
                    "11111111-2222-4333-8444-555555555555 and stands in the app registration's "
                    "overview."
                )
        try:
            GraphEndpoints.from_settings(self.authority_url, self.graph_url)
            if self.report_email:
                check_address(self.report_email)
        except ValueError as error:
            raise ConnectionProblem(f"{error}.".replace("..", ".")) from None

    def _may_be_empty(self, what: str) -> bool:
        return self.mode is SignInMode.account or what == "client id"

    def settings(self) -> dict[str, Any]:
        """Return what is stored without a column of its own."""
        if (self.authority_url, self.graph_url) == (LOGIN_URL, GRAPH_URL):
            return {}
        return {"authority_url": self.authority_url, "graph_url": self.graph_url}

    def sign_in(self) -> dict[str, Any]:
        """Return what is known of the sign-in; nothing secret."""
        return {
            "azure_tenant": self.azure_tenant,
            "client_id": self.client_id,
            "mode": self.mode.value,
        }


def mode_of(record: UserSyncRecord) -> SignInMode:
    """Return who signs in for a user sync."""
    return SignInMode(record.sign_in.get("mode") or SignInMode.app)


def endpoints_of(record: UserSyncRecord) -> GraphEndpoints:
    """Return where a user sync signs in and reads."""
    return GraphEndpoints.from_settings(
        record.settings.get("authority_url", LOGIN_URL), record.settings.get("graph_url", GRAPH_URL)
    )


SETTINGS = frozenset(
    {
        "authority_url",
        "graph_url",
        "mapping",
        "nested",
        "paused",
        "safeguard",
        "schedule",
        "scope",
        "target",
    }
)
"""What a user sync has without a column of its own."""


def config_of(
    record: UserSyncRecord, workspace: str, extensions: Iterable[Target] = (), seed: bytes = b""
) -> SyncConfig:
    """Return a user sync as the engine needs it.

    Args:
        record: the user sync as it is stored, or as an edit would make it.
        workspace: name of its workspace.
        extensions: custom attributes that its mapping may feed.
        seed: secret of the sync, for expressions that make something up.

    Raises:
        ConnectionProblem: something that is stored of it cannot be used; it says what.
    """
    unknown = sorted(record.settings.keys() - SETTINGS)
    if unknown:
        raise ConnectionProblem(
            f"The user sync {record.name!r} has the setting {unknown[0]!r}, which this version of "
            "the gateway does not know. Run the version that wrote it, or newer."
        )
    settings = record.settings
    try:
        return SyncConfig(
            sync_id=record.id,
            name=record.name,
            workspace=workspace,
            azure_tenant=record.azure_tenant,
            unique_field=read_unique_field(record.unique_field),
            deletion_policy=read_deletion_policy(record.deletion_policy),
            enrollment=read_enrollment(record.enrollment),
            safeguard=read_safeguard(settings.get("safeguard", {})),
            scope=read_scope(settings.get("scope")),
            nested=read_nested(settings.get("nested")),
            mapping=read_mapping(settings.get("mapping"), extensions),
            config_version=record.config_version,
            seed=seed,
        )
    except FieldsInvalid as error:
        raise ConnectionProblem(
            f"The user sync {record.name!r} has a setting that cannot be used: {error}"
        ) from None


def public(record: UserSyncRecord) -> dict[str, Any]:
    """Return a user sync as JSON values, without anything secret."""
    last = record.last_run
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "state_reason": record.state_reason,
        "sign_in": mode_of(record).value,
        "azure_tenant": record.azure_tenant,
        "client_id": record.client_id,
        "enrollment": record.enrollment,
        "unique_field": record.unique_field,
        "deletion_policy": record.deletion_policy,
        "report_email": record.report_email,
        "last_run": None if last is None else {"id": last.id, "status": last.status.value},
    }
