"""Taking a change of memberships apart: some of its members are held, discarded, or go on. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from scim.provisioning.operations import Action, Operation, OperationStatus, PlannedOperation

MEMBER_ACTIONS = (Action.remove_members, Action.add_members)

Part = tuple[Operation, OperationStatus, str, str, str]
"""An operation, where it stands, and its code, message and advice."""


def members_of(operation: Operation) -> list[str]:
    """Return the members that an operation adds or removes: resource ids, or references."""
    told = operation.after if operation.action is Action.add_members else operation.before
    return list((told or {}).get("members", ()))


def with_members(operation: Operation, members: Iterable[str]) -> Operation:
    """Return the same change for other members, exactly as the planner would make it."""
    chosen = list(members)
    body = operation.body or {}
    (patch,) = body["Operations"]
    value = [{"value": member} for member in chosen]
    changed = {**body, "Operations": [{**patch, "value": value}]}
    told = {"members": chosen}
    if operation.action is Action.add_members:
        return replace(operation, body=changed, after=told)
    return replace(operation, body=changed, before=told)


def parted(
    planned: PlannedOperation, place: Callable[[str], tuple[OperationStatus, str, str, str] | None]
) -> list[Part]:
    """Take an operation apart by what becomes of each member.

    Args:
        planned: the operation, as the plan has it.
        place: status, code, message and advice of a member; ``None`` leaves it where it is.

    Returns:
        the parts, the one that stays where it is first; nothing when no member moves.
    """
    stay: tuple[OperationStatus, str, str, str] = (
        planned.status,
        planned.code,
        planned.message,
        planned.advice,
    )
    places: dict[tuple[OperationStatus, str, str, str], list[str]] = {stay: []}
    for member in members_of(planned.operation):
        places.setdefault(place(member) or stay, []).append(member)
    if len(places) == 1:
        return []
    return [
        (with_members(planned.operation, members), *where)
        for where, members in places.items()
        if members
    ]
