"""Which members a discarded change was about, and indexes of what is open or risky in plans."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from storage.engines.dialect_sql import DialectSQL

INDEXES = (
    "CREATE INDEX ix_plan_open ON \"plan_operation\" (run_id) WHERE status IN ('pending', 'held')",
    'CREATE INDEX ix_plan_risky ON "plan_operation" (run_id, kind, applied_at) '
    "WHERE action IN ('delete', 'disable', 'unlink', 'remove_members', 'invite')",
    'CREATE INDEX ix_plan_members ON "plan_operation" (run_id) WHERE size > 0',
)


class Migration(migrations.Migration):
    """Discarded memberships, and what safeguards and approvals ask of plans."""

    dependencies = [("storage", "0015_scope")]

    initial = False

    operations = [
        ops.AddField(
            model_name="SyncDiscard",
            name="members",
            field=fields.TextField(null=True),
        ),
        DialectSQL(both=INDEXES),
    ]
