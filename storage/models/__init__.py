"""The tables, by the room they belong to.

Conventions: moments are integers, microseconds since the Unix epoch in UTC, so that both
databases compare and index them alike; public ids are UUIDv7 text; ``row_id`` is a private
integer that only foreign keys and joins see; ``*_key`` columns hold values folded by
scim2-models' ``comparison_key`` and compare binary. Indexes stand in the migrations, where their
SQL can be read; a test shows that queries use them.
"""

from storage.models.access import (
    ApiToken,
    AuditEntry,
    JwtIssuer,
    OauthSecret,
    OauthToken,
    ScimClient,
    ScimToken,
    Workspace,
)
from storage.models.enrollment import Invitation
from storage.models.resources import ExternalId, Membership, ResourceEmail, ResourceRow, Tombstone
from storage.models.sync import (
    Link,
    MailMessage,
    MirrorMember,
    MirrorObject,
    PlanOperation,
    SyncCursor,
    SyncDiscard,
    SyncRequest,
    SyncResolution,
    SyncRun,
    UserSync,
)

__all__ = [
    "ApiToken",
    "AuditEntry",
    "ExternalId",
    "Invitation",
    "JwtIssuer",
    "Link",
    "MailMessage",
    "Membership",
    "MirrorMember",
    "MirrorObject",
    "OauthSecret",
    "OauthToken",
    "PlanOperation",
    "ResourceEmail",
    "ResourceRow",
    "ScimClient",
    "ScimToken",
    "SyncCursor",
    "SyncDiscard",
    "SyncRequest",
    "SyncResolution",
    "SyncRun",
    "Tombstone",
    "UserSync",
    "Workspace",
]
