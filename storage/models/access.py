"""Workspaces, the SCIM clients that push into them, and who did what."""

from tortoise import fields
from tortoise.models import Model


class Workspace(Model):
    """One customer of ezto auth, everything else is inside exactly one."""

    row_id = fields.BigIntField(primary_key=True)
    name = fields.CharField(max_length=128, unique=True)
    created_at = fields.BigIntField()

    class Meta:
        table = "workspace"


class ScimClient(Model):
    """A provisioning source that pushes: its profile, its tokens, its own externalIds."""

    id = fields.CharField(max_length=36, primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="scim_clients", on_delete=fields.CASCADE
    )
    name = fields.CharField(max_length=128)
    profile = fields.CharField(max_length=32, default="generic")
    created_at = fields.BigIntField()

    class Meta:
        table = "scim_client"
        unique_together = (("workspace", "name"),)


class ScimToken(Model):
    """A bearer token of a SCIM client, as the SHA-256 of its 256 random bits."""

    id = fields.CharField(max_length=36, primary_key=True)
    client: fields.ForeignKeyRelation[ScimClient] = fields.ForeignKeyField(
        "storage.ScimClient", related_name="tokens", on_delete=fields.CASCADE
    )
    token_hash = fields.CharField(max_length=64, unique=True)
    scopes = fields.CharField(max_length=128, default="read write")
    created_at = fields.BigIntField()
    expires_at = fields.BigIntField(null=True)
    last_used_at = fields.BigIntField(null=True)
    revoked_at = fields.BigIntField(null=True)

    class Meta:
        table = "scim_token"


class OauthSecret(Model):
    """A client secret for OAuth 2.0 client credentials, as the SHA-256 of its 256 random bits."""

    id = fields.CharField(max_length=36, primary_key=True)
    client: fields.ForeignKeyRelation[ScimClient] = fields.ForeignKeyField(
        "storage.ScimClient", related_name="oauth_secrets", on_delete=fields.CASCADE
    )
    secret_hash = fields.CharField(max_length=64, unique=True)
    scopes = fields.CharField(max_length=128, default="read write")
    created_at = fields.BigIntField()
    expires_at = fields.BigIntField(null=True)
    last_used_at = fields.BigIntField(null=True)
    revoked_at = fields.BigIntField(null=True)

    class Meta:
        table = "oauth_secret"


class OauthToken(Model):
    """An access token that a client secret was exchanged for, as a SHA-256."""

    token_hash = fields.CharField(max_length=64, primary_key=True)
    secret: fields.ForeignKeyRelation[OauthSecret] = fields.ForeignKeyField(
        "storage.OauthSecret", related_name="tokens", on_delete=fields.CASCADE
    )
    scopes = fields.CharField(max_length=128)
    created_at = fields.BigIntField()
    expires_at = fields.BigIntField()

    class Meta:
        table = "oauth_token"


class JwtIssuer(Model):
    """An issuer whose JWTs open the workspace of a SCIM client, bound to exact claims."""

    id = fields.CharField(max_length=36, primary_key=True)
    client: fields.ForeignKeyRelation[ScimClient] = fields.ForeignKeyField(
        "storage.ScimClient", related_name="issuers", on_delete=fields.CASCADE
    )
    issuer = fields.CharField(max_length=512)
    audience = fields.CharField(max_length=512)
    directory = fields.CharField(max_length=128, default="")
    claims = fields.TextField(default="{}")
    jwks_url = fields.CharField(max_length=1024)
    algorithms = fields.CharField(max_length=64, default="RS256")
    scopes = fields.CharField(max_length=128, default="read write")
    created_at = fields.BigIntField()
    last_used_at = fields.BigIntField(null=True)

    class Meta:
        table = "jwt_issuer"
        unique_together = (("issuer", "audience"),)


class ApiToken(Model):
    """A bearer token of the JSON API, as the SHA-256 of its 256 random bits."""

    id = fields.CharField(max_length=36, primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="api_tokens", on_delete=fields.CASCADE
    )
    name = fields.CharField(max_length=128)
    role = fields.CharField(max_length=32)
    token_hash = fields.CharField(max_length=64, unique=True)
    created_at = fields.BigIntField()
    expires_at = fields.BigIntField(null=True)
    last_used_at = fields.BigIntField(null=True)
    revoked_at = fields.BigIntField(null=True)

    class Meta:
        table = "api_token"


class AuditEntry(Model):
    """One write: who, what (old -> new per attribute), when.

    For writes of a sync run, ``run_id`` refers to the run, whose plan is the change log;
    ``changes`` is then empty.
    """

    row_id = fields.BigIntField(primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="audit", on_delete=fields.CASCADE
    )
    at = fields.BigIntField()
    actor = fields.CharField(max_length=128)
    action = fields.CharField(max_length=32)
    resource_type = fields.CharField(max_length=32)
    resource_id = fields.CharField(max_length=36)
    run_id = fields.CharField(max_length=36, null=True)
    changes = fields.TextField(null=True)

    class Meta:
        table = "audit"
