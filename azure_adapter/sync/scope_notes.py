"""What a run says about scoping groups that are gone, or that cannot be believed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from scim.provisioning.records import MirrorRecord
from scim.provisioning.source import ObjectKind, Presence

SHOWN: Final = 3
"""How many groups a note names."""


def suspicion(
    named: Sequence[str],
    records: Mapping[str, MirrorRecord],
    unread: Sequence[str],
    silent: Mapping[str, MirrorRecord],
) -> str:
    """Say why missing memberships prove nothing, or "" when they do.

    Args:
        named: source ids of the scoping groups.
        records: what the mirror knows of them.
        unread: source ids of groups inside of them that were never read.
        silent: groups among all of them that hide their members and came empty.
    """
    unknown = [each for each in named if not _is_read(records.get(each))]
    reasons = []
    if unknown or unread:
        reasons.append(
            f"The directory has not told of {_count([*unknown, *unread])}: check in Microsoft "
            "Entra that the Object ID in the scope is right and that it is a group."
        )
    if silent:
        names = [_name(record) for record in silent.values()]
        reasons.append(
            f"The members of {_count(names)} are hidden from this sign-in and came empty: grant "
            "Member.Read.Hidden, or choose another group."
        )
    if not reasons:
        return ""
    return (
        "A scoping group cannot be read, so nobody goes out of scope for not being in it; who was "
        f"in scope stays in. {' '.join(reasons)}"
    )


def deleted(named: Sequence[str], records: Mapping[str, MirrorRecord]) -> list[str]:
    """Tell of scoping groups that were deleted in the directory: that is believed."""
    gone = (Presence.soft_deleted, Presence.deleted)
    known = [records[each] for each in named if _is_read(records.get(each))]
    names = [_name(record) for record in known if record.presence in gone]
    if not names:
        return []
    return [
        f"The directory no longer has {_count(names)}, by which users are in scope. Who is in no "
        "other scoping group is out of scope. Restore the group in Microsoft Entra, or take it out "
        "of the scope."
    ]


def _is_read(record: MirrorRecord | None) -> bool:
    """Tell whether the directory has told of a group; a user's id is none of a group."""
    if record is None or record.kind is not ObjectKind.group:
        return False
    return record.presence is not Presence.unknown


def _name(record: MirrorRecord) -> str:
    return str(record.attributes.get("displayName") or record.source_id)


def _count(names: Iterable[str]) -> str:
    """Name the first few groups, and count the others."""
    listed = sorted(set(names))
    shown = ", ".join(repr(name) for name in listed[:SHOWN])
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return f"the group{'s' if len(listed) > 1 else ''} {shown}{more}"
