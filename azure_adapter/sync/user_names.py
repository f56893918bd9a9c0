"""Who gives up a userName that another object needs, and who keeps it. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from azure_adapter.sync import phases
from azure_adapter.sync.config import DeletionPolicy, SyncConfig
from azure_adapter.sync.facts import Decision, NameHolder, UserFacts
from azure_adapter.sync.user_operations import patch_body
from azure_adapter.sync.user_problems import name_taken
from scim.provisioning.operations import Action, Operation
from scim.provisioning.source import ObjectKind

USER_NAME = "userName"


def free_name(config: SyncConfig, facts: UserFacts, decision: Decision) -> Decision:
    """Make the holder of the wanted userName give it up first, when that is right.

    A leaver's deletion is promoted; a leaver who stays (policy *deactivate*, or joined) is renamed
    for good. A user who is renamed by the same plan gives the name up at once and gets the new one
    in turn, which also settles swaps. Anybody else keeps it: then the object has a problem, and
    of a user that exists everything but the name is changed.
    """
    holder = facts.name_holder
    if holder is None or _is_own(facts, holder):
        return decision
    if not holder.source_id or not (holder.leaves or holder.gives_up):
        return _without_name(facts, holder, decision)
    deleted = config.deletion_policy is DeletionPolicy.delete and not holder.joined
    operations = _told(holder, decision.operations)
    if holder.leaves and deleted:
        return replace(
            decision, operations=operations, promote=[*decision.promote, holder.source_id]
        )
    return replace(decision, operations=[_release(facts, holder), *operations])


def _told(holder: NameHolder, operations: Sequence[Operation]) -> list[Operation]:
    """Return operations of which the first one tells from whom the user name comes."""
    first, *others = operations
    name, former = holder.candidate.user_name, holder.source_id
    why = "who left" if holder.leaves else "who gets another one"
    message = f"The user name {name} comes from the object {former}, {why}. {first.message}"
    return [replace(first, message=message.strip()), *others]


def _without_name(facts: UserFacts, holder: NameHolder, decision: Decision) -> Decision:
    """Say that the name is taken; a linked user is changed all the same, but for the name."""
    problem = name_taken(facts, holder)
    if facts.link is None or facts.current is None or decision.document is None:
        return Decision(problem=problem)
    changed = [nameless(each) for each in decision.operations]
    document = {**decision.document, USER_NAME: facts.current.get(USER_NAME)}
    return replace(
        decision,
        operations=[each for each in changed if each is not None],
        problem=problem,
        document=document,
    )


def nameless(operation: Operation) -> Operation | None:
    """Return an operation without the userName that it would write, ``None`` if that was all."""
    steps = (operation.body or {}).get("Operations", [])
    kept = [step for step in steps if step.get("path") != USER_NAME]
    if len(kept) == len(steps):
        return operation
    before, after = (
        {path: value for path, value in (told or {}).items() if path != USER_NAME}
        for told in (operation.before, operation.after)
    )
    body = patch_body(kept)
    return replace(operation, body=body, before=before, after=after) if kept else None


def _is_own(facts: UserFacts, holder: NameHolder) -> bool:
    """Tell whether the holder is the very user that the object is joined with."""
    return facts.current is not None and facts.current.get("id") == holder.candidate.resource_id


def _release(facts: UserFacts, holder: NameHolder) -> Operation:
    name = holder.candidate.user_name
    freed = released_name(name, holder.source_id)
    why = "left" if holder.leaves else "gets another one"
    return Operation(
        action=Action.release_name,
        kind=ObjectKind.user,
        source_id=holder.source_id,
        label=name,
        method="PATCH",
        path=f"/Users/{holder.candidate.resource_id}",
        body=patch_body([{"op": "replace", "path": USER_NAME, "value": freed}]),
        before={USER_NAME: name},
        after={USER_NAME: freed},
        phase=phases.FREE_NAMES,
        message=f"{name} {why}, and {facts.record.source_id} needs the user name.",
    )


def released_name(user_name: str, source_id: str) -> str:
    """Return the userName of a user who gave up theirs: the old one, marked, and unique."""
    return f"{user_name}.released-{source_id[:8]}"
