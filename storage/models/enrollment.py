"""Invitations: who was asked to verify which address."""

from tortoise import fields
from tortoise.models import Model

from storage.models.access import Workspace


class Invitation(Model):
    """One invitation of a user to verify one address, by a link that works once.

    The link's secret is kept as the SHA-256 of its 256 random bits. What becomes of it is told by
    the first of ``accepted_at``, ``voided_at`` and ``expires_at`` that has passed.
    """

    id = fields.CharField(max_length=36, primary_key=True)
    workspace: fields.ForeignKeyRelation[Workspace] = fields.ForeignKeyField(
        "storage.Workspace", related_name="invitations", on_delete=fields.CASCADE
    )
    resource_id = fields.CharField(max_length=36)
    sync_id = fields.CharField(max_length=36, default="")
    address = fields.CharField(max_length=320)
    address_key = fields.TextField()
    token_hash = fields.CharField(max_length=64, unique=True)
    created_at = fields.BigIntField()
    created_by = fields.CharField(max_length=128, default="")
    expires_at = fields.BigIntField()
    mail_id = fields.CharField(max_length=36, null=True)
    accepted_at = fields.BigIntField(null=True)
    voided_at = fields.BigIntField(null=True)
    void_reason = fields.CharField(max_length=32, default="")

    class Meta:
        table = "invitation"
