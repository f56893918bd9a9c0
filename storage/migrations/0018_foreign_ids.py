"""Ids of remote SCIM servers are longer than those of the user store."""

from tortoise import fields, migrations

from storage.engines.dialect_sql import DeclaredField, DialectSQL


class Migration(migrations.Migration):
    dependencies = [("storage", "0017_api_tokens")]

    initial = False

    operations = [
        DeclaredField(
            model_name="Link",
            name="resource_id",
            field=fields.CharField(max_length=255),
        ),
        DeclaredField(
            model_name="PlanOperation",
            name="resource_id",
            field=fields.CharField(default="", max_length=255),
        ),
        DialectSQL(
            postgres=[
                f'ALTER TABLE "{table}" ALTER COLUMN "resource_id" TYPE varchar(255) COLLATE "C"'
                for table in ("link", "plan_operation")
            ]
        ),
    ]
