"""Facts about one person, for tests of the pure planner."""

from __future__ import annotations

from typing import Any

from azure_adapter.mapping import MappingTable, map_user
from azure_adapter.sync.config import SyncConfig
from azure_adapter.sync.facts import Decision, UserFacts
from azure_adapter.sync.plan_users import plan_user
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.operations import Action, Operation
from scim.provisioning.records import Authority, LinkRecord, LinkState, MirrorRecord
from scim.provisioning.source import ObjectKind, Presence

SYNC = Source(SourceKind.user_sync, "sync-1")
OKTA = Source(SourceKind.scim_client, "okta")
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def config(**changes: Any) -> SyncConfig:
    return SyncConfig(**{"sync_id": SYNC.id, **changes})


def attributes(**changes: Any) -> dict[str, Any]:
    given = {
        "userPrincipalName": "ann@contoso.com",
        "displayName": "Ann",
        "mail": "ann@contoso.com",
        "accountEnabled": True,
    }
    return {**given, **changes}


def link(state: LinkState = LinkState.linked, **changes: Any) -> LinkRecord:
    return LinkRecord("ann", ObjectKind.user, "r-1", state, **changes)


def stored(of: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return the document of the user as a sync of these attributes left it."""
    document = map_user(of or attributes()).document
    return {**document, "id": "r-1", **changes}


def facts(
    of: dict[str, Any] | None = None,
    *,
    linked: LinkRecord | None = None,
    authority: Source = SYNC,
    blocked: bool = False,
    table: MappingTable | None = None,
    presence: Presence = Presence.present,
    in_scope: bool = True,
    scope_reason: str = "",
    **more: Any,
) -> UserFacts:
    told = of or attributes()
    record = MirrorRecord(
        "ann",
        ObjectKind.user,
        presence,
        told,
        stamp="stamp",
        link=linked,
        in_scope=in_scope,
        scope_reason=scope_reason,
    )
    options = {"table": table} if table else {}
    known = Authority(authority, blocked) if more.get("current") is not None else None
    given = {
        "mapped": map_user(told, **options),
        "arriving": map_user(told, creating=True, **options),
        "authority": known,
    }
    return UserFacts(record=record, **{**given, **more})


def plan(of: UserFacts, **changes: Any) -> Decision:
    return plan_user(config(**changes), of)


def actions(decision: Decision) -> list[Action]:
    return [each.action for each in decision.operations]


def first(decision: Decision) -> Operation:
    return decision.operations[0]
