"""What a person chose for an object, what a chain reads, and who was disabled before joining."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields

from storage.engines.dialect_sql import DialectSQL

READ_BEFORE = {
    "user": "accountEnabled businessPhones city companyName country department displayName "
    "employeeId employeeOrgData employeeType faxNumber givenName jobTitle mail manager "
    "mobilePhone officeLocation otherMails postalCode preferredLanguage proxyAddresses state "
    "streetAddress surname userPrincipalName userType",
    "group": "displayName groupTypes mailEnabled members securityEnabled visibility",
}
"""What every delta chain read before the attribute mapping could be edited."""


class Migration(migrations.Migration):
    dependencies = [("storage", "0012_sync_complete_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SyncResolution",
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
                        related_name="resolutions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("source_id", fields.CharField(max_length=128)),
                ("choice", fields.CharField(max_length=16)),
                ("resource_id", fields.CharField(default="", max_length=36)),
                ("decided_by", fields.CharField(default="", max_length=128)),
                ("decided_at", fields.BigIntField()),
            ],
            options={
                "table": "sync_resolution",
                "app": "storage",
                "unique_together": (("sync", "source_id"),),
                "pk_attr": "row_id",
                "table_description": "What a person chose for one source object that could not be matched without one.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Link",
            name="kept_disabled",
            field=fields.BooleanField(default=False, db_default=False),
        ),
        ops.AddField(
            model_name="SyncCursor",
            name="properties",
            field=fields.TextField(default="", db_default="", unique=False),
        ),
        DialectSQL(
            both=[
                "UPDATE sync_cursor SET properties = '{}' WHERE kind = '{}'".format(
                    "\n".join(names.split()), kind
                )
                for kind, names in READ_BEFORE.items()
            ],
            postgres=[
                'ALTER TABLE "sync_resolution" ALTER COLUMN "source_id" '
                'TYPE varchar(128) COLLATE "C"',
            ],
        ),
    ]
