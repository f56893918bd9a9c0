from tortoise import migrations
from tortoise.migrations import operations as ops
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("storage", "0010_oauth_and_issuers")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Invitation",
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
                        related_name="invitations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("resource_id", fields.CharField(max_length=36)),
                ("sync_id", fields.CharField(default="", max_length=36)),
                ("address", fields.CharField(max_length=320)),
                ("address_key", fields.TextField(unique=False)),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("created_at", fields.BigIntField()),
                ("created_by", fields.CharField(default="", max_length=128)),
                ("expires_at", fields.BigIntField()),
                ("mail_id", fields.CharField(null=True, max_length=36)),
                ("accepted_at", fields.BigIntField(null=True)),
                ("voided_at", fields.BigIntField(null=True)),
                ("void_reason", fields.CharField(default="", max_length=32)),
            ],
            options={
                "table": "invitation",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "One invitation of a user to verify one address, by a link that works once.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SyncDiscard",
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
                        related_name="discards",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("source_id", fields.CharField(max_length=128)),
                ("action", fields.CharField(max_length=16)),
                ("stamp", fields.CharField(max_length=32)),
                ("run_id", fields.CharField(max_length=36)),
                ("decided_by", fields.CharField(default="", max_length=128)),
                ("decided_at", fields.BigIntField()),
            ],
            options={
                "table": "sync_discard",
                "app": "storage",
                "unique_together": (("sync", "source_id", "action"),),
                "pk_attr": "row_id",
                "table_description": "A held operation that a person discarded, remembered until its source object changes.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SyncRequest",
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
                        related_name="requests",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("options", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("trigger", fields.CharField(max_length=32)),
                ("actor", fields.CharField(default="", max_length=128)),
                ("status", fields.CharField(default="queued", max_length=16)),
                ("requested_at", fields.BigIntField()),
                ("not_before", fields.BigIntField(default=0)),
                ("taken_by", fields.CharField(default="", max_length=64)),
                ("taken_at", fields.BigIntField(null=True)),
                ("run_id", fields.CharField(null=True, max_length=36)),
                ("message", fields.TextField(default="", unique=False)),
            ],
            options={
                "table": "sync_request",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "A run that somebody, or the schedule, asked for, until a worker takes it.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Link",
            name="enrollment",
            field=fields.CharField(default="", db_default="", max_length=16),
        ),
        ops.AddField(
            model_name="MirrorObject",
            name="in_scope",
            field=fields.BooleanField(default=True, db_default=True),
        ),
        ops.AddField(
            model_name="MirrorObject",
            name="scope_reason",
            field=fields.CharField(default="", db_default="", max_length=64),
        ),
        ops.AddField(
            model_name="PlanOperation",
            name="decided_at",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="PlanOperation",
            name="decided_by",
            field=fields.CharField(default="", db_default="", max_length=128),
        ),
        ops.AddField(
            model_name="SyncRun",
            name="cancel_by",
            field=fields.CharField(default="", db_default="", max_length=128),
        ),
        ops.AddField(
            model_name="SyncRun",
            name="config_version",
            field=fields.BigIntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name="SyncRun",
            name="options",
            field=fields.JSONField(default=dict, db_default={}, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.AddField(
            model_name="SyncRun",
            name="reviewed_run",
            field=fields.CharField(null=True, max_length=36),
        ),
        ops.AddField(
            model_name="SyncRun",
            name="undoes_run",
            field=fields.CharField(null=True, max_length=36),
        ),
        ops.AddField(
            model_name="UserSync",
            name="config_version",
            field=fields.BigIntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name="UserSync",
            name="next_run_at",
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name="UserSync",
            name="paused",
            field=fields.BooleanField(default=False, db_default=False),
        ),
    ]
