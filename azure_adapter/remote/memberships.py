"""Membership operations as other servers understand them. Pure.

Our own operations name the members to remove in ``value``, as Entra ID does. RFC 7644 §3.5.2.2
knows no such thing: a server that keeps to it would empty the group. So a removal names each
member in a path of its own, ``members[value eq "…"]``, which every server has to understand.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from azure_adapter.remote.filters import condition
from scim.provisioning.operations import Operation

MEMBER = "members[value eq {}]"
"""The path of one member (RFC 7644 §3.5.2)."""


@dataclass(frozen=True, slots=True)
class Membership:
    """What an operation does to the members of a group.

    Attributes:
        adds: it adds them; else it removes them.
        members: the values of ``members``, such as ``{"value": "17"}``.
    """

    adds: bool
    members: Sequence[Mapping[str, Any]]

    @property
    def ids(self) -> list[str]:
        """The ids of the members."""
        return [str(each["value"]) for each in self.members]

    def only(self, ids: set[str]) -> "Membership":
        """Return the same for some of the members."""
        return Membership(self.adds, [each for each in self.members if each["value"] in ids])


def membership(operation: Operation) -> Membership | None:
    """Return what an operation does to members, or ``None`` when it is about something else."""
    patches = (operation.body or {}).get("Operations")
    if operation.method != "PATCH" or not isinstance(patches, list) or len(patches) != 1:
        return None
    op, path, value = (patches[0].get(name) for name in ("op", "path", "value"))
    named = isinstance(value, list) and all(
        isinstance(one, dict) and "value" in one for one in value
    )
    if path != "members" or op not in ("add", "remove") or not named or not value:
        return None
    return Membership(op == "add", value)


def bodies(change: Membership, schema: str, most: int, size: int) -> Iterator[dict[str, Any]]:
    """Yield the PATCH bodies of a change.

    Args:
        change: what to do.
        schema: the URN of a PATCH body.
        most: members in one body at most.
        size: bytes of one body at most; one member always fits.
    """
    for portion in _portions(change, most, size - 200):
        yield {"schemas": [schema], "Operations": _operations(change.adds, portion)}


def _portions(change: Membership, most: int, size: int) -> Iterator[list[Mapping[str, Any]]]:
    portion: list[Mapping[str, Any]] = []
    taken = 0
    for member in change.members:
        cost = len(orjson.dumps(_operations(change.adds, [member])))
        if portion and (len(portion) >= most or taken + cost > size):
            yield portion
            portion, taken = [], 0
        portion.append(member)
        taken += cost
    if portion:
        yield portion


def _operations(adds: bool, members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if adds:
        return [{"op": "add", "path": "members", "value": list(members)}]
    return [{"op": "remove", "path": condition(MEMBER, str(member["value"]))} for member in members]
