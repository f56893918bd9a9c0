"""Bodies and queries of the API."""

from typing import Any, Literal

from pydantic import Field

from gateway.http.api.endpoints import Body, Query
from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.source import ObjectKind

Json = dict[str, Any]

Limit = Field(50, ge=1, le=500, description="How many at most.")

# -- queries ----------------------------------------------------------------------------------


class PageQuery(Query):
    """A page of a list."""

    after: str = Field("", max_length=64, description="`next` of the page before.")
    limit: int = Limit


class OperationsQuery(Query):
    """A page of a plan's operations, filtered."""

    after: int = Field(0, ge=0, description="`next` of the page before.")
    limit: int = Limit
    status: OperationStatus | None = None
    action: Action | None = None
    kind: ObjectKind | None = None
    search: str = Field(
        "", max_length=200, description="A part of the label, or the id in the directory or here."
    )


class RequestQuery(Query):
    """How long an answer about a request may take."""

    wait: int = Field(
        0, ge=0, le=30, description="Answer when it is over, or after so many seconds."
    )


class DeleteQuery(Query):
    """How a user sync is deleted."""

    deactivate: bool = Field(False, description="Disable its users as well.")


class ExplainQuery(Query):
    """Whom to explain."""

    who: str = Field(
        min_length=1,
        max_length=320,
        description="Id in the directory, id of the user or group here, or a userName.",
    )


# -- bodies -----------------------------------------------------------------------------------


class SyncSettings(Body):
    """What can be edited of a user sync; what is left out stays as it is."""

    name: str | None = None
    enrollment: str | None = Field(None, description="send_email, trust_email or only_sync.")
    unique_field: str | None = Field(None, description="email or username.")
    deletion_policy: str | None = Field(None, description="delete or deactivate.")
    report_email: str | None = Field(None, description='Who gets the reports; "" for nobody.')
    schedule: Json | None = Field(None, description="See the schedule's own endpoint.")
    safeguard: Json | None = Field(None, description="percent, at_least, enabled.")
    scope: Json | None = Field(None, description="Who and what is provisioned (docs/scope.md).")
    nested: str | None = Field(None, description="kept or flattened.")
    mapping: Json | None = Field(None, description="The mapping table (docs/mapping.md).")
    target: Json | None = Field(
        None, description="A remote SCIM server (docs/remote-target.md). Needs an administrator."
    )


class NewUserSync(SyncSettings):
    """A user sync that is to be created."""

    name: str = Field(description="Unique in the workspace.")
    azure_tenant: str = Field("", description="Id or domain of the Entra directory.")
    client_id: str = Field("", description="Application (client) id; the gateway's own if empty.")
    client_secret: str = Field("", description="Its secret. It is never answered.", repr=False)
    sign_in: Literal["app", "account"] = "app"
    authority_url: str = Field("", description="Sign-in of a stand-in. Needs an administrator.")
    graph_url: str = Field("", description="Graph of a stand-in. Needs an administrator.")


class NewCredential(Body):
    """A new client secret."""

    client_secret: str = Field(min_length=1, max_length=1_000, repr=False)


class NewRun(Body):
    """How a user sync is to run; at most one of full, retry and drift."""

    full: bool = Field(False, description="Read everything again.")
    preview: bool = Field(False, description="Plan and check only.")
    retry: bool = Field(False, description="Only what failed and is due again.")
    drift: bool = Field(False, description="Compare the store with the mirror; repair it.")
    allow: bool = Field(False, description="Apply, this once, what safeguards would hold.")


class Reviewed(Body):
    """The plan that was reviewed."""

    checksum: str = Field(min_length=1, max_length=64)


class Chosen(Body):
    """Which held operations are meant."""

    seqs: list[int] | None = Field(None, description="Their numbers; null for all of them.")


class Repair(Body):
    """What is done about drift."""

    repair: bool = Field(False, description="Mend it; otherwise only list it.")


class Reason(Body):
    """Why a user sync is paused."""

    reason: str = Field("", max_length=500)


class OnDemandBody(Body):
    """One person or group."""

    kind: ObjectKind = ObjectKind.user
    identifier: str = Field(min_length=1, max_length=320)
    apply: bool = Field(False, description="Do it; otherwise only show it.")


class MappingTest(Body):
    """An object that a mapping is tried out on."""

    kind: ObjectKind = ObjectKind.user
    identifier: str = Field(min_length=1, max_length=320)
    mapping: Json | None = Field(None, description="The mapping; that of the user sync if null.")


class JsonObject(Body):
    """A JSON object that is checked by what it is for."""

    value: Json


class ChoiceBody(Body):
    """What a person chose for an object that cannot be matched without one."""

    choice: str = Field(description="take_over, contribute or create.")
    resource_id: str = Field("", max_length=64, description="The user to join.")


class Invite(Body):
    """Whether existing users are invited."""

    apply: bool = Field(False, description="Have the next run do it; otherwise only count.")
