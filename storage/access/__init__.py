"""Workspaces, SCIM clients and their tokens, user syncs, and reading the audit.

Repositories are small classes over :class:`storage.database.Database`; what leaves them are
frozen records. What they list is of one workspace; only
:meth:`UserSyncs.everywhere` and what finds the caller of a request (``authenticate``, ``check``,
``of_issuer``) look at all of them.
"""

from storage.access.audit import AuditLog, AuditRecord
from storage.access.clients import ClientRecord, ScimClients, TokenInfo, TokenRecord
from storage.access.errors import BindingTaken, EditedMeanwhile, NameTaken, TooManyLive
from storage.access.issuers import IssuerBinding, IssuerRecord, JwtIssuers
from storage.access.oauth import NewClientSecret, OAuthClients
from storage.access.syncs import UserSyncRecord, UserSyncs
from storage.access.workspaces import DEFAULT_WORKSPACE, WorkspaceRecord, Workspaces

__all__ = [
    "DEFAULT_WORKSPACE",
    "AuditLog",
    "AuditRecord",
    "BindingTaken",
    "ClientRecord",
    "EditedMeanwhile",
    "IssuerBinding",
    "IssuerRecord",
    "JwtIssuers",
    "NameTaken",
    "NewClientSecret",
    "OAuthClients",
    "ScimClients",
    "TokenInfo",
    "TokenRecord",
    "TooManyLive",
    "UserSyncRecord",
    "UserSyncs",
    "WorkspaceRecord",
    "Workspaces",
]
