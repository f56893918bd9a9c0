"""Planning one group: its name, and its members by difference. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure_adapter.mapping import MappedGroup, changes, diff, merge
from azure_adapter.sync import phases
from azure_adapter.sync.facts import Decision
from azure_adapter.sync.nesting import HIDDEN
from azure_adapter.sync.scope_reasons import why_out
from azure_adapter.sync.user_operations import patch_body
from scim.provisioning.operations import MEMBERS_PER_PATCH, Action, Operation, reference
from scim.provisioning.records import LinkState, MirrorRecord
from scim.provisioning.source import ObjectKind, ObjectProblem

EMPTY: dict[str, Any] = {"members": []}
"""The ``after`` of removals that leave a group without members; the safeguards count them."""


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """Everything that decides about one group.

    Attributes:
        record: the mirror object and its link.
        mapped: its attributes as a SCIM document.
        current: the linked resource's document, or ``None``.
        restorable: the document of its tombstone, or ``None``.
        linked: resource ids of the members to have that feed a resource already.
        arriving: source ids of the members to have that the same plan provisions.
        current_members: resource ids of the present members of the linked group.
        silent: it, or a group inside of it that counts, hides its members and came empty: what is
            missing proves nothing.
    """

    record: MirrorRecord
    mapped: MappedGroup
    current: Mapping[str, Any] | None = None
    restorable: Mapping[str, Any] | None = None
    linked: tuple[str, ...] = ()
    arriving: tuple[str, ...] = ()
    current_members: frozenset[str] = frozenset()
    silent: bool = False


def plan_group(facts: GroupFacts) -> Decision:
    """Decide about one group of the source; its members are planned by :func:`plan_members`.

    Groups are never joined: one per source id, and names may repeat. A group that is gone, or out
    of scope, is deleted, restorable, whatever the deletion policy for users is.
    """
    if not facts.record.is_wanted:
        return Decision(_leave(facts))
    if facts.mapped.problems:
        # Memberships must not wait for a name: a group that is there is kept in step all the same.
        known = _is_linked(facts)
        return Decision(_document(facts) if known else [], problem=_problem(facts))
    return Decision(_document(facts))


def plan_members(facts: GroupFacts) -> Iterator[Operation]:
    """Plan the memberships of one group by difference, at most 1,000 members an operation.

    Operations are made one by one as they are asked for, because a group may have 100,000 members.
    """
    if not facts.record.is_wanted or (facts.mapped.problems and not _is_linked(facts)):
        return
    link = facts.record.link
    target = link.resource_id if link and _is_linked(facts) else reference(facts.record.source_id)
    kept = facts.current_members.intersection(facts.linked)
    if not facts.silent:
        removed = sorted(facts.current_members - kept)
        left = None if facts.linked or facts.arriving else EMPTY
        for chunk in _chunks(removed):
            yield _member_operation(facts, Action.remove_members, target, chunk, after=left)
    added = [value for value in facts.linked if value not in kept]
    added += [reference(source_id) for source_id in facts.arriving]
    for chunk in _chunks(added):
        yield _member_operation(facts, Action.add_members, target, chunk)


def hides_members(record: MirrorRecord) -> bool:
    """Tell whether a group's members come silently empty without ``Member.Read.Hidden``."""
    attribute, value = HIDDEN
    return record.attributes.get(attribute) == value


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
            message=why_out(facts.record, _label(facts)),
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
    if not diff(facts.current, merge(facts.current, desired, facts.mapped.coverage)):
        return []
    return [_change(facts, Action.update, link.resource_id, facts.current)]


def _change(
    facts: GroupFacts, action: Action, resource_id: str, current: Mapping[str, Any]
) -> Operation:
    target = merge(current, facts.mapped.document, facts.mapped.coverage)
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


def _member_operation(
    facts: GroupFacts,
    action: Action,
    target: str,
    members: Sequence[str],
    *,
    after: dict[str, Any] | None = None,
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
        after=told if adds else after,
        phase=phases.ADD_MEMBERS if adds else phases.REMOVE_MEMBERS,
    )


def _chunks(members: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(members), MEMBERS_PER_PATCH):
        yield members[start : start + MEMBERS_PER_PATCH]


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
    message: str = "",
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
        message=message,
    )
