"""Answers of the API. Moments are RFC 3339 texts."""

from typing import Any

from pydantic import Field

from gateway.http.api.endpoints import Answer

Json = dict[str, Any]


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
