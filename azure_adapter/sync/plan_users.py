"""Planning one user: from the mirror, the link and the store to SCIM operations. Pure.

The life of a decision: gone from the source? — linked? — restorable? — matched? — new. Each step
is one function, and each leaves either operations or a problem that a person can act on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from azure_adapter.mapping import (
    ENTERPRISE,
    MappedUser,
    changes,
    diff,
    manager_value,
    merge,
)
from azure_adapter.sync import phases
from azure_adapter.sync.config import DeletionPolicy, SyncConfig
from azure_adapter.sync.facts import Decision, NameHolder, UserFacts
from azure_adapter.sync.user_problems import (
    ambiguous,
    foreign,
    mapping_problem,
    no_unique_value,
    rivals,
)
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.keys import comparison_key
from scim.provisioning.operations import Action, Operation, reference
from scim.provisioning.records import LinkState, UniqueField
from scim.provisioning.source import ObjectKind, Presence

PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MANAGER_PATH = f"{ENTERPRISE}:manager"


def plan_user(config: SyncConfig, facts: UserFacts) -> Decision:
    """Decide about one user of the source."""
    record = facts.record
    if record.presence is not Presence.present:
        return _leave(config, facts)
    if facts.mapped.problems:
        return Decision(problem=mapping_problem(facts))
    decision = _arrive_or_change(config, facts)
    if decision.operations:
        _free_name(config, facts, decision)
    return decision


def unique_value(config: SyncConfig, mapped: MappedUser) -> str | None:
    """Return the value of the Unique field of a mapped user, or ``None`` when it has none."""
    value = mapped.email if config.unique_field is UniqueField.email else mapped.user_name
    return value or None


# -- leaving ----------------------------------------------------------------


def _leave(config: SyncConfig, facts: UserFacts) -> Decision:
    """Plan for an object that is not in the source any more."""
    link = facts.record.link
    current = facts.current
    if link is None or link.state is not LinkState.linked or current is None:
        return Decision()
    path = f"/Users/{link.resource_id}"
    if link.joined:
        return Decision([_deactivate(facts, path, Action.unlink, current.get("active"))])
    if config.deletion_policy is DeletionPolicy.deactivate:
        if current.get("active") is False:
            return Decision()
        return Decision([_deactivate(facts, path, Action.disable, current.get("active"))])
    before = {"userName": current.get("userName"), "active": current.get("active")}
    operation = _operation(facts, Action.delete, "DELETE", path, before=before)
    return Decision([_in_phase(operation, phases.DELETE_USERS)])


def _deactivate(facts: UserFacts, path: str, action: Action, active: object) -> Operation:
    operation = _operation(
        facts,
        action,
        "PATCH",
        path,
        body=patch_body([{"op": "replace", "path": "active", "value": False}]),
        before={"active": active},
        after={"active": False},
    )
    return _in_phase(operation, phases.DELETE_USERS)


# -- arriving and changing ----------------------------------------------------


def _arrive_or_change(config: SyncConfig, facts: UserFacts) -> Decision:
    link = facts.record.link
    if link is not None and link.state is LinkState.linked and facts.current is not None:
        return _update(facts, link.resource_id, facts.current)
    if link is not None and facts.restorable is not None:
        return _change(facts, Action.restore, link.resource_id, facts.restorable)
    if link is not None and link.state is LinkState.unlinked and facts.current is not None:
        return _take_over(facts, link.resource_id, facts.current)
    if link is not None:
        return _create(facts)
    return _match(config, facts)


def _match(config: SyncConfig, facts: UserFacts) -> Decision:
    """Find an existing user by the Unique field, or create one; never guess."""
    value = unique_value(config, facts.mapped)
    word = "e-mail address" if config.unique_field is UniqueField.email else "user name"
    if value is None:
        return Decision(problem=no_unique_value(facts, word))
    if facts.rivals:
        return Decision(problem=rivals(facts, word, value))
    if len(facts.candidates) > 1:
        return Decision(problem=ambiguous(facts, word, value))
    if not facts.candidates:
        return _create(facts)
    candidate = facts.candidates[0]
    if candidate.authority != DASHBOARD or facts.current is None:
        return Decision(problem=foreign(facts, candidate))
    return _take_over(facts, candidate.resource_id, facts.current)


def _create(facts: UserFacts) -> Decision:
    document = {"active": True, **_desired(facts)}
    body = {**document, "externalId": facts.record.source_id}
    operation = _operation(facts, Action.create, "POST", "/Users", body=body, after=document)
    return _with_manager(facts, [_in_phase(operation, phases.USERS)])


def _update(facts: UserFacts, resource_id: str, current: Mapping[str, Any]) -> Decision:
    target = merge(current, _desired(facts))
    if current.get("active") is not False and target.get("active") is False:
        return _change(facts, Action.disable, resource_id, current)
    return _change(facts, Action.update, resource_id, current)


def _take_over(facts: UserFacts, resource_id: str, current: Mapping[str, Any]) -> Decision:
    """Join an existing user; joining never turns a disabled user on."""
    desired = _desired(facts)
    if current.get("active") is False:
        desired["active"] = False
    return _change(facts, Action.take_over, resource_id, current, desired)


def _change(
    facts: UserFacts,
    action: Action,
    resource_id: str,
    current: Mapping[str, Any],
    desired: dict[str, Any] | None = None,
) -> Decision:
    """Plan the PATCH from what is stored to what is mapped."""
    target = merge(current, desired if desired is not None else _desired(facts))
    if action is Action.restore and "active" not in target:
        target["active"] = True
    patches = diff(current, target)
    if not patches and action in (Action.update, Action.disable):
        return _with_manager(facts, [])
    if not patches:
        patches = [{"op": "replace", "path": "userName", "value": target["userName"]}]
    before, after = changes(current, target)
    operation = _operation(
        facts,
        action,
        "PATCH",
        f"/Users/{resource_id}",
        body=patch_body(patches),
        before=before,
        after=after,
    )
    return _with_manager(facts, [_in_phase(operation, phases.USERS)])


def _desired(facts: UserFacts) -> dict[str, Any]:
    """Return the mapped document, with the manager when its resource is known."""
    desired = dict(facts.mapped.document)
    if facts.manager_id:
        enterprise = dict(desired.get(ENTERPRISE) or {})
        enterprise["manager"] = manager_value(facts.manager_id)
        desired[ENTERPRISE] = enterprise
        if ENTERPRISE not in desired["schemas"]:
            desired["schemas"] = [*desired["schemas"], ENTERPRISE]
    return desired


def _with_manager(facts: UserFacts, operations: list[Operation]) -> Decision:
    """Append the operation that sets a manager who does not exist yet."""
    manager = facts.mapped.manager
    if not facts.manager_planned or manager is None:
        return Decision(operations)
    value = manager_value(reference(manager))
    patch = [{"op": "replace", "path": MANAGER_PATH, "value": value}]
    operation = _operation(
        facts,
        Action.assign_manager,
        "PATCH",
        f"/Users/{reference(facts.record.source_id)}",
        body=patch_body(patch),
        after={MANAGER_PATH: reference(manager)},
    )
    return Decision([*operations, _in_phase(operation, phases.MANAGERS)])


# -- names --------------------------------------------------------------------


def _free_name(config: SyncConfig, facts: UserFacts, decision: Decision) -> None:
    """Make the holder of the wanted userName give it up first, when that is right.

    A leaver's deletion is promoted, or under *deactivate* the leaver is renamed for good. A user
    who is renamed by the same plan gives the name up at once and gets the new one in turn, which
    also settles swaps. Anybody else keeps it, and the operation fails with the reason.
    """
    holder = facts.name_holder
    if holder is None or not holder.source_id:
        return
    leaver = holder.presence is not Presence.present
    if leaver and config.deletion_policy is DeletionPolicy.delete:
        decision.promote.append(holder.source_id)
        return
    if not leaver and holder.wants in ("", _wanted_name(facts)):
        return
    decision.operations.insert(0, _release(facts, holder, leaver=leaver))


def _wanted_name(facts: UserFacts) -> str:
    return comparison_key(facts.mapped.user_name or "")


def _release(facts: UserFacts, holder: NameHolder, *, leaver: bool) -> Operation:
    name = facts.mapped.user_name or ""
    freed = released_name(name, holder.source_id)
    reason = "left" if leaver else "renamed"
    return Operation(
        action=Action.release_name,
        kind=ObjectKind.user,
        source_id=holder.source_id,
        label=f"{name} ({reason})",
        method="PATCH",
        path=f"/Users/{holder.resource_id}",
        body=patch_body([{"op": "replace", "path": "userName", "value": freed}]),
        before={"userName": name},
        after={"userName": freed},
        phase=phases.FREE_NAMES,
    )


def released_name(user_name: str, source_id: str) -> str:
    """Return the userName of a user who gave up theirs: the old one, marked, and unique."""
    return f"{user_name}.released-{source_id[:8]}"


# -- operations -------------------------------------------------------------------


def patch_body(operations: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of a PATCH (RFC 7644 §3.5.2)."""
    return {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}


def _operation(
    facts: UserFacts,
    action: Action,
    method: str,
    path: str,
    *,
    body: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> Operation:
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
        stamp=facts.record.stamp,
    )


def _in_phase(operation: Operation, phase: int) -> Operation:
    from dataclasses import replace

    return replace(operation, phase=phase)
