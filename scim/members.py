"""PATCH operations on a group's members, read as a difference.

A PATCH that only concerns ``members`` costs what it changes: its operations fold into one set of
members to add, one to remove, or one to replace all by, and the group is never loaded.
"""

from dataclasses import dataclass, field
from typing import Any

from scim2_models import PatchOp
from scim2_models.messages.patch_op import PatchOperation
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    ValuePath,
)

GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:group"


@dataclass(slots=True)
class MemberChange:
    """What a PATCH does to the members of a group, after all its operations in order.

    Attributes:
        add: ids to add, in the order they were named.
        remove: ids to remove.
        replace: the new members, or ``None`` when the present ones are kept.
    """

    add: dict[str, None] = field(default_factory=dict)
    remove: dict[str, None] = field(default_factory=dict)
    replace: dict[str, None] | None = None

    def include(self, ids: list[str]) -> None:
        """Add members."""
        if self.replace is not None:
            self.replace.update(dict.fromkeys(ids))
            return
        for member_id in ids:
            self.remove.pop(member_id, None)
            self.add[member_id] = None

    def exclude(self, ids: list[str]) -> None:
        """Remove members."""
        for member_id in ids:
            if self.replace is not None:
                self.replace.pop(member_id, None)
                continue
            self.add.pop(member_id, None)
            self.remove[member_id] = None

    def reset(self, ids: list[str]) -> None:
        """Replace all members."""
        self.add.clear()
        self.remove.clear()
        self.replace = dict.fromkeys(ids)


def member_change(patch: "PatchOp[Any]") -> MemberChange | None:
    """Read a PATCH of a group as a difference of its members.

    Returns:
        ``None`` when an operation is about anything else, or has a form that only the protocol
        engine can judge; the caller then takes the general way.
    """
    change = MemberChange()
    for operation in patch.operations or []:
        if not _fold(change, operation):
            return None
    return change


def _fold(change: MemberChange, operation: "PatchOperation[Any]") -> bool:
    """Fold one operation into the change; False when it is not plainly about members."""
    selected = _selected(operation)
    if selected is not None:
        if operation.op != PatchOperation.Op.remove or operation.value is not None:
            return False
        change.exclude(selected)
        return True
    value = _members_value(operation)
    if value is _OTHER:
        return False
    if operation.op == PatchOperation.Op.remove and value is None:
        change.reset([])
        return True
    ids = _ids(value)
    if ids is None:
        return False
    match operation.op:
        case PatchOperation.Op.add:
            change.include(ids)
        case PatchOperation.Op.remove:
            change.exclude(ids)
        case _:
            change.reset(ids)
    return True


_OTHER = object()


def _members_value(operation: "PatchOperation[Any]") -> Any:
    """Return the value that an operation writes at ``members``, or _OTHER."""
    if operation.path is not None:
        node = operation.path.ast
        return operation.value if _is_members(node) else _OTHER
    value = operation.value
    if isinstance(value, dict) and [key.lower() for key in value] == ["members"]:
        return next(iter(value.values()))
    return _OTHER


def _is_members(node: Any) -> bool:
    return (
        isinstance(node, AttrPath)
        and node.attr.lower() == "members"
        and node.sub_attr is None
        and (node.uri is None or node.uri.lower() == GROUP_URN)
    )


def _selected(operation: "PatchOperation[Any]") -> list[str] | None:
    """Return the ids of ``members[value eq "…"]`` (also joined by ``or``), or ``None``."""
    node = operation.path.ast if operation.path is not None else None
    if not isinstance(node, ValuePath) or node.sub_attr or not _is_members(node.attr_path):
        return None
    return _equal_values(node.val_filter)


def _equal_values(node: FilterNode) -> list[str] | None:
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.or_:
        parts = [_equal_values(term) for term in node.terms]
        return None if None in parts else [item for part in parts for item in part or []]
    if (
        isinstance(node, Comparison)
        and node.op == CompareOperator.eq
        and node.attr_path.attr.lower() == "value"
        and node.attr_path.sub_attr is None
        and isinstance(node.value, str)
    ):
        return [node.value]
    return None


def _ids(value: Any) -> list[str] | None:
    """Return the member ids of a value (one member or a list), or ``None`` for other forms."""
    entries = value if isinstance(value, list) else [value]
    ids = []
    for entry in entries:
        member_id = entry.get("value") if isinstance(entry, dict) else None
        if not isinstance(member_id, str) or not member_id:
            return None
        ids.append(member_id)
    return ids
