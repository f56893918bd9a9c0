from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Workspace",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("name", fields.CharField(unique=True, max_length=128)),
                ("created_at", fields.BigIntField()),
            ],
            options={
                "table": "workspace",
                "app": "storage",
                "pk_attr": "row_id",
                "table_description": "One customer of ezto auth, everything else is inside exactly one.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="audit",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("at", fields.BigIntField()),
                ("actor", fields.CharField(max_length=128)),
                ("action", fields.CharField(max_length=32)),
                ("resource_type", fields.CharField(max_length=32)),
                ("resource_id", fields.CharField(max_length=36)),
                ("run_id", fields.CharField(null=True, max_length=36)),
                ("changes", fields.TextField(null=True, unique=False)),
            ],
            options={
                "table": "audit",
                "app": "storage",
                "pk_attr": "row_id",
                "table_description": "One write: who, what (old -> new per attribute), when.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MailMessage",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="mails",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharField(max_length=32)),
                ("recipient", fields.CharField(max_length=320)),
                ("subject", fields.TextField(unique=False)),
                ("message", fields.TextField(unique=False)),
                ("run_id", fields.CharField(null=True, max_length=36)),
                ("status", fields.CharField(default="queued", max_length=16)),
                ("attempts", fields.IntField(default=0)),
                ("next_attempt_at", fields.BigIntField(default=0)),
                ("created_at", fields.BigIntField()),
                ("sent_at", fields.BigIntField(null=True)),
                ("error", fields.TextField(default="", unique=False)),
            ],
            options={
                "table": "mail_outbox",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "A mail to send, and what became of it (outbox).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ResourceRow",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="resources",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("id", fields.CharField(unique=True, max_length=36)),
                ("type", fields.CharField(max_length=32)),
                ("authority", fields.CharField(max_length=128)),
                ("joined", fields.BooleanField(default=False)),
                ("blocked", fields.BooleanField(default=False)),
                ("user_name_key", fields.TextField(null=True, unique=False)),
                ("display", fields.TextField(null=True, unique=False)),
                ("display_name_key", fields.TextField(null=True, unique=False)),
                ("active", fields.BooleanField(null=True)),
                ("version", fields.BigIntField(default=1)),
                ("created_at", fields.BigIntField()),
                ("modified_at", fields.BigIntField()),
                ("password_hash", fields.TextField(null=True, unique=False)),
                ("email_verified", fields.BooleanField(null=True)),
                ("invite_status", fields.TextField(null=True, unique=False)),
                ("document", fields.TextField(unique=False)),
                ("search", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "resource",
                "app": "storage",
                "pk_attr": "row_id",
                "table_description": "A user or a group: its ready-to-serve SCIM document beside the columns queries need.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ExternalId",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "resource",
                    fields.ForeignKeyField(
                        "storage.ResourceRow",
                        source_field="resource_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="external_ids",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="external_ids",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("source", fields.CharField(max_length=128)),
                ("value", fields.TextField(unique=False)),
                ("value_key", fields.TextField(unique=False)),
            ],
            options={
                "table": "external_id",
                "app": "storage",
                "unique_together": (("resource", "source"),),
                "pk_attr": "row_id",
                "table_description": "The externalId that one SCIM client gave a resource (RFC 7643 §3.1: scoped to its domain).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Membership",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "group",
                    fields.ForeignKeyField(
                        "storage.ResourceRow",
                        source_field="group_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="memberships",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "storage.ResourceRow",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="member_of",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
            ],
            options={
                "table": "membership",
                "app": "storage",
                "unique_together": (("group", "member"),),
                "pk_attr": "row_id",
                "table_description": "One member of a group: users and groups can both be members.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ResourceEmail",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "resource",
                    fields.ForeignKeyField(
                        "storage.ResourceRow",
                        source_field="resource_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="emails",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="emails",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("value_key", fields.TextField(unique=False)),
                ("type_key", fields.TextField(null=True, unique=False)),
                ("is_primary", fields.BooleanField(default=False)),
            ],
            options={
                "table": "resource_email",
                "app": "storage",
                "pk_attr": "row_id",
                "table_description": "One e-mail address of a user, so that look-ups by address use an index.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ScimClient",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="scim_clients",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=128)),
                ("profile", fields.CharField(default="generic", max_length=32)),
                ("created_at", fields.BigIntField()),
            ],
            options={
                "table": "scim_client",
                "app": "storage",
                "unique_together": (("workspace", "name"),),
                "pk_attr": "id",
                "table_description": "A provisioning source that pushes: its profile, its tokens, its own externalIds.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ScimToken",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36),
                ),
                (
                    "client",
                    fields.ForeignKeyField(
                        "storage.ScimClient",
                        source_field="client_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("scopes", fields.CharField(default="read write", max_length=128)),
                ("created_at", fields.BigIntField()),
                ("expires_at", fields.BigIntField(null=True)),
                ("last_used_at", fields.BigIntField(null=True)),
                ("revoked_at", fields.BigIntField(null=True)),
            ],
            options={
                "table": "scim_token",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "A bearer token of a SCIM client, as the SHA-256 of its 256 random bits.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Tombstone",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="tombstones",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("type", fields.CharField(max_length=32)),
                ("deleted_by", fields.CharField(max_length=128)),
                ("deleted_at", fields.BigIntField()),
                ("expires_at", fields.BigIntField()),
                ("state", fields.TextField(unique=False)),
            ],
            options={
                "table": "tombstone",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "A deleted resource, restorable until it expires, with its memberships.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="UserSync",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36),
                ),
                (
                    "workspace",
                    fields.ForeignKeyField(
                        "storage.Workspace",
                        source_field="workspace_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="user_syncs",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=128)),
                ("provider", fields.CharField(default="azure_ad", max_length=32)),
                ("enrollment", fields.CharField(default="send_email", max_length=32)),
                ("unique_field", fields.CharField(default="email", max_length=32)),
                ("deletion_policy", fields.CharField(default="delete", max_length=32)),
                ("report_email", fields.CharField(default="", max_length=320)),
                ("settings", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("sign_in", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("secrets", fields.TextField(null=True, unique=False)),
                ("state", fields.CharField(default="ready", max_length=32)),
                ("state_reason", fields.TextField(default="", unique=False)),
                ("generation", fields.BigIntField(default=0)),
                ("fingerprint", fields.CharField(default="", max_length=64)),
                ("lease_owner", fields.CharField(default="", max_length=64)),
                ("lease_until", fields.BigIntField(default=0)),
                ("fence", fields.BigIntField(default=0)),
                ("created_at", fields.BigIntField()),
            ],
            options={
                "table": "user_sync",
                "app": "storage",
                "unique_together": (("workspace", "name"),),
                "pk_attr": "id",
                "table_description": "One configured integration (connection).",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Link",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "sync",
                    fields.ForeignKeyField(
                        "storage.UserSync",
                        source_field="sync_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="links",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("source_id", fields.CharField(max_length=128)),
                ("kind", fields.CharField(max_length=16)),
                ("resource_id", fields.CharField(max_length=36)),
                ("state", fields.CharField(default="linked", max_length=16)),
                ("joined", fields.BooleanField(default=False)),
                ("linked_at", fields.BigIntField()),
            ],
            options={
                "table": "link",
                "app": "storage",
                "unique_together": (("sync", "source_id"),),
                "pk_attr": "row_id",
                "table_description": "The bond between a source object and the SCIM resource it feeds.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MirrorObject",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "sync",
                    fields.ForeignKeyField(
                        "storage.UserSync",
                        source_field="sync_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="mirror",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("source_id", fields.CharField(max_length=128)),
                ("kind", fields.CharField(max_length=16)),
                ("presence", fields.CharField(max_length=16)),
                ("attributes", fields.TextField(default="{}", unique=False)),
                ("manager_id", fields.CharField(null=True, max_length=128)),
                ("unique_key", fields.TextField(null=True, unique=False)),
                ("stamp", fields.CharField(default="", max_length=32)),
                ("generation", fields.BigIntField(default=0)),
                ("dirty", fields.BooleanField(default=True)),
                ("failures", fields.IntField(default=0)),
                ("retry_at", fields.BigIntField(default=0)),
            ],
            options={
                "table": "mirror_object",
                "app": "storage",
                "unique_together": (("sync", "source_id"),),
                "pk_attr": "row_id",
                "table_description": "One object of the source as last read, in scope or not.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MirrorMember",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "group",
                    fields.ForeignKeyField(
                        "storage.MirrorObject",
                        source_field="group_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="members",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "storage.MirrorObject",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="row_id",
                        related_name="member_of",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("generation", fields.BigIntField(default=0)),
            ],
            options={
                "table": "mirror_member",
                "app": "storage",
                "unique_together": (("group", "member"),),
                "pk_attr": "row_id",
                "table_description": "One membership edge of the source, by mirror rows, in scope or not.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SyncCursor",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "sync",
                    fields.ForeignKeyField(
                        "storage.UserSync",
                        source_field="sync_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="cursors",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("kind", fields.CharField(max_length=16)),
                ("next_cursor", fields.TextField(null=True, unique=False)),
                ("delta_cursor", fields.TextField(null=True, unique=False)),
                ("generation", fields.BigIntField(default=0)),
                ("swept", fields.BooleanField(default=True)),
                ("gaps", fields.IntField(default=0)),
            ],
            options={
                "table": "sync_cursor",
                "app": "storage",
                "unique_together": (("sync", "kind"),),
                "pk_attr": "row_id",
                "table_description": "Where the delta chain of one kind of object stands, saved with each page.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SyncRun",
            fields=[
                (
                    "id",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36),
                ),
                (
                    "sync",
                    fields.ForeignKeyField(
                        "storage.UserSync",
                        source_field="sync_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="runs",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("mode", fields.CharField(max_length=16)),
                ("trigger", fields.CharField(max_length=32)),
                ("actor", fields.CharField(default="", max_length=128)),
                ("status", fields.CharField(max_length=16)),
                ("phase", fields.CharField(max_length=16)),
                ("preview", fields.BooleanField(default=False)),
                ("started_at", fields.BigIntField()),
                ("finished_at", fields.BigIntField(null=True)),
                ("counts", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("notes", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("code", fields.CharField(default="", max_length=64)),
                ("message", fields.TextField(default="", unique=False)),
                ("advice", fields.TextField(default="", unique=False)),
                ("checksum", fields.CharField(default="", max_length=64)),
                ("fence", fields.BigIntField(default=0)),
            ],
            options={
                "table": "sync_run",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "One execution of a user sync, and its line in the history.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PlanOperation",
            fields=[
                (
                    "row_id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                (
                    "run",
                    fields.ForeignKeyField(
                        "storage.SyncRun",
                        source_field="run_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="operations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("seq", fields.BigIntField()),
                ("phase", fields.IntField(default=0)),
                ("action", fields.CharField(max_length=16)),
                ("kind", fields.CharField(max_length=16)),
                ("source_id", fields.CharField(max_length=128)),
                ("label", fields.TextField(default="", unique=False)),
                ("method", fields.CharField(default="", max_length=8)),
                ("path", fields.TextField(default="", unique=False)),
                ("body", fields.TextField(null=True, unique=False)),
                ("before", fields.TextField(null=True, unique=False)),
                ("after", fields.TextField(null=True, unique=False)),
                ("stamp", fields.CharField(default="", max_length=32)),
                ("size", fields.IntField(default=0)),
                ("status", fields.CharField(max_length=16)),
                ("code", fields.CharField(default="", max_length=64)),
                ("message", fields.TextField(default="", unique=False)),
                ("advice", fields.TextField(default="", unique=False)),
                ("resource_id", fields.CharField(default="", max_length=36)),
                ("applied_at", fields.BigIntField(null=True)),
            ],
            options={
                "table": "plan_operation",
                "app": "storage",
                "unique_together": (("run", "seq"),),
                "pk_attr": "row_id",
                "table_description": "One SCIM operation of a run's plan: preview, resume point, provisioning log and history.",
            },
            bases=["Model"],
        ),
    ]
