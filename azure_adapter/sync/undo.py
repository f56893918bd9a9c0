"""Taking back what a run did to one object. Pure.

What a run applied to an object is folded into one :class:`Effect`: what it was before the run, and
after. The inverse leads back from what is there now, but only where that is still what the run
left: what somebody changed since stays as it is, and the plan says so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure_adapter.mapping import REDACTED, changes, diff
from azure_adapter.sync import phases
from azure_adapter.sync.paths import Document, at_path, normal, resource_of, with_paths
from azure_adapter.sync.user_operations import patch_body
from scim.ezto import EMAIL_VERIFIED, INVITE_STATUS
from scim.provisioning.operations import AUTHORITY, Action, Operation, PlannedOperation
from scim.provisioning.source import ObjectKind

TOLD_ONLY = frozenset({AUTHORITY, EMAIL_VERIFIED, INVITE_STATUS})
"""What before and after tell, and no document has."""

ARRIVALS = frozenset({Action.create, Action.restore, Action.take_over, Action.contribute})
DEPARTURES = frozenset({Action.delete, Action.unlink})
MEMBERS = frozenset({Action.add_members, Action.remove_members})

INVITED = "An invitation cannot be called back; the address stays invited."
VERIFIED = "That the address counts as verified stays."
SINCE = "It was changed since, so it stays as it is: {what}."
GONE = "It is gone since, so there is nothing to take back."
BACK = "It is there again already."
LOST = "It was deleted, and can no longer be restored."
HIDDEN = "The history does not show the value of {path}, so it stays as it is."
FOREIGN = "It belonged to another source before, which only a person can give it back to."


@dataclass(slots=True)
class Effect:
    """What one run did to one object.

    Attributes:
        came: how it came to the sync, if it did (create, restore, take_over, contribute).
        left: how it left, if it did (delete, unlink).
        bare: it left without anything being sent.
        document: of a creation, the document.
        before: the attributes that changed, by path, as they were.
        after: the same, as the run left them.
        added: members that were added to a group: resource ids or references.
        removed: members that were removed.
        notes: what cannot be taken back, in sentences.
    """

    kind: ObjectKind
    source_id: str
    label: str
    resource_id: str = ""
    came: Action | None = None
    left: Action | None = None
    bare: bool = False
    document: Document = field(default_factory=dict)
    before: Document = field(default_factory=dict)
    after: Document = field(default_factory=dict)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def vanishes(self) -> bool:
        """Whether taking it back deletes the resource."""
        return self.came in (Action.create, Action.restore) and self.left is None

    @property
    def old_name(self) -> str | None:
        """The userName that the object had before, if the run changed it."""
        name = self.before.get("userName")
        return name if isinstance(name, str) else None


def effect_of(applied: Sequence[PlannedOperation]) -> Effect:
    """Fold what was applied to one object, in order.

    Args:
        applied: its operations that are done; at least one.
    """
    first = applied[0].operation
    effect = Effect(first.kind, first.source_id, first.label)
    for each in applied:
        if each.operation.action not in MEMBERS:
            effect.resource_id = each.resource_id or effect.resource_id
        elif not effect.resource_id:
            effect.resource_id = each.resource_id
        _fold(effect, each.operation)
    return effect


def _fold(effect: Effect, operation: Operation) -> None:
    action = operation.action
    before, after = operation.before or {}, operation.after or {}
    if action is Action.invite:
        effect.notes.append(INVITED)
        return
    if action is Action.add_members:
        effect.added += after["members"]
        return
    if action is Action.remove_members:
        effect.removed += before["members"]
        return
    if action in ARRIVALS:
        effect.came = action
    elif action in DEPARTURES:
        effect.left, effect.bare = action, not operation.method
    if after.get(EMAIL_VERIFIED) is True:
        effect.notes.append(VERIFIED)
    if action is Action.create:
        effect.document = {k: v for k, v in (operation.body or {}).items() if k != "externalId"}
        return
    if action is Action.delete:
        return
    for path, value in after.items():
        if _hidden(before.get(path)) or _hidden(value):
            effect.notes.append(HIDDEN.format(path=path))
            continue
        effect.before.setdefault(path, before.get(path))
        effect.after[path] = value


def _hidden(value: Any) -> bool:
    """Tell whether a value is one that the history does not show, or has such a part."""
    if isinstance(value, Mapping):
        return any(map(_hidden, value.values()))
    return any(map(_hidden, value)) if isinstance(value, list) else value == REDACTED


@dataclass(frozen=True, slots=True)
class Now:
    """What is there now of an object that a run changed.

    Attributes:
        current: the resource's document, ``None`` when it is gone.
        restorable: the document of its tombstone, or ``None``.
        own: the sync as an authority, as before and after tell it.
        strict: everything in the document is known to come from what was written, so that what
            is more was added since.
        ids: resource ids by source id, for references.
    """

    current: Mapping[str, Any] | None
    restorable: Mapping[str, Any] | None
    own: str
    strict: bool = True
    ids: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Inverse:
    """What takes one object back.

    Attributes:
        operations: to apply, in this order within their phases.
        notes: what stays, and why.
        wants_name: the userName that the object takes again, "" when it keeps its own.
    """

    operations: list[Operation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    wants_name: str = ""


def invert(effect: Effect, now: Now) -> Inverse:
    """Return what takes one object back to what it was before the run."""
    inverse = Inverse(notes=list(effect.notes))
    if effect.left is Action.delete:
        if effect.came is not Action.create:
            _revive(effect, now, inverse)
    elif effect.left is Action.unlink:
        _rejoin(effect, now, inverse)
    elif effect.came in (Action.create, Action.restore):
        _remove(effect, now, inverse)
    elif effect.came in (Action.take_over, Action.contribute):
        _let_go(effect, now, inverse)
    elif effect.after:
        _change_back(effect, now, inverse)
    return inverse


def _revive(effect: Effect, now: Now, inverse: Inverse) -> None:
    """Restore what was deleted, as it was before the run."""
    if now.current is not None:
        inverse.notes.append(BACK)
        return
    if now.restorable is None:
        inverse.notes.append(LOST)
        return
    target = with_paths(now.restorable, _real(effect.before))
    patches = diff(now.restorable, target) or [_same_name(effect, target)]
    before, after = changes(now.restorable, target)
    inverse.operations.append(
        _operation(effect, Action.restore, "PATCH", patch_body(patches), before, after)
    )
    if effect.kind is ObjectKind.user:
        inverse.wants_name = str(target.get("userName") or "")


def _remove(effect: Effect, now: Now, inverse: Inverse) -> None:
    """Delete what the run brought, if nobody changed it since."""
    if now.current is None:
        inverse.notes.append(GONE)
        return
    told = with_paths(effect.document, _real(effect.after))
    if effect.came is Action.restore:
        differing = _changed(now.current, effect.after, now)
    else:
        expected = normal(told, now.ids)
        found = normal(now.current, now.ids)
        if not now.strict:
            found = {name: found.get(name) for name in expected}
        differing = {str(step["path"]) for step in diff(found, expected)}
    if differing:
        inverse.notes.append(SINCE.format(what=", ".join(sorted(differing))))
        return
    before = {name: now.current.get(name) for name in _shown(effect)}
    inverse.operations.append(_operation(effect, Action.delete, "DELETE", None, before, None))


def _rejoin(effect: Effect, now: Now, inverse: Inverse) -> None:
    """Join again what the run let go of."""
    if now.current is None:
        inverse.notes.append(GONE)
        return
    if effect.bare:
        inverse.operations.append(_operation(effect, Action.contribute, "", None, None, None))
        return
    target, before, after = _back(effect, now, inverse)
    patches = diff(now.current, target) or [_same_name(effect, target)]
    inverse.operations.append(
        _operation(
            effect,
            Action.take_over,
            "PATCH",
            patch_body(patches),
            {AUTHORITY: "dashboard", **before},
            {AUTHORITY: now.own, **after},
        )
    )


def _let_go(effect: Effect, now: Now, inverse: Inverse) -> None:
    """Give back what the run joined, as it was."""
    if now.current is None:
        inverse.notes.append(GONE)
        return
    if effect.came is Action.contribute:
        inverse.operations.append(_operation(effect, Action.unlink, "", None, None, None))
        return
    if effect.before.get(AUTHORITY, "dashboard") not in ("dashboard", now.own):
        inverse.notes.append(FOREIGN)
    target, before, after = _back(effect, now, inverse)
    patches = diff(now.current, target) or [_same_name(effect, target)]
    inverse.operations.append(
        _operation(effect, Action.unlink, "PATCH", patch_body(patches), before, after)
    )
    _want_name(effect, now, inverse, target)


def _change_back(effect: Effect, now: Now, inverse: Inverse) -> None:
    """Write the old values over those of the run."""
    if now.current is None:
        inverse.notes.append(GONE)
        return
    target, before, after = _back(effect, now, inverse)
    patches = diff(now.current, target)
    if not patches:
        return
    disables = now.current.get("active") is not False and target.get("active") is False
    action = Action.disable if disables else Action.update
    body = patch_body(patches)
    inverse.operations.append(_operation(effect, action, "PATCH", body, before, after))
    _want_name(effect, now, inverse, target)


def _back(effect: Effect, now: Now, inverse: Inverse) -> tuple[Document, Document, Document]:
    """Return (document to have, before, after), without what was changed since."""
    current = dict(now.current or {})
    differing = _changed(current, effect.after, now)
    if differing:
        inverse.notes.append(SINCE.format(what=", ".join(sorted(differing))))
    old = {path: value for path, value in _real(effect.before).items() if path not in differing}
    target = with_paths(current, old)
    return target, *changes(current, target)


def _want_name(effect: Effect, now: Now, inverse: Inverse, target: Document) -> None:
    name = target.get("userName")
    if effect.kind is ObjectKind.user and name != (now.current or {}).get("userName"):
        inverse.wants_name = str(name or "")


def members_back(
    effect: Effect, present: Collection[str], standing: Collection[str], ids: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return (members to remove, members to add) to take a group's memberships back.

    Args:
        effect: what the run did to the group.
        present: resource ids of its members now.
        standing: resource ids that can be members when that is applied.
        ids: resource ids by source id, for references.
    """
    if effect.vanishes or effect.left is not None:
        return [], []
    there = set(present)
    added = [resource_of(member, ids) for member in effect.added]
    removed = [resource_of(member, ids) for member in effect.removed]
    remove = [one for one in dict.fromkeys(added) if one in there and one not in removed]
    add = [one for one in dict.fromkeys(removed) if one not in there and one in standing]
    return remove, [one for one in add if one not in added]


def _real(told: Mapping[str, Any]) -> Document:
    return {path: value for path, value in told.items() if path not in TOLD_ONLY}


def _changed(current: Mapping[str, Any], told: Mapping[str, Any], now: Now) -> set[str]:
    """Return the paths at which a document is no longer what a run left."""
    paths = _real(told)
    expected = with_paths({}, {path: normal(value, now.ids) for path, value in paths.items()})
    found = with_paths({}, {path: normal(at_path(current, path), now.ids) for path in paths})
    return {str(step["path"]) for step in diff(found, expected)}


# -- operations ---------------------------------------------------------------------


def _same_name(effect: Effect, document: Mapping[str, Any]) -> Document:
    """Return a step that changes nothing, for an operation that needs a body."""
    path = "userName" if effect.kind is ObjectKind.user else "displayName"
    return {"op": "replace", "path": path, "value": document.get(path)}


def _shown(effect: Effect) -> tuple[str, ...]:
    return ("userName", "active") if effect.kind is ObjectKind.user else ("displayName",)


def _operation(
    effect: Effect,
    action: Action,
    method: str,
    body: Document | None,
    before: Document | None,
    after: Document | None,
) -> Operation:
    users = effect.kind is ObjectKind.user
    deletes = phases.DELETE_USERS if users else phases.DELETE_GROUPS
    return Operation(
        action=action,
        kind=effect.kind,
        source_id=effect.source_id,
        label=effect.label,
        method=method,
        path=f"/{'Users' if users else 'Groups'}/{effect.resource_id}",
        body=body,
        before=before,
        after=after,
        phase=deletes if action is Action.delete else phases.USERS if users else phases.GROUPS,
    )
