"""The operations of a user's plan, as values."""

from collections.abc import Sequence
from typing import Any

from azure_adapter.sync.facts import UserFacts
from scim.provisioning.operations import Action, Operation
from scim.provisioning.source import ObjectKind

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def patch_body(operations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of a PATCH (RFC 7644 §3.5.2)."""
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


def user_operation(
    facts: UserFacts,
    action: Action,
    method: str,
    path: str,
    *,
    phase: int,
    body: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    message: str = "",
) -> Operation:
    """Return an operation about the user of the facts."""
    return Operation(
        action=action,
        kind=ObjectKind.user,
        source_id=facts.record.source_id,
        label=facts.label,
        method=method,
        path=path,
        body=body,
        before=before,
        after=after,
        phase=phase,
        stamp=facts.record.stamp,
        message=message,
    )
