"""User syncs (connections) as the gateway sets them up: checked, their secrets encrypted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from azure_adapter.graph import GRAPH_URL, LOGIN_URL, ClientCredentials, GraphEndpoints
from azure_adapter.sync.config import DeletionPolicy, Enrollment, SafeguardLimits, SyncConfig
from gateway.mail.address import check_address
from gateway.secrets import SecretBox
from scim.provisioning.records import UniqueField
from storage.access import UserSyncRecord

LONGEST_NAME = 128

_TENANT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,251}[A-Za-z0-9])?")


class ConnectionProblem(Exception):
    """A connection cannot be created or found; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A user sync that is to be created.

    Attributes:
        name: what people call it, unique in the workspace.
        azure_tenant: id or domain of the Entra directory.
        client_id: the application id that signs in.
        client_secret: its secret.
        enrollment: what happens to new users' e-mail addresses.
        unique_field: how an existing user is found the first time.
        deletion_policy: what a deletion in Azure does to a user.
        report_email: who gets the sync reports, or "".
        workspace: name of the workspace that it fills.
        authority_url: sign-in of the Microsoft cloud, or of a stand-in.
        graph_url: Graph of the Microsoft cloud, or of a stand-in.
    """

    name: str
    azure_tenant: str
    client_id: str
    client_secret: str = field(repr=False)
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
            if not _TENANT.fullmatch(value):
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

    def settings(self) -> dict[str, Any]:
        """Return what is stored without a column of its own."""
        if (self.authority_url, self.graph_url) == (LOGIN_URL, GRAPH_URL):
            return {}
        return {"authority_url": self.authority_url, "graph_url": self.graph_url}

    def sealed(self, secrets: SecretBox) -> str:
        """Return the secrets as they are stored: encrypted."""
        return secrets.encrypt(orjson.dumps({"client_secret": self.client_secret}).decode())


def credentials_of(record: UserSyncRecord, secrets: SecretBox) -> ClientCredentials:
    """Return what a user sync signs in with.

    Raises:
        ConnectionProblem: it has no client secret yet.
        UnreadableSecretError: it was encrypted with a key that is not configured.
    """
    if not record.secrets:
        raise ConnectionProblem(f"The user sync {record.name!r} has no client secret yet.")
    opened: Mapping[str, str] = orjson.loads(secrets.decrypt(record.secrets))
    return ClientCredentials(record.azure_tenant, record.client_id, opened["client_secret"])


def endpoints_of(record: UserSyncRecord) -> GraphEndpoints:
    """Return where a user sync signs in and reads."""
    return GraphEndpoints.from_settings(
        record.settings.get("authority_url", LOGIN_URL), record.settings.get("graph_url", GRAPH_URL)
    )


def config_of(record: UserSyncRecord, workspace: str) -> SyncConfig:
    """Return a user sync as the engine needs it."""
    return SyncConfig(
        sync_id=record.id,
        name=record.name,
        workspace=workspace,
        azure_tenant=record.azure_tenant,
        unique_field=UniqueField(record.unique_field),
        deletion_policy=DeletionPolicy(record.deletion_policy),
        enrollment=Enrollment(record.enrollment),
        safeguard=SafeguardLimits(**record.settings.get("safeguard", {})),
    )


def public(record: UserSyncRecord) -> dict[str, Any]:
    """Return a user sync as JSON values, without anything secret."""
    last = record.last_run
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "azure_tenant": record.azure_tenant,
        "client_id": record.client_id,
        "enrollment": record.enrollment,
        "unique_field": record.unique_field,
        "deletion_policy": record.deletion_policy,
        "report_email": record.report_email,
        "last_run": None if last is None else {"id": last.id, "status": last.status.value},
    }
