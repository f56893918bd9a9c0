"""The undo of a run: what it did, what is there now, and the inverse stored as a plan."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from azure_adapter.sync import phases
from azure_adapter.sync.member_parts import with_members
from azure_adapter.sync.undo import Effect, Inverse, Now, effect_of, invert, members_back
from azure_adapter.sync.user_names import nameless, released_name
from azure_adapter.sync.user_operations import patch_body
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.keys import comparison_key
from scim.provisioning.operations import (
    BULK_ID,
    MEMBERS_PER_PATCH,
    Action,
    Operation,
    OperationStatus,
    references,
)
from scim.provisioning.ports import ProvisioningTarget, SyncStore
from scim.provisioning.records import RunRecord, UniqueField
from scim.provisioning.source import ObjectKind

BATCH = 200
"""How many objects are taken back at once."""

TAKEN = "Its old user name {name!r} is taken by {holder!r} now, so it stays as it is."


class Undoing:
    """Plans the inverse of a run into the plan of another one.

    Args:
        store: the state of the user sync.
        target: asked for what is there now.
        run: the preview, or the run that applies it; it names the run that is undone.
        progress: told how many objects were planned.
    """

    def __init__(
        self,
        store: SyncStore,
        target: ProvisioningTarget,
        run: RunRecord,
        progress: Callable[[int], None],
    ) -> None:
        self._store = store
        self._target = target
        self._run_id = run.id
        self._undone = str(run.undoes_run)
        self._own = str(Source(SourceKind.user_sync, run.sync_id))
        self._progress = progress
        self._count = 0
        self._promoted: list[str] = []

    async def plan(self) -> list[str]:
        """Plan users, then groups, then who is in them; returns notes for the run's history."""
        await self._each(ObjectKind.user, self._plan_users)
        await self._each(ObjectKind.group, self._plan_groups)
        await self._each(ObjectKind.group, self._plan_members)
        await self._store.promote(self._run_id, self._promoted, Action.delete, phases.FREE_NAMES)
        return []

    async def _each(
        self, kind: ObjectKind, plan: Callable[[list[Effect]], Awaitable[None]]
    ) -> None:
        after = ""
        while found := await self._store.applied_objects(self._undone, kind, after, BATCH):
            after = found[-1]
            await plan(await self._effects(found))
            self._count += len(found)
            self._progress(self._count)

    async def _plan_users(self, effects: list[Effect]) -> None:
        inverses = await self._inverses(effects)
        await self._free_names(inverses)
        await self._save(inverses)

    async def _plan_groups(self, effects: list[Effect]) -> None:
        await self._save(await self._inverses(effects))

    async def _plan_members(self, effects: list[Effect]) -> None:
        """Take memberships back; who is restored by the same plan can be a member again."""
        for effect in effects:
            if effect.added or effect.removed:
                await self._store.add_operations(
                    self._run_id, await self._members_back(effect), OperationStatus.pending
                )

    async def _inverses(self, effects: list[Effect]) -> list[tuple[Effect, Inverse]]:
        nows = await self._nows(effects)
        return [(each, invert(each, nows[each.source_id])) for each in effects]

    async def _effects(self, source_ids: Sequence[str]) -> list[Effect]:
        rows = await self._store.operations_of(self._undone, source_ids)
        done = [
            [row for row in rows.get(one, ()) if row.status is OperationStatus.done]
            for one in source_ids
        ]
        return [effect_of(each) for each in done if each]

    async def _nows(self, effects: Sequence[Effect]) -> dict[str, Now]:
        ids = sorted({each.resource_id for each in effects})
        current = await self._target.read(ids)
        restorable = await self._target.restorable([one for one in ids if one not in current])
        wanted = {one for each in effects for one in references(each.after)}
        resources = await self._resources(wanted)
        return {
            each.source_id: Now(
                current=current.get(each.resource_id),
                restorable=restorable.get(each.resource_id),
                own=self._own,
                strict=self._target.transactional,
                ids=resources,
            )
            for each in effects
        }

    async def _resources(self, source_ids: set[str]) -> dict[str, str]:
        records = await self._store.records(sorted(source_ids)) if source_ids else {}
        return {one: each.link.resource_id for one, each in records.items() if each.link}

    # -- names -------------------------------------------------------------------

    async def _free_names(self, inverses: list[tuple[Effect, Inverse]]) -> None:
        """Have those give up a name that somebody takes again, in a workable order."""
        wants = {each.wants_name for _, each in inverses if each.wants_name}
        found = await self._target.find(UniqueField.username, sorted(wants)) if wants else {}
        holders = {one.resource_id for several in found.values() for one in several}
        moving = await self._moving(sorted(holders))
        for effect, inverse in inverses:
            for holder in found.get(inverse.wants_name, ()):
                if holder.resource_id == effect.resource_id:
                    continue
                other = moving.get(holder.resource_id)
                if other is not None and other.vanishes:
                    self._promoted.append(other.source_id)
                elif other is not None and _renamed(other, holder.user_name):
                    inverse.operations.insert(0, _release(other, holder.user_name))
                else:
                    _keep_name(inverse, holder.user_name)

    async def _moving(self, resource_ids: Sequence[str]) -> dict[str, Effect]:
        """Return what the undone run did to the users that hold wanted names, by resource id."""
        links = await self._store.links_to(resource_ids) if resource_ids else []
        effects = await self._effects([link.source_id for link in links])
        return {each.resource_id: each for each in effects}

    # -- members -----------------------------------------------------------------

    async def _members_back(self, effect: Effect) -> list[Operation]:
        present = await self._target.members(effect.resource_id)
        told = {one[len(BULK_ID) :] for one in effect.added if one.startswith(BULK_ID)}
        ids = await self._resources(told)
        standing = await self._standing(effect.removed)
        remove, add = members_back(effect, present, standing, ids)
        return [
            *_member_operations(effect, Action.remove_members, remove),
            *_member_operations(effect, Action.add_members, add),
        ]

    async def _standing(self, members: Sequence[str]) -> set[str]:
        """Return those of the resources that are there, or are restored by this plan."""
        there: set[str] = set()
        for start in range(0, len(members), MEMBERS_PER_PATCH):
            some = list(members[start : start + MEMBERS_PER_PATCH])
            current = await self._target.read(some)
            lost = [one for one in some if one not in current]
            links = await self._store.links_to(lost) if lost else []
            back = await self._store.planned(self._run_id, [link.source_id for link in links])
            there |= set(current)
            there |= {link.resource_id for link in links if link.source_id in back}
        return there

    # -- saving ------------------------------------------------------------------

    async def _save(self, inverses: Sequence[tuple[Effect, Inverse]]) -> None:
        operations = [one for _, inverse in inverses for one in inverse.operations]
        await self._store.add_operations(self._run_id, operations, OperationStatus.pending)
        notes = [
            _note(effect, " ".join(dict.fromkeys(inverse.notes)))
            for effect, inverse in inverses
            if inverse.notes
        ]
        await self._store.add_operations(
            self._run_id, notes, OperationStatus.skipped, code="cannot_undo"
        )


def _renamed(effect: Effect, user_name: str) -> bool:
    """Tell whether a holder gives a name up by the same undo."""
    old = effect.old_name
    return old is not None and comparison_key(old) != comparison_key(user_name)


def _keep_name(inverse: Inverse, holder: str) -> None:
    """Take back all but the user name; who was deleted cannot come back without it."""
    inverse.notes.append(TAKEN.format(name=inverse.wants_name, holder=holder))
    kept = [nameless(each) for each in inverse.operations if each.action is not Action.restore]
    inverse.operations = [each for each in kept if each is not None]


def _release(effect: Effect, user_name: str) -> Operation:
    freed = released_name(user_name, effect.source_id)
    return Operation(
        action=Action.release_name,
        kind=ObjectKind.user,
        source_id=effect.source_id,
        label=effect.label,
        method="PATCH",
        path=f"/Users/{effect.resource_id}",
        body=patch_body([{"op": "replace", "path": "userName", "value": freed}]),
        before={"userName": user_name},
        after={"userName": freed},
        phase=phases.FREE_NAMES,
        message=f"{user_name} is needed by somebody who had it before.",
    )


def _member_operations(effect: Effect, action: Action, members: Sequence[str]) -> list[Operation]:
    removes = action is Action.remove_members
    patch: Mapping[str, object] = {"op": "remove" if removes else "add", "path": "members"}
    empty = Operation(
        action=action,
        kind=ObjectKind.group,
        source_id=effect.source_id,
        label=effect.label,
        method="PATCH",
        path=f"/Groups/{effect.resource_id}",
        body=patch_body([dict(patch)]),
        phase=phases.REMOVE_MEMBERS if removes else phases.ADD_MEMBERS,
    )
    return [
        with_members(empty, members[start : start + MEMBERS_PER_PATCH])
        for start in range(0, len(members), MEMBERS_PER_PATCH)
    ]


def _note(effect: Effect, sentence: str) -> Operation:
    blank = Operation(Action.none, effect.kind, effect.source_id, effect.label)
    return replace(blank, message=sentence)
