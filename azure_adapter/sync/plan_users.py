"""Planning one user: from the mirror, the link and the store to SCIM operations. Pure.

The life of a decision: gone from the source? — linked? — restorable? — let go of? — matched? —
new. Each step is one function, and each leaves either operations or a problem that a person can
act on.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from azure_adapter.mapping import (
    ENTERPRISE,
    MappedUser,
    changes,
    diff,
    manager_value,
    merge,
)
from azure_adapter.sync import phases, user_problems
from azure_adapter.sync.config import DeletionPolicy, SyncConfig
from azure_adapter.sync.enrolling import enroll
from azure_adapter.sync.facts import Decision, UserFacts
from azure_adapter.sync.scope_reasons import why_out
from azure_adapter.sync.source_mapping import unique_value
from azure_adapter.sync.user_names import free_name
from azure_adapter.sync.user_operations import patch_body, user_operation
from scim.provisioning.authority import DASHBOARD, Source, SourceKind
from scim.provisioning.operations import AUTHORITY, Action, Operation, reference
from scim.provisioning.records import Candidate, Choice, UniqueField

MANAGER_PATH = f"{ENTERPRISE}:manager"

STAYS_DISABLED = (
    "The user was disabled here before, and joining turns nobody on. It stays disabled until "
    "Azure disables and enables it, or an administrator enables it here."
)
BLOCKED = "An administrator blocks this user, so it stays disabled whatever Azure says."


def plan_user(config: SyncConfig, facts: UserFacts) -> Decision:
    """Decide about one user of the source."""
    if not facts.record.is_wanted:
        return _leave(config, facts)
    mapped = facts.mapped if facts.before is not None else facts.arriving
    if mapped.problems and facts.link is None:
        return Decision(problem=user_problems.mapping_problem(facts, mapped))
    decision = _arrive_or_change(config, facts)
    if decision.operations:
        decision = free_name(config, facts, decision)
    if mapped.problems and decision.problem is None and decision.document is not None:
        # What could be mapped is applied all the same: a disable must not wait for a title.
        decision.problem = user_problems.mapping_problem(facts, mapped)
    return enroll(config, facts, decision)


def own_source(config: SyncConfig) -> Source:
    """Return the user sync as an authority."""
    return Source(SourceKind.user_sync, config.sync_id)


def decides(config: SyncConfig, facts: UserFacts) -> bool:
    """Tell whether this sync is the authority of the user that the object is linked to."""
    return facts.authority is None or facts.authority.source == own_source(config)


# -- leaving ----------------------------------------------------------------


def _leave(config: SyncConfig, facts: UserFacts) -> Decision:
    """Plan for an object that is not in the source any more, or out of scope."""
    link, current = facts.link, facts.current
    if link is None or current is None:
        return Decision()
    path = f"/Users/{link.resource_id}"
    reason = why_out(facts.record, facts.label)
    if not decides(config, facts):
        message = f"{reason} Its profile belongs to another source, so it is only unlinked."
        return _one(_bare(facts, Action.unlink, path, phases.DELETE_USERS, message.strip()))
    if link.joined:
        return _one(_deactivate(facts, path, Action.unlink, current.get("active"), reason))
    if config.deletion_policy is DeletionPolicy.deactivate:
        if current.get("active") is False:
            return Decision()
        return _one(_deactivate(facts, path, Action.disable, current.get("active"), reason))
    before = {"userName": current.get("userName"), "active": current.get("active")}
    return _one(
        user_operation(
            facts,
            Action.delete,
            "DELETE",
            path,
            phase=phases.DELETE_USERS,
            before=before,
            message=reason,
        )
    )


def _deactivate(
    facts: UserFacts, path: str, action: Action, active: object, message: str
) -> Operation:
    return user_operation(
        facts,
        action,
        "PATCH",
        path,
        phase=phases.DELETE_USERS,
        body=patch_body([{"op": "replace", "path": "active", "value": False}]),
        before={"active": active},
        after={"active": False},
        message=message,
    )


def _one(operation: Operation) -> Decision:
    return Decision([operation])


def _bare(facts: UserFacts, action: Action, path: str, phase: int, message: str) -> Operation:
    """Return an operation that changes the link only: nothing is sent to the target."""
    return user_operation(facts, action, "", path, phase=phase, message=message)


# -- arriving and changing ----------------------------------------------------


def _arrive_or_change(config: SyncConfig, facts: UserFacts) -> Decision:
    link = facts.record.link
    if facts.link is not None and facts.current is not None:
        return _keep(config, facts, facts.link.resource_id, facts.current)
    if facts.chosen is not None and facts.current is not None:
        return _as_chosen(config, facts, facts.chosen, facts.current)
    if link is not None and facts.restorable is not None:
        return _change(facts, Action.restore, link.resource_id, facts.restorable)
    if link is not None and facts.current is not None:
        return _back(config, facts, link.resource_id, facts.current)
    if link is not None:
        return _create(facts)
    return _match(config, facts)


def _keep(
    config: SyncConfig, facts: UserFacts, resource_id: str, current: Mapping[str, Any]
) -> Decision:
    """Bring a linked user up to date, if this sync decides about it."""
    if decides(config, facts):
        return _update(facts, resource_id, current)
    if facts.chose(Choice.take_over, resource_id):
        return _take_over(config, facts, resource_id, current)
    if facts.chose(Choice.contribute, resource_id):
        return Decision()
    return Decision(problem=user_problems.no_longer_ours(facts))


def _back(
    config: SyncConfig, facts: UserFacts, resource_id: str, current: Mapping[str, Any]
) -> Decision:
    """Join the user again that was let go of, or restored here, when the object is back."""
    if decides(config, facts) or _authority(facts) == DASHBOARD:
        return _take_over(config, facts, resource_id, current)
    return Decision(problem=user_problems.foreign(facts, _as_candidate(facts, resource_id)))


def _match(config: SyncConfig, facts: UserFacts) -> Decision:
    """Find an existing user by the Unique field, or create one; never guess."""
    if facts.resolution is not None and facts.resolution.choice is Choice.create:
        return _create(facts)
    value = unique_value(config, facts.arriving)
    word = "e-mail address" if config.unique_field is UniqueField.email else "user name"
    if value is None:
        return Decision(problem=user_problems.no_unique_value(facts, word))
    if facts.rivals:
        return Decision(problem=user_problems.rivals(facts, word, value))
    if len(facts.candidates) > 1:
        return Decision(problem=user_problems.ambiguous(facts, word, value))
    if not facts.candidates:
        return _create(facts)
    candidate = facts.candidates[0]
    if candidate.authority != DASHBOARD or facts.current is None:
        return Decision(problem=user_problems.foreign(facts, candidate))
    return _take_over(config, facts, candidate.resource_id, facts.current)


def _as_chosen(
    config: SyncConfig, facts: UserFacts, chosen: Candidate, current: Mapping[str, Any]
) -> Decision:
    """Join the user that a person chose."""
    if facts.chose(Choice.take_over, chosen.resource_id):
        return _take_over(config, facts, chosen.resource_id, current)
    path = f"/Users/{chosen.resource_id}"
    message = f"Joined without its profile, which stays with {chosen.authority}."
    return _one(_bare(facts, Action.contribute, path, phases.USERS, message))


def _authority(facts: UserFacts) -> Source | None:
    return facts.authority.source if facts.authority else None


def _as_candidate(facts: UserFacts, resource_id: str) -> Candidate:
    name = str((facts.current or {}).get("userName") or resource_id)
    return Candidate(resource_id, _authority(facts) or DASHBOARD, name)


def _create(facts: UserFacts) -> Decision:
    document = {"active": True, **_desired(facts, facts.arriving)}
    body = {**document, "externalId": facts.record.source_id}
    operation = user_operation(
        facts,
        Action.create,
        "POST",
        "/Users",
        phase=phases.USERS,
        body=body,
        after=document,
        message=_notes(facts.arriving),
    )
    return _with_manager(facts, Decision([operation], document=document))


def _update(facts: UserFacts, resource_id: str, current: Mapping[str, Any]) -> Decision:
    desired = _enabled_or_not(facts, current, _desired(facts, facts.mapped))
    target = merge(current, desired, facts.mapped.coverage)
    disables = current.get("active") is not False and target.get("active") is False
    action = Action.disable if disables else Action.update
    decision = _patch(facts, action, resource_id, current, target)
    decision.frees = _source_disables(facts)
    return decision


def _enabled_or_not(
    facts: UserFacts, current: Mapping[str, Any], desired: dict[str, Any]
) -> dict[str, Any]:
    """Keep a user disabled that an administrator blocks, or who was when this sync joined it."""
    kept = facts.link is not None and facts.link.kept_disabled and current.get("active") is False
    return {**desired, "active": False} if facts.blocked or kept else desired


def _source_disables(facts: UserFacts) -> bool:
    """Tell whether Azure itself disables a user that was kept disabled: Azure decides from now."""
    kept = facts.link is not None and facts.link.kept_disabled
    return kept and facts.mapped.document.get("active") is False


def _take_over(
    config: SyncConfig, facts: UserFacts, resource_id: str, current: Mapping[str, Any]
) -> Decision:
    """Join an existing user; joining never turns a disabled user on."""
    desired = _desired(facts, facts.mapped)
    message = _notes(facts.mapped)
    stays = current.get("active") is False and desired.get("active") is not False
    if stays or facts.blocked:
        desired["active"] = False
        message = f"{BLOCKED if facts.blocked else STAYS_DISABLED} {message}".strip()
    target = merge(current, desired, facts.mapped.coverage)
    decision = _patch(facts, Action.take_over, resource_id, current, target, message=message)
    before: dict[str, Any] = {AUTHORITY: str(_authority(facts) or DASHBOARD)}
    after: dict[str, Any] = {AUTHORITY: str(own_source(config))}
    if stays:
        before["active"], after["active"] = False, False
    first = decision.operations[0]
    decision.operations[0] = replace(
        first, before={**before, **(first.before or {})}, after={**after, **(first.after or {})}
    )
    return decision


def _change(
    facts: UserFacts, action: Action, resource_id: str, current: Mapping[str, Any]
) -> Decision:
    desired = _enabled_or_not(facts, current, _desired(facts, facts.mapped))
    target = merge(current, desired, facts.mapped.coverage)
    target.setdefault("active", True)
    return _patch(facts, action, resource_id, current, target)


def _patch(
    facts: UserFacts,
    action: Action,
    resource_id: str,
    current: Mapping[str, Any],
    target: dict[str, Any],
    *,
    message: str | None = None,
) -> Decision:
    """Plan the PATCH from what is stored to what is to be."""
    patches = diff(current, target)
    if not patches and action in (Action.update, Action.disable):
        return _with_manager(facts, Decision(document=target))
    if not patches:
        patches = [{"op": "replace", "path": "userName", "value": target["userName"]}]
    before, after = changes(current, target)
    operation = user_operation(
        facts,
        action,
        "PATCH",
        f"/Users/{resource_id}",
        phase=phases.USERS,
        body=patch_body(patches),
        before=before,
        after=after,
        message=_notes(facts.mapped) if message is None else message,
    )
    return _with_manager(facts, Decision([operation], document=target))


def _notes(mapped: MappedUser) -> str:
    return " ".join(mapped.notes)


def _desired(facts: UserFacts, mapped: MappedUser) -> dict[str, Any]:
    """Return the mapped document, with the manager when its resource is known."""
    desired = dict(mapped.document)
    if facts.manager_id:
        enterprise = dict(desired.get(ENTERPRISE) or {})
        enterprise["manager"] = manager_value(facts.manager_id)
        desired[ENTERPRISE] = enterprise
        if ENTERPRISE not in desired["schemas"]:
            desired["schemas"] = [*desired["schemas"], ENTERPRISE]
    return desired


def _with_manager(facts: UserFacts, decision: Decision) -> Decision:
    """Append the operation that sets a manager who does not exist yet."""
    manager = facts.mapped.manager
    if not facts.manager_planned or manager is None:
        return decision
    value = manager_value(reference(manager))
    patch = [{"op": "replace", "path": MANAGER_PATH, "value": value}]
    operation = user_operation(
        facts,
        Action.assign_manager,
        "PATCH",
        f"/Users/{reference(facts.record.source_id)}",
        phase=phases.MANAGERS,
        body=patch_body(patch),
        after={MANAGER_PATH: reference(manager)},
    )
    decision.operations.append(operation)
    return decision
