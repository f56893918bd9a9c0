"""Indexes, and on PostgreSQL the binary collation of what is compared.

Keys are folded in Python and compare binary: COLLATE "C" makes ranges, prefixes and sorting on
PostgreSQL agree with SQLite and with scim2-models' evaluator, and lets the indexes serve them.
"""

from tortoise import migrations

from storage.engines.dialect_sql import DialectSQL

BINARY = {
    "resource": {
        "id": "varchar(36)",
        "user_name_key": "text",
        "display_name_key": "text",
        "invite_status": "text",
    },
    "resource_email": {"value_key": "text", "type_key": "text"},
    "external_id": {"source": "varchar(128)", "value_key": "text"},
    "tombstone": {"id": "varchar(36)"},
    "mirror_object": {"source_id": "varchar(128)", "unique_key": "text"},
    "link": {"source_id": "varchar(128)", "resource_id": "varchar(36)"},
    "sync_run": {"id": "varchar(36)"},
    "plan_operation": {"source_id": "varchar(128)"},
}

INDEXES = {
    "resource": {
        "uq_resource_user_name": "UNIQUE workspace_id, user_name_key",
        "ix_resource_list": "workspace_id, type, id",
        "ix_resource_display": "workspace_id, type, display_name_key",
        "ix_resource_modified": "workspace_id, type, modified_at",
        "ix_resource_active": "workspace_id, type, active, id",
    },
    "resource_email": {
        "ix_email_value": "workspace_id, value_key, type_key, resource_id",
        "ix_email_resource": "resource_id",
    },
    "membership": {"ix_membership_member": "member_id, group_id"},
    "external_id": {"ix_external_id_value": "workspace_id, source, value_key, resource_id"},
    "tombstone": {
        "ix_tombstone_workspace": "workspace_id, deleted_at",
        "ix_tombstone_expires": "expires_at",
    },
    "scim_token": {"ix_token_client": "client_id"},
    "audit": {
        "ix_audit_resource": "workspace_id, resource_id, row_id",
        "ix_audit_at": "workspace_id, at",
    },
    "mirror_object": {
        "ix_mirror_dirty": "sync_id, kind, dirty, row_id",
        "ix_mirror_manager": "sync_id, manager_id",
        "ix_mirror_unique": "sync_id, unique_key",
    },
    "mirror_member": {"ix_mirror_member": "member_id, group_id"},
    "link": {
        "ix_link_resource": "resource_id",
        "ix_link_state": "sync_id, kind, state",
    },
    "sync_run": {"ix_run_sync": "sync_id, id"},
    "plan_operation": {
        "ix_plan_pending": "run_id, status, phase, seq",
        "ix_plan_source": "source_id, run_id",
    },
    "mail_outbox": {
        "ix_mail_due": "status, next_attempt_at",
        "ix_mail_workspace": "workspace_id, id",
        "ix_mail_run": "run_id",
    },
}


def _collations() -> list[str]:
    return [
        f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {kind} COLLATE "C"'
        for table, columns in BINARY.items()
        for column, kind in columns.items()
    ]


def _indexes() -> list[str]:
    return [
        f"CREATE {'UNIQUE ' * columns.startswith('UNIQUE ')}INDEX {name} "
        f'ON "{table}" ({columns.removeprefix("UNIQUE ")})'
        for table, indexes in INDEXES.items()
        for name, columns in indexes.items()
    ]


class Migration(migrations.Migration):
    """The indexes of the first release."""

    dependencies = [("storage", "0001_first_release")]

    operations = [DialectSQL(both=_indexes(), postgres=_collations())]
