"""Group as this server serves it (RFC 7643 §4.2)."""

from typing import Annotated, Any, ClassVar

from scim2_models import ComplexAttribute, GroupMember, Mutability
from scim2_models import Group as CoreGroup


class Members(GroupMember):
    """A member of a group; its name is that of the resource, and changes with it."""

    display: Annotated[str | None, Mutability.read_only] = None
    """The displayName of the member, if it has one."""


class Group(CoreGroup):
    """A group of users and of other groups."""

    members: list[Members] | None = None  # type: ignore[assignment]
    """A list of members of the Group."""

    Members: ClassVar[type[ComplexAttribute]] = Members


def without_displays(value: Any, *, within: bool) -> Any:
    """Return the value of a PATCH operation without the names of members.

    Providers send them, and they are read-only: what is sent is ignored, as it is in a POST.

    Args:
        value: what the operation writes.
        within: it is written at ``members``, not at the group.
    """
    if isinstance(value, list) and within:
        return [without_displays(item, within=True) for item in value]
    if not isinstance(value, dict):
        return value
    if within:
        return {key: item for key, item in value.items() if key.lower() != "display"}
    return {
        key: without_displays(item, within=True) if _names_members(key) else item
        for key, item in value.items()
    }


def _names_members(key: str) -> bool:
    return key.lower().rpartition(":")[2] == "members"
