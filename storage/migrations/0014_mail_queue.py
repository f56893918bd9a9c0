"""Mails that are one of many wait for those that are not; a user has one open invitation."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from storage.engines.dialect_sql import DialectSQL

OPEN = "accepted_at IS NULL AND voided_at IS NULL"

INDEXES = (
    "DROP INDEX ix_mail_due",
    "CREATE INDEX ix_mail_queue ON \"mail_outbox\" (bulk, next_attempt_at, id) WHERE status = 'queued'",
    "CREATE INDEX ix_mail_status ON \"mail_outbox\" (workspace_id, id) WHERE status = 'failed'",
    f'CREATE UNIQUE INDEX uq_invitation_open ON "invitation" (workspace_id, resource_id) WHERE {OPEN}',
    f'CREATE INDEX ix_invitation_open ON "invitation" (expires_at) WHERE {OPEN}',
    'CREATE INDEX ix_invitation_sync ON "invitation" (workspace_id, sync_id, id)',
)

BINARY = (("mail_outbox", "id", "varchar(36)"),)


class Migration(migrations.Migration):
    """The queue of mails, and open invitations."""

    dependencies = [("storage", "0013_sync_choices")]

    initial = False

    operations = [
        ops.AddField(
            model_name="MailMessage",
            name="bulk",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        DialectSQL(
            both=INDEXES,
            postgres=[
                f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {kind} COLLATE "C"'
                for table, column, kind in BINARY
            ],
        ),
    ]
