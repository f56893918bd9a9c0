"""Users and groups as documents, and what stands beside them."""

from tortoise import fields
from tortoise.models import Model

from storage.models.access import Workspace


class ResourceRow(Model):
    """A user or a group: its ready-to-serve SCIM document beside the columns queries need.

    One table for both, told apart by ``type``: a member can be either, a search at the root pages
    over both as one collection, and both have one life (authority, version, tombstone).

    ``document`` is JSON text without ``externalId`` (per caller), ``groups`` and ``members``
    (memberships are rows) and ``meta.location`` (depends on the request). ``search`` is the same
    document with every string folded, which filters without a column of their own read.
    """

    row_id = fields.BigIntField(primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="resources", on_delete=fields.CASCADE
    )
    id = fields.CharField(max_length=36, unique=True)
    type = fields.CharField(max_length=32)
    authority = fields.CharField(max_length=128)
    joined = fields.BooleanField(default=False)
    blocked = fields.BooleanField(default=False)
    user_name_key = fields.TextField(null=True)
    display = fields.TextField(null=True)
    display_name_key = fields.TextField(null=True)
    active = fields.BooleanField(null=True)
    version = fields.BigIntField(default=1)
    created_at = fields.BigIntField()
    modified_at = fields.BigIntField()
    password_hash = fields.TextField(null=True)
    email_verified = fields.BooleanField(null=True)
    invite_status = fields.TextField(null=True)
    document = fields.TextField()
    search: fields.JSONField[str] = fields.JSONField()

    class Meta:
        table = "resource"


class ResourceEmail(Model):
    """One e-mail address of a user, so that look-ups by address use an index."""

    row_id = fields.BigIntField(primary_key=True)
    resource: fields.ForeignKeyRelation[ResourceRow] = fields.ForeignKeyField(
        "storage.ResourceRow", related_name="emails", on_delete=fields.CASCADE
    )
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="emails", on_delete=fields.CASCADE
    )
    value_key = fields.TextField()
    type_key = fields.TextField(null=True)
    is_primary = fields.BooleanField(default=False)

    class Meta:
        table = "resource_email"


class Membership(Model):
    """One member of a group: users and groups can both be members."""

    row_id = fields.BigIntField(primary_key=True)
    group: fields.ForeignKeyRelation[ResourceRow] = fields.ForeignKeyField(
        "storage.ResourceRow", related_name="memberships", on_delete=fields.CASCADE
    )
    member: fields.ForeignKeyRelation[ResourceRow] = fields.ForeignKeyField(
        "storage.ResourceRow", related_name="member_of", on_delete=fields.CASCADE
    )

    class Meta:
        table = "membership"
        unique_together = (("group", "member"),)


class ExternalId(Model):
    """The externalId that one SCIM client gave a resource (RFC 7643 §3.1: scoped to its domain)."""

    row_id = fields.BigIntField(primary_key=True)
    resource: fields.ForeignKeyRelation[ResourceRow] = fields.ForeignKeyField(
        "storage.ResourceRow", related_name="external_ids", on_delete=fields.CASCADE
    )
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="external_ids", on_delete=fields.CASCADE
    )
    source = fields.CharField(max_length=128)
    value = fields.TextField()
    value_key = fields.TextField()

    class Meta:
        table = "external_id"
        unique_together = (("resource", "source"),)


class Tombstone(Model):
    """A deleted resource, restorable until it expires, with its memberships.

    The row leaves ``resource`` altogether, so no list, unique index or match can see it.
    ``state`` is the JSON of the row's columns, its memberships and its externalIds.
    """

    id = fields.CharField(max_length=36, primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="tombstones", on_delete=fields.CASCADE
    )
    type = fields.CharField(max_length=32)
    deleted_by = fields.CharField(max_length=128)
    deleted_at = fields.BigIntField()
    expires_at = fields.BigIntField()
    state = fields.TextField()

    class Meta:
        table = "tombstone"
