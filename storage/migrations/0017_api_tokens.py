"""Tokens of the JSON API, and what the queue of runs and the schedules need."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

from storage.engines.dialect_sql import DialectSQL

INDEXES = (
    'CREATE UNIQUE INDEX ux_request_queued ON "sync_request" (sync_id, digest) '
    "WHERE status = 'queued' AND digest <> ''",
    'CREATE INDEX ix_mirror_due ON "mirror_object" (sync_id, retry_at) WHERE failures > 0',
    'CREATE INDEX ix_api_token_workspace ON "api_token" (workspace_id, id)',
)


class Migration(migrations.Migration):
    dependencies = [("storage", "0016_discarded_members")]

    initial = False

    operations = [
        ops.CreateModel(
            name="ApiToken",
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
                        related_name="api_tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("name", fields.CharField(max_length=128)),
                ("role", fields.CharField(max_length=32)),
                ("token_hash", fields.CharField(unique=True, max_length=64)),
                ("created_at", fields.BigIntField()),
                ("expires_at", fields.BigIntField(null=True)),
                ("last_used_at", fields.BigIntField(null=True)),
                ("revoked_at", fields.BigIntField(null=True)),
            ],
            options={
                "table": "api_token",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "A bearer token of the JSON API, as the SHA-256 of its 256 random bits.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="SyncRequest",
            name="digest",
            field=fields.CharField(default="", db_default="", max_length=32),
        ),
        ops.AddField(
            model_name="UserSync",
            name="scheduled_version",
            field=fields.BigIntField(default=0, db_default=0),
        ),
        DialectSQL(both=INDEXES),
    ]
