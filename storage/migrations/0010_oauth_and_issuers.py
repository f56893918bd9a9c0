"""Client secrets and access tokens of OAuth 2.0, and the issuers of JWTs."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.fields.base import OnDelete

from storage.engines.dialect_sql import DialectSQL

INDEXES = (
    'CREATE INDEX ix_oauth_secret_client ON "oauth_secret" (client_id)',
    'CREATE INDEX ix_oauth_token_secret ON "oauth_token" (secret_id, expires_at)',
    'CREATE INDEX ix_jwt_issuer_client ON "jwt_issuer" (client_id)',
)


class Migration(migrations.Migration):
    dependencies = [("storage", "0002_indexes")]

    initial = False

    operations = [
        ops.CreateModel(
            name="JwtIssuer",
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
                        related_name="issuers",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("issuer", fields.CharField(max_length=512)),
                ("audience", fields.CharField(max_length=512)),
                ("directory", fields.CharField(default="", max_length=128)),
                ("claims", fields.TextField(default="{}", unique=False)),
                ("jwks_url", fields.CharField(max_length=1024)),
                ("algorithms", fields.CharField(default="RS256", max_length=64)),
                ("scopes", fields.CharField(default="read write", max_length=128)),
                ("created_at", fields.BigIntField()),
                ("last_used_at", fields.BigIntField(null=True)),
            ],
            options={
                "table": "jwt_issuer",
                "app": "storage",
                "unique_together": (("issuer", "audience"),),
                "pk_attr": "id",
                "table_description": "An issuer whose JWTs open the workspace of a SCIM client, bound to exact claims.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OauthSecret",
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
                        related_name="oauth_secrets",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("secret_hash", fields.CharField(unique=True, max_length=64)),
                ("scopes", fields.CharField(default="read write", max_length=128)),
                ("created_at", fields.BigIntField()),
                ("expires_at", fields.BigIntField(null=True)),
                ("last_used_at", fields.BigIntField(null=True)),
                ("revoked_at", fields.BigIntField(null=True)),
            ],
            options={
                "table": "oauth_secret",
                "app": "storage",
                "pk_attr": "id",
                "table_description": "A client secret for OAuth 2.0 client credentials, as the SHA-256 of its 256 random bits.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="OauthToken",
            fields=[
                (
                    "token_hash",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64),
                ),
                (
                    "secret",
                    fields.ForeignKeyField(
                        "storage.OauthSecret",
                        source_field="secret_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="tokens",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("scopes", fields.CharField(max_length=128)),
                ("created_at", fields.BigIntField()),
                ("expires_at", fields.BigIntField()),
            ],
            options={
                "table": "oauth_token",
                "app": "storage",
                "pk_attr": "token_hash",
                "table_description": "An access token that a client secret was exchanged for, as a SHA-256.",
            },
            bases=["Model"],
        ),
        DialectSQL(both=INDEXES),
    ]
