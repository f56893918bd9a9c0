"""Bodies, queries and answers of the API. Moments are RFC 3339 texts."""

from typing import Any, Literal

from pydantic import Field

from gateway.http.api.endpoints import Answer, Body, Query
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


# -- answers ----------------------------------------------------------------------------------


class LastRun(Answer):
    """The newest run."""

    id: str
    status: str


class Schedule(Answer):
    """When a user sync runs by itself."""

    settings: Json
    active: bool
    next: list[str]


class UserSync(Answer):
    """A user sync; nothing secret."""

    id: str
    name: str
    state: str
    state_reason: str
    sign_in: str
    azure_tenant: str
    client_id: str
    enrollment: str
    unique_field: str
    deletion_policy: str
    report_email: str
    last_run: LastRun | None
    safeguard: Json
    scope: Json
    nested: str
    mapping: Json
    target: Json
    schedule: Schedule
    paused: bool
    paused_by: str
    pause_reason: str
    config_version: int
    created_at: str


class Run(Answer):
    """One run."""

    id: str
    sync: str
    kind: str
    mode: str
    status: str
    phase: str
    preview: bool
    trigger: str
    actor: str
    started_at: str
    finished_at: str | None
    users: dict[str, int]
    groups: dict[str, int]
    memberships: dict[str, int]
    notes: list[str]
    error: Json | None
    checksum: str
    config_version: int
    reviewed_run: str | None
    undoes_run: str | None
    cancelled_by: str


class PlanRow(Answer):
    """One SCIM operation of a plan."""

    seq: int
    action: str
    kind: str
    source_id: str
    label: str
    method: str
    path: str
    before: Json | None
    after: Json | None
    status: str
    code: str
    message: str
    advice: str
    resource_id: str
    applied_at: str | None
    decided_by: str
    decided_at: str | None


class Request(Answer):
    """Something that was asked for, and what became of it."""

    id: str
    sync: str
    call: Json
    status: str = Field(description="queued, taken, done, failed or merged.")
    trigger: str
    actor: str
    requested_at: str
    run: str | None = Field(description="The run that it became, or that works on it now.")
    message: str


class UserSyncPage(Answer):
    """User syncs, the oldest first."""

    items: list[UserSync]
    next: str | None


class RunPage(Answer):
    """Runs, newest first."""

    items: list[Run]
    next: str | None


class PlanPage(Answer):
    """Operations in the order of the plan."""

    items: list[PlanRow]
    next: int | None


class RequestPage(Answer):
    """Requests, newest first."""

    items: list[Request]
    next: str | None


class Saved(Answer):
    """An edit that was saved, or the request for its preview."""

    saved: bool
    user_sync: UserSync | None = None
    request: Request | None = None


class Count(Answer):
    """How many."""

    count: int


class Done(Answer):
    """Whether anything was done."""

    done: bool


class ImportedMapping(Answer):
    """A mapping that came from an exported schema; nothing is saved."""

    mapping: Json
    left_out: list[dict[str, str]]
    changed: list[str]


class TestedRow(Answer):
    """What a row of a mapping does with an object."""

    row: int
    target: str
    source: str
    outcome: str
    sources: Json
    result: Any
    notes: list[str]
    error: str
    shown: str


class TestedObject(Answer):
    """What a mapping does with an object."""

    kind: str
    source_id: str
    rows: list[TestedRow]


class StepAnswer(Answer):
    """One of the five steps of provision on demand."""

    name: str
    status: str
    input: Json
    output: Json
    reason: str
    advice: str


class OnDemandAnswer(Answer):
    """What provisioning one object did, or would do."""

    kind: str
    identifier: str
    source_id: str
    label: str
    applied: bool
    run: str
    resource_id: str
    ok: bool
    steps: list[StepAnswer]


class StandingAnswer(Answer):
    """Where an object stands in a user sync."""

    sync: str
    sync_name: str
    source_id: str
    resource_id: str
    kind: str
    sentences: list[str]


class DecisionAnswer(Answer):
    """What one run decided about an object."""

    sync: str
    sync_name: str
    run: str
    mode: str
    trigger: str
    actor: str
    preview: bool
    at: str
    seq: int
    action: str
    kind: str
    source_id: str
    resource_id: str
    label: str
    before: Json | None
    after: Json | None
    status: str
    code: str
    message: str
    advice: str
    decided_by: str


class ExplanationAnswer(Answer):
    """Everything that is known about a person or group."""

    standings: list[StandingAnswer]
    decisions: list[DecisionAnswer]


class ResolutionAnswer(Answer):
    """What was chosen."""

    source_id: str
    choice: str
    resource_id: str
    decided_by: str


class TargetAnswer(Answer):
    """What a target offers."""

    target: str
    offers: dict[str, bool]


class Health(Answer):
    """How the gateway is, as far as this workspace goes."""

    status: str
    version: str
    role: str
    user_syncs: dict[str, int] = Field(description="How many, by state.")
    queued: int
    taken: int
    waiting_since: str | None
