"""What the scope was last told by, and an index to tell it again in batches."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from storage.engines.dialect_sql import DialectSQL

INDEXES = (
    "DROP INDEX ix_mirror_scope",
    'CREATE INDEX ix_mirror_scope ON "mirror_object" (sync_id, kind, row_id)',
)


class Migration(migrations.Migration):
    """The scope of a user sync, and how its nested groups are planned."""

    dependencies = [("storage", "0014_mail_queue")]

    initial = False

    operations = [
        ops.AddField(
            model_name="UserSync",
            name="nesting",
            field=fields.CharField(default="kept", db_default="kept", max_length=16),
        ),
        ops.AddField(
            model_name="UserSync",
            name="scope_fingerprint",
            field=fields.CharField(default="", db_default="", max_length=64),
        ),
        DialectSQL(both=INDEXES),
    ]
