"""The simulated Entra directory: state, rules and the change log behind delta queries.

Sources: Microsoft Graph: delta query overview, user resource type, group resource type,
directory (deleted items); Entra: "Recover from deletions" (soft delete keeps 30 days).
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from azure_adapter.simulator.directory_apps import AppOperations
from azure_adapter.simulator.directory_state import StateOperations
from azure_adapter.simulator.directory_users import UserOperations
from azure_adapter.simulator.model import MISSING, Change, Entry, Op
from azure_adapter.simulator.properties import KNOWN
from azure_adapter.simulator.registrations import Registration, Secret


class Directory(StateOperations, UserOperations, AppOperations):
    """One simulated tenant: users, groups, devices, memberships, managers and their changes.

    Every mutating method validates first: an unknown id raises ``KeyError`` naming it, a value
    that Entra would refuse raises ``ValueError``.

    Args:
        tenant_id: Directory (tenant) id.
        client_id: Application (client) id of the tenant's own app registration.
        client_secret: Its secret.
        seed: Seed of generated ids and the default of generators.
        domain: Initial verified domain, for example ``contoso.onmicrosoft.com``.
        display_name: Name of the organization.
        clock: Source of time, seconds since the epoch.
        app: The registration, instead of ``client_id`` and ``client_secret``: several tenants
            may share one.

    Attributes:
        soft_delete_tells_groups: Whether soft-deleting a user makes group deltas tell the lost
            memberships at once (and restoring it, the memberships that are back). Documentation
            says it does not; both can be played.
        purge_tells_groups: Whether purging an object makes group deltas tell the lost
            memberships. Documented, but reported not to happen always: both can be played.
        delta_epoch: Delta tokens of an earlier epoch are expired.
    """

    def __init__(
        self,
        tenant_id: str = "11111111-2222-4333-8444-555555555555",
        client_id: str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
        client_secret: str = "simulator~secret",  # noqa: S107
        seed: int = 0,
        *,
        domain: str = "contoso.onmicrosoft.com",
        display_name: str = "Contoso",
        clock: Callable[[], float] = time.time,
        app: Registration | None = None,
    ) -> None:
        AppOperations.__init__(self, app or Registration(client_id, [Secret(client_secret)]))
        self.tenant_id = tenant_id
        self.seed = seed
        self.domain = domain
        self.display_name = display_name
        self.clock = clock
        self.purge_tells_groups = True
        self.soft_delete_tells_groups = False
        self.delta_epoch = 0
        self.objects: dict[str, Entry] = {}
        self._order: dict[str, list[str]] = {kind: [] for kind in KNOWN}
        self._upns: dict[str, str] = {}
        self._deleted: dict[str, set[str]] = {kind: set() for kind in KNOWN}
        self._log: list[Change] = []
        self._log_start = 0
        self._recording = True
        self._edges = 0
        self._ids = random.Random(f"ids:{seed}")  # noqa: S311

    # Reading

    @property
    def position(self) -> int:
        """The current position of the change log; it only ever grows."""
        return self._log_start + len(self._log)

    @property
    def oldest_position(self) -> int:
        """The oldest position from which a delta can still be told."""
        return self._log_start

    def changes_between(self, start: int, end: int) -> list[Change]:
        """List the log records after position ``start`` up to position ``end``."""
        return self._log[start - self._log_start : end - self._log_start]

    def ids_of(self, kind: str) -> list[str]:
        """List ids ever used of a kind in order of creation; purged ids stay as holes.

        The list only grows and is the directory's own: do not change it.
        """
        return self._order[kind]

    def get(self, object_id: str) -> Entry | None:
        """Find an object by id, live or soft-deleted."""
        return self.objects.get(object_id)

    def find_user(self, key: str) -> Entry | None:
        """Find a live user by id or by userPrincipalName (case-insensitive)."""
        entry = self.objects.get(key) or self.objects.get(self._upns.get(key.lower(), ""))
        return entry if entry is not None and entry.kind == "user" and not entry.deleted else None

    def live(self, kind: str) -> Iterator[Entry]:
        """Iterate over the live objects of a kind in order of creation."""
        for object_id in self._order[kind]:
            entry = self.objects.get(object_id)
            if entry is not None and entry.deleted is None:
                yield entry

    def members_of(self, group_id: str) -> list[str]:
        """List the direct member ids of a group, soft-deleted members included."""
        return list(self._group(group_id).members or ())

    def counts(self) -> dict[str, int]:
        """Count live users, groups, devices, memberships and restorable users and groups."""
        return {
            "users": sum(1 for _ in self.live("user")),
            "groups": sum(1 for _ in self.live("group")),
            "devices": sum(1 for _ in self.live("device")),
            "memberships": sum(len(group.members or ()) for group in self.live("group")),
            "deletedUsers": len(self.deleted("user")),
            "deletedGroups": len(self.deleted("group")),
        }

    # Groups and devices

    def add_device(self, **attrs: Any) -> str:
        """Register a device and return its id."""
        attrs.setdefault("deviceId", self.new_id())
        attrs.setdefault("accountEnabled", True)
        return self.add_object("device", **attrs)

    def add_object(self, kind: str, **attrs: Any) -> str:
        """Create an object of any other kind that can be a group member.

        Args:
            kind: ``device``, ``servicePrincipal`` or ``orgContact``.
            attrs: Graph property values; ``id`` is generated when absent.

        Returns:
            The new object's id.
        """
        return self._create(kind, attrs).id

    def add_group(self, **attrs: Any) -> str:
        """Create a group and return its id; without ``groupTypes`` it is a security group."""
        if not attrs.get("displayName"):
            raise ValueError("a group needs a displayName")
        unified = "Unified" in attrs.setdefault("groupTypes", [])
        attrs.setdefault("mailEnabled", unified)
        attrs.setdefault("securityEnabled", not unified)
        return self._create("group", attrs).id

    def rename_group(self, group_id: str, display_name: str) -> None:
        """Change a group's displayName."""
        self._update(self._live_group(group_id), {"displayName": display_name})

    def update_group(self, group_id: str, **attrs: Any) -> None:
        """Change a group's properties; None clears."""
        self._update(self._live_group(group_id), attrs)

    def delete_group(self, group_id: str) -> None:
        """Delete a group: a Microsoft 365 group softly (restorable), any other for good."""
        entry = self._live_group(group_id)
        if "Unified" in entry.attrs.get("groupTypes", ()):
            self._mark(entry, self.clock())
            self._record(entry, Op.SOFT_DELETED)
        else:
            self._purge(entry)

    def purge_group(self, group_id: str) -> None:
        """Delete a group for good, live or soft-deleted."""
        self._purge(self._group(group_id))

    def restore_group(self, group_id: str) -> None:
        """Restore a soft-deleted group; delta tells it whole, with its members."""
        entry = self._group(group_id)
        if entry.deleted is None:
            raise ValueError(f"group {group_id} is not deleted")
        since = entry.deleted
        self._mark(entry, None)
        self._record(entry, Op.RESTORED, since)
        for member_id in entry.members or ():
            self._record_member(entry, self.objects[member_id], 0)

    def add_member(self, group_id: str, member_id: str) -> None:
        """Add a direct member; one that is a member already raises ``ValueError``."""
        group, member = self._live_group(group_id), self._entry(member_id)
        assert group.members is not None  # noqa: S101 - a group always has the table
        if member_id in group.members:
            raise ValueError(f"{member_id} is already a member of group {group_id}")
        if member.deleted is not None:
            raise ValueError(f"{member_id} is deleted and cannot become a member")
        self._edges += 1
        group.members[member_id] = self._edges
        if member.parents is None:
            member.parents = []
        member.parents.append(group_id)
        self._record_member(group, member, self._edges)

    def add_members(self, group_id: str, member_ids: Iterable[str]) -> None:
        """Add many live objects that are no members yet; quicker than one by one."""
        group = self._live_group(group_id)
        members = group.members if group.members is not None else {}
        for member_id in member_ids:
            member = self._entry(member_id)
            if member_id in members or member.deleted is not None:
                raise ValueError(f"{member_id} is a member of group {group_id} or is deleted")
            self._edges += 1
            members[member_id] = self._edges
            if member.parents is None:
                member.parents = []
            member.parents.append(group_id)
            self._record_member(group, member, self._edges)

    def remove_member(self, group_id: str, member_id: str) -> None:
        """Remove a direct member; one that is no member raises ``KeyError``."""
        group, member = self._live_group(group_id), self._entry(member_id)
        if not group.members or member_id not in group.members:
            raise KeyError(f"{member_id} is not a member of group {group_id}")
        self._cut_edge(group, member)

    def empty_group(self, group_id: str) -> int:
        """Remove every direct member and return how many there were."""
        members = self.members_of(group_id)
        for member_id in members:
            self.remove_member(group_id, member_id)
        return len(members)

    # Time

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Let changes happen as if long ago: nothing of them is in the log, older tokens expire."""
        self._recording = False
        try:
            yield
        finally:
            self._recording = True
            self.forget_changes()

    def forget_changes(self) -> None:
        """Drop the change log: delta tokens of earlier positions can no longer be answered."""
        self._log_start += len(self._log) + 1
        self._log = []

    def expire_delta_tokens(self) -> None:
        """Expire every delta and skip token issued so far, as after seven days."""
        self.delta_epoch += 1

    # Inside

    def new_id(self) -> str:
        """Draw the next object id (a version 4 GUID) from the directory's own seed."""
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def _entry(self, object_id: str) -> Entry:
        entry = self.objects.get(object_id)
        if entry is None:
            raise KeyError(f"no directory object {object_id!r} in tenant {self.tenant_id}")
        return entry

    def _group(self, group_id: str) -> Entry:
        entry = self._entry(group_id)
        if entry.kind != "group":
            raise KeyError(f"{group_id!r} is a {entry.kind}, not a group")
        return entry

    def _live_group(self, group_id: str) -> Entry:
        entry = self._group(group_id)
        if entry.deleted is not None:
            raise KeyError(f"group {group_id!r} is deleted")
        return entry

    def _create(self, kind: str, attrs: dict[str, Any]) -> Entry:
        self._check_names(kind, attrs)
        object_id = attrs.pop("id", None) or self.new_id()
        if object_id in self.objects:
            raise ValueError(f"object id {object_id} is taken")
        entry = Entry(kind, object_id, attrs)
        self.objects[object_id] = entry
        self._order[kind].append(object_id)
        self._record(entry, Op.CREATED)
        return entry

    def _update(self, entry: Entry, attrs: dict[str, Any]) -> None:
        self._check_names(entry.kind, attrs)
        if "id" in attrs:
            raise ValueError("an object id never changes")
        before = {name: entry.attrs.get(name, MISSING) for name in attrs}
        changed = {name: old for name, old in before.items() if old != attrs[name]}
        if changed:
            entry.attrs.update({name: attrs[name] for name in changed})
            self._record(entry, Op.UPDATED, changed)

    def _check_names(self, kind: str, attrs: dict[str, Any]) -> None:
        unknown = attrs.keys() - KNOWN[kind]
        if unknown:
            raise ValueError(f"a {kind} has no property {', '.join(sorted(unknown))}")

    def _cut_edge(self, group: Entry, member: Entry, *, told: bool = True) -> None:
        if group.members is None or member.parents is None:  # pragma: no cover - both hold edges
            return
        edge = group.members.pop(member.id)
        member.parents.remove(group.id)
        if told:
            self._record_member(group, member, -edge)

    def _purge(self, entry: Entry) -> None:
        before = entry.copy()
        edges = {one: (self.objects[one].members or {})[entry.id] for one in entry.parents or ()}
        for group_id in list(entry.parents or ()):
            self._cut_edge(self.objects[group_id], entry, told=self.purge_tells_groups)
        for member_id in list(entry.members or ()):
            self._cut_edge(entry, self.objects[member_id], told=False)
        self._mark(entry, None)
        del self.objects[entry.id]
        self._record(entry, Op.PURGED, (before, edges))

    def _record(self, entry: Entry, op: Op, detail: Any = None) -> None:
        if self._recording:
            self._log.append(Change(entry.kind, op, entry.id, detail))

    def _record_member(self, group: Entry, member: Entry, edge: int) -> None:
        """Record an edge: its number when it came, the negative when it went, 0 for told again."""
        if self._recording:
            detail = (member.id, member.kind, edge)
            self._log.append(Change("group", Op.MEMBER, group.id, detail))
