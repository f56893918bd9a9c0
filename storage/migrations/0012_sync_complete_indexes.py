"""Indexes of what 0011 added, and those that ask for an object's past."""

from tortoise import migrations

from storage.engines.dialect_sql import DialectSQL

INDEXES = (
    'CREATE INDEX ix_invitation_resource ON "invitation" (workspace_id, resource_id)',
    'CREATE INDEX ix_invitation_expires ON "invitation" (expires_at)',
    'CREATE INDEX ix_request_queue ON "sync_request" (status, not_before)',
    'CREATE INDEX ix_request_sync ON "sync_request" (sync_id, id)',
    'CREATE INDEX ix_plan_resource ON "plan_operation" (resource_id, run_id)',
    'CREATE INDEX ix_sync_next_run ON "user_sync" (next_run_at)',
    'CREATE INDEX ix_mirror_scope ON "mirror_object" (sync_id, kind, in_scope)',
)

BINARY = (
    ("invitation", "id", "varchar(36)"),
    ("invitation", "resource_id", "varchar(36)"),
    ("invitation", "address_key", "text"),
    ("sync_discard", "source_id", "varchar(128)"),
    ("sync_request", "id", "varchar(36)"),
    ("plan_operation", "resource_id", "varchar(36)"),
)


class Migration(migrations.Migration):
    """Indexes of the complete user sync."""

    dependencies = [("storage", "0011_sync_complete")]

    operations = [
        DialectSQL(
            both=INDEXES,
            postgres=[
                f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {kind} COLLATE "C"'
                for table, column, kind in BINARY
            ],
        )
    ]
