"""User syncs: configuration, mirror of the source, links, runs, plans, mail."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from storage.models.access import Workspace


class UserSync(Model):
    """One configured integration (connection)."""

    id = fields.CharField(max_length=36, primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="user_syncs", on_delete=fields.CASCADE
    )
    name = fields.CharField(max_length=128)
    provider = fields.CharField(max_length=32, default="azure_ad")
    enrollment = fields.CharField(max_length=32, default="send_email")
    unique_field = fields.CharField(max_length=32, default="email")
    deletion_policy = fields.CharField(max_length=32, default="delete")
    report_email = fields.CharField(max_length=320, default="")
    settings: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    """What has no column: endpoints, safeguard, scope, mapping, schedule."""
    sign_in: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    """Azure tenant, client id, granted permissions; nothing secret."""
    secrets = fields.TextField(null=True)
    """Client secret and token cache, encrypted."""
    state = fields.CharField(max_length=32, default="ready")
    state_reason = fields.TextField(default="")
    paused = fields.BooleanField(default=False, db_default=False)
    """A person stopped it: neither schedule nor retry starts a run, a person may."""
    config_version = fields.BigIntField(default=1, db_default=1)
    """Grows with each edit, a reviewed plan of an older configuration is refused."""
    next_run_at = fields.BigIntField(null=True)
    scheduled_version = fields.BigIntField(default=0, db_default=0)
    """The version of the configuration whose schedule ``next_run_at`` comes from."""
    generation = fields.BigIntField(default=0)
    fingerprint = fields.CharField(max_length=64, default="")
    """Digest of what the mirror was last planned with."""
    scope_fingerprint = fields.CharField(max_length=64, default="", db_default="")
    """Digest of the scope that ``in_scope`` was last told by, "" when everything is in."""
    nesting = fields.CharField(max_length=16, default="kept", db_default="kept")
    """How nested groups were last planned."""
    lease_owner = fields.CharField(max_length=64, default="")
    lease_until = fields.BigIntField(default=0)
    fence = fields.BigIntField(default=0)
    created_at = fields.BigIntField()

    class Meta:
        table = "user_sync"
        unique_together = (("workspace", "name"),)


class SyncCursor(Model):
    """Where the delta chain of one kind of object stands, saved with each page."""

    row_id = fields.BigIntField(primary_key=True)
    sync: fields.ForeignKeyRelation[UserSync] = fields.ForeignKeyField(
        "storage.UserSync", related_name="cursors", on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=16)
    next_cursor = fields.TextField(null=True)
    delta_cursor = fields.TextField(null=True)
    generation = fields.BigIntField(default=0)
    swept = fields.BooleanField(default=True)
    gaps = fields.IntField(default=0)
    """Whether objects could not be read since the last initial cycle began (see ``Gaps``)."""
    properties = fields.TextField(default="", db_default="")
    """The source properties that the chain reads, sorted, one a line."""

    class Meta:
        table = "sync_cursor"
        unique_together = (("sync", "kind"),)


class MirrorObject(Model):
    """One object of the source as last read, in scope or not."""

    row_id = fields.BigIntField(primary_key=True)
    sync: fields.ForeignKeyRelation[UserSync] = fields.ForeignKeyField(
        "storage.UserSync", related_name="mirror", on_delete=fields.CASCADE
    )
    source_id = fields.CharField(max_length=128)
    kind = fields.CharField(max_length=16)
    presence = fields.CharField(max_length=16)
    attributes = fields.TextField(default="{}")
    manager_id = fields.CharField(max_length=128, null=True)
    unique_key = fields.TextField(null=True)
    """The folded value of the Unique field, as mapped; finds two objects that claim one user."""
    in_scope = fields.BooleanField(default=True, db_default=True)
    scope_reason = fields.CharField(max_length=64, default="", db_default="")
    """Which rule of the scoping filter decided, as its stable word."""
    stamp = fields.CharField(max_length=32, default="")
    generation = fields.BigIntField(default=0)
    dirty = fields.BooleanField(default=True)
    failures = fields.IntField(default=0)
    retry_at = fields.BigIntField(default=0)

    class Meta:
        table = "mirror_object"
        unique_together = (("sync", "source_id"),)


class MirrorMember(Model):
    """One membership edge of the source, by mirror rows, in scope or not."""

    row_id = fields.BigIntField(primary_key=True)
    group: fields.ForeignKeyRelation[MirrorObject] = fields.ForeignKeyField(
        "storage.MirrorObject", related_name="members", on_delete=fields.CASCADE
    )
    member: fields.ForeignKeyRelation[MirrorObject] = fields.ForeignKeyField(
        "storage.MirrorObject", related_name="member_of", on_delete=fields.CASCADE
    )
    generation = fields.BigIntField(default=0)

    class Meta:
        table = "mirror_member"
        unique_together = (("group", "member"),)


class Link(Model):
    """The bond between a source object and the SCIM resource it feeds."""

    row_id = fields.BigIntField(primary_key=True)
    sync: fields.ForeignKeyRelation[UserSync] = fields.ForeignKeyField(
        "storage.UserSync", related_name="links", on_delete=fields.CASCADE
    )
    source_id = fields.CharField(max_length=128)
    kind = fields.CharField(max_length=16)
    resource_id = fields.CharField(max_length=255)
    """An id of the user store, or of a remote SCIM server, which makes its own."""
    state = fields.CharField(max_length=16, default="linked")
    joined = fields.BooleanField(default=False)
    enrollment = fields.CharField(max_length=16, default="", db_default="")
    """Whether an invitation is due ("due"), was sent ("sent"), or was never asked for ("")."""
    kept_disabled = fields.BooleanField(default=False, db_default=False)
    """Disabled here when the sync joined it: stays so until the source says disabled once."""
    linked_at = fields.BigIntField()

    class Meta:
        table = "link"
        unique_together = (("sync", "source_id"),)


class SyncRun(Model):
    """One execution of a user sync, and its line in the history."""

    id = fields.CharField(max_length=36, primary_key=True)
    sync: fields.ForeignKeyRelation[UserSync] = fields.ForeignKeyField(
        "storage.UserSync", related_name="runs", on_delete=fields.CASCADE
    )
    mode = fields.CharField(max_length=16)
    trigger = fields.CharField(max_length=32)
    actor = fields.CharField(max_length=128, default="")
    status = fields.CharField(max_length=16)
    phase = fields.CharField(max_length=16)
    preview = fields.BooleanField(default=False)
    started_at = fields.BigIntField()
    finished_at = fields.BigIntField(null=True)
    counts: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    notes: fields.JSONField[list[str]] = fields.JSONField(default=list)
    code = fields.CharField(max_length=64, default="")
    message = fields.TextField(default="")
    advice = fields.TextField(default="")
    checksum = fields.CharField(max_length=64, default="")
    fence = fields.BigIntField(default=0)
    options: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict, db_default={})
    """What was asked for beyond the mode: full, allowed operations, one object."""
    config_version = fields.BigIntField(default=0, db_default=0)
    reviewed_run = fields.CharField(max_length=36, null=True)
    """The preview whose plan this run applies."""
    undoes_run = fields.CharField(max_length=36, null=True)
    cancel_by = fields.CharField(max_length=128, default="", db_default="")
    """Who asked that it stops, "" when nobody did."""

    class Meta:
        table = "sync_run"


class PlanOperation(Model):
    """One SCIM operation of a run's plan: preview, resume point, provisioning log and history."""

    row_id = fields.BigIntField(primary_key=True)
    run: fields.ForeignKeyRelation[SyncRun] = fields.ForeignKeyField(
        "storage.SyncRun", related_name="operations", on_delete=fields.CASCADE
    )
    seq = fields.BigIntField()
    phase = fields.IntField(default=0)
    action = fields.CharField(max_length=16)
    kind = fields.CharField(max_length=16)
    source_id = fields.CharField(max_length=128)
    label = fields.TextField(default="")
    method = fields.CharField(max_length=8, default="")
    path = fields.TextField(default="")
    body = fields.TextField(null=True)
    before = fields.TextField(null=True)
    after = fields.TextField(null=True)
    stamp = fields.CharField(max_length=32, default="")
    size = fields.IntField(default=0)
    """How many memberships it adds or removes."""
    status = fields.CharField(max_length=16)
    code = fields.CharField(max_length=64, default="")
    message = fields.TextField(default="")
    advice = fields.TextField(default="")
    resource_id = fields.CharField(max_length=255, default="")
    applied_at = fields.BigIntField(null=True)
    decided_by = fields.CharField(max_length=128, default="", db_default="")
    """Who allowed or discarded it while it was held."""
    decided_at = fields.BigIntField(null=True)

    class Meta:
        table = "plan_operation"
        unique_together = (("run", "seq"),)


class SyncDiscard(Model):
    """A held operation that a person discarded, remembered until its source object changes.

    ``stamp`` is the mirror object's, its last digit replaced by ``i`` (in scope) or ``o`` (out),
    and ``gone`` of one that left the source.
    """

    row_id = fields.BigIntField(primary_key=True)
    sync: fields.ForeignKeyRelation[UserSync] = fields.ForeignKeyField(
        "storage.UserSync", related_name="discards", on_delete=fields.CASCADE
    )
    source_id = fields.CharField(max_length=128)
    action = fields.CharField(max_length=16)
    stamp = fields.CharField(max_length=32)
    members = fields.TextField(null=True)
    """Of a change of memberships: the members it is about, as a JSON list."""
    run_id = fields.CharField(max_length=36)
    decided_by = fields.CharField(max_length=128, default="")
    decided_at = fields.BigIntField()

    class Meta:
        table = "sync_discard"
        unique_together = (("sync", "source_id", "action"),)


class SyncResolution(Model):
    """What a person chose for one source object that could not be matched without one."""

    row_id = fields.BigIntField(primary_key=True)
    sync: fields.ForeignKeyRelation[UserSync] = fields.ForeignKeyField(
        "storage.UserSync", related_name="resolutions", on_delete=fields.CASCADE
    )
    source_id = fields.CharField(max_length=128)
    choice = fields.CharField(max_length=16)
    resource_id = fields.CharField(max_length=36, default="")
    decided_by = fields.CharField(max_length=128, default="")
    decided_at = fields.BigIntField()

    class Meta:
        table = "sync_resolution"
        unique_together = (("sync", "source_id"),)


class SyncRequest(Model):
    """A run that somebody, or the schedule, asked for, until a worker takes it."""

    id = fields.CharField(max_length=36, primary_key=True)
    sync: fields.ForeignKeyRelation[UserSync] = fields.ForeignKeyField(
        "storage.UserSync", related_name="requests", on_delete=fields.CASCADE
    )
    options: fields.JSONField[dict[str, Any]] = fields.JSONField(default=dict)
    """What is asked for: the call, and its arguments."""
    digest = fields.CharField(max_length=32, default="", db_default="")
    """Of the options: the same is queued only once."""
    trigger = fields.CharField(max_length=32)
    actor = fields.CharField(max_length=128, default="")
    status = fields.CharField(max_length=16, default="queued")
    requested_at = fields.BigIntField()
    not_before = fields.BigIntField(default=0)
    taken_by = fields.CharField(max_length=64, default="")
    taken_at = fields.BigIntField(null=True)
    run_id = fields.CharField(max_length=36, null=True)
    message = fields.TextField(default="")

    class Meta:
        table = "sync_request"


class MailMessage(Model):
    """A mail to send, and what became of it (outbox)."""

    id = fields.CharField(max_length=36, primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="mails", on_delete=fields.CASCADE
    )
    kind = fields.CharField(max_length=32)
    recipient = fields.CharField(max_length=320)
    subject = fields.TextField()
    message = fields.TextField()
    """The whole message in RFC 5322 form, or what it is written from, until it is sent."""
    bulk = fields.BooleanField(default=False, db_default=False)
    """One of many: mails that are not go first."""
    run_id = fields.CharField(max_length=36, null=True)
    status = fields.CharField(max_length=16, default="queued")
    attempts = fields.IntField(default=0)
    next_attempt_at = fields.BigIntField(default=0)
    created_at = fields.BigIntField()
    sent_at = fields.BigIntField(null=True)
    error = fields.TextField(default="")

    class Meta:
        table = "mail_outbox"
