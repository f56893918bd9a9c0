"""Planning one group: its name, and its members by difference. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure_adapter.mapping import GROUP_COVERAGE, MappedGroup, changes, diff, merge
from azure_adapter.sync import phases
from azure_adapter.sync.facts import Decision
from azure_adapter.sync.plan_users import patch_body
from scim.provisioning.operations import MEMBERS_PER_PATCH, Action, Operation, reference
from scim.provisioning.records import LinkState, MemberRecord, MirrorRecord
from scim.provisioning.source import ObjectKind, ObjectProblem, Presence

HIDDEN_MEMBERSHIP = "HiddenMembership"


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Everything that decides about one group.

    Attributes:
        record: the mirror object and its link.
        mapped: its attributes as a SCIM document.
        current: the linked resource's document, or ``None``.
        restorable: the document of its tombstone, or ``None``.
        members: the direct members that the source tells.
        planned: source ids of members that the same plan creates.
        current_members: resource ids of the present members of the linked group.
    """

    record: MirrorRecord
    mapped: MappedGroup
    current: Mapping[str, Any] | None = None
    restorable: Mapping[str, Any] | None = None
    members: tuple[MemberRecord, ...] = ()
    planned: frozenset[str] = frozenset()
    current_members: frozenset[str] = frozenset()


def plan_group(facts: GroupFacts) -> Decision:
    """Decide about one group of the source.

    Groups are never joined: one per source id, and names may repeat. A group that is gone is
    deleted, restorable, whatever the deletion policy for users is.
    """
    record = facts.record
    if record.presence is not Presence.present:
        return Decision(_leave(facts))
    if facts.mapped.problems:
        return Decision(problem=_problem(facts))
    return Decision([*_document(facts), *_members(facts)])


def hides_members(record: MirrorRecord) -> bool:
    """Tell whether a group's members come silently empty without ``Member.Read.Hidden``."""
    return record.attributes.get("visibility") == HIDDEN_MEMBERSHIP


def wanted_members(facts: GroupFacts) -> dict[str, str]:
    """Return the members to have: the resource id, or a reference, by source id.

    Users and groups that are in the source and are, or are about to be, provisioned. Devices and
    other objects, leavers, and users who could not be provisioned are left out.
    """
    wanted = {}
    for member in facts.members:
        if member.presence is not Presence.present or member.kind is ObjectKind.other:
            continue
        if member.link is not None and member.link.state is LinkState.linked:
            wanted[member.source_id] = member.link.resource_id
        elif member.source_id in facts.planned:
            wanted[member.source_id] = reference(member.source_id)
    return wanted


def _is_linked(facts: GroupFacts) -> bool:
    link = facts.record.link
    return link is not None and link.state is LinkState.linked and facts.current is not None


def _leave(facts: GroupFacts) -> list[Operation]:
    link = facts.record.link
    if link is None or not _is_linked(facts) or facts.current is None:
        return []
    return [
        _operation(
            facts,
            Action.delete,
            "DELETE",
            f"/Groups/{link.resource_id}",
            before={"displayName": facts.current.get("displayName")},
            phase=phases.DELETE_GROUPS,
        )
    ]


def _document(facts: GroupFacts) -> list[Operation]:
    """Plan the group's own document."""
    link, desired = facts.record.link, facts.mapped.document
    if link is not None and facts.restorable is not None and not _is_linked(facts):
        return [_change(facts, Action.restore, link.resource_id, facts.restorable)]
    if link is None or not _is_linked(facts) or facts.current is None:
        body = {**desired, "externalId": facts.record.source_id}
        return [
            _operation(
                facts,
                Action.create,
                "POST",
                "/Groups",
                body=body,
                after=dict(desired),
                phase=phases.GROUPS,
            )
        ]
    if not diff(facts.current, merge(facts.current, desired, GROUP_COVERAGE)):
        return []
    return [_change(facts, Action.update, link.resource_id, facts.current)]


def _change(
    facts: GroupFacts, action: Action, resource_id: str, current: Mapping[str, Any]
) -> Operation:
    target = merge(current, facts.mapped.document, GROUP_COVERAGE)
    patches = diff(current, target) or [
        {"op": "replace", "path": "displayName", "value": target["displayName"]}
    ]
    if action is Action.restore:
        # The tombstone's members are those of the day it was deleted; what Azure says now is
        # added by the membership operations.
        patches = [*patches, {"op": "remove", "path": "members"}]
    before, after = changes(current, target)
    return _operation(
        facts,
        action,
        "PATCH",
        f"/Groups/{resource_id}",
        body=patch_body(patches),
        before=before,
        after=after,
        phase=phases.GROUPS,
    )


def _members(facts: GroupFacts) -> Iterator[Operation]:
    """Plan memberships by difference, at most 1,000 members an operation."""
    wanted = wanted_members(facts)
    values = set(wanted.values())
    added = [value for value in wanted.values() if value not in facts.current_members]
    removed = sorted(member for member in facts.current_members if member not in values)
    if not values and removed and hides_members(facts.record):
        removed = []
    link = facts.record.link
    known = link is not None and _is_linked(facts)
    target = link.resource_id if link and known else reference(facts.record.source_id)
    for chunk in _chunks(removed):
        yield _member_operation(facts, Action.remove_members, target, chunk)
    for chunk in _chunks(added):
        yield _member_operation(facts, Action.add_members, target, chunk)


def _member_operation(
    facts: GroupFacts, action: Action, target: str, members: Sequence[str]
) -> Operation:
    value = [{"value": member} for member in members]
    adds = action is Action.add_members
    patch = {"op": "add" if adds else "remove", "path": "members", "value": value}
    told = {"members": list(members)}
    return _operation(
        facts,
        action,
        "PATCH",
        f"/Groups/{target}",
        body=patch_body([patch]),
        before=None if adds else told,
        after=told if adds else None,
        phase=phases.ADD_MEMBERS if adds else phases.REMOVE_MEMBERS,
    )


def _chunks(members: Iterable[str]) -> Iterator[list[str]]:
    items = list(members)
    for start in range(0, len(items), MEMBERS_PER_PATCH):
        yield items[start : start + MEMBERS_PER_PATCH]


def _label(facts: GroupFacts) -> str:
    return str(facts.mapped.display_name or facts.record.source_id)


def _problem(facts: GroupFacts) -> ObjectProblem:
    first = facts.mapped.problems[0]
    return ObjectProblem(
        kind=ObjectKind.group,
        source_id=facts.record.source_id,
        label=_label(facts),
        code=first.code,
        message=f"{_label(facts)}: {first.message}",
        advice=first.advice,
    )


def _operation(
    facts: GroupFacts,
    action: Action,
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    phase: int,
) -> Operation:
    return Operation(
        action=action,
        kind=ObjectKind.group,
        source_id=facts.record.source_id,
        label=_label(facts),
        method=method,
        path=path,
        body=body,
        before=before,
        after=after,
        phase=phase,
        stamp=facts.record.stamp,
    )
