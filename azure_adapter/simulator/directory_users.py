"""What can be done to the users of a simulated directory.

Sources: Microsoft Graph: Create user, Update user, Assign manager, Delete a user, Restore deleted
item, Permanently delete item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure_adapter.simulator.model import Entry, Op


class UserOperations:
    """The user half of ``Directory``; it is never used on its own."""

    tenant_id: str
    clock: Callable[[], float]
    objects: dict[str, Entry]
    soft_delete_tells_groups: bool
    _upns: dict[str, str]

    def add_user(self, **attrs: Any) -> str:
        """Create a user.

        Args:
            attrs: Graph property values. ``userPrincipalName`` and ``displayName`` are
                required as in Entra; ``id`` is generated when absent.

        Returns:
            The new user's id.

        Raises:
            ValueError: A required or known name is missing, or another live user has the same
                userPrincipalName (compared without case).
        """
        if not attrs.get("userPrincipalName") or not attrs.get("displayName"):
            raise ValueError("a user needs a userPrincipalName and a displayName")
        self._check_upn(attrs["userPrincipalName"])
        attrs.setdefault("businessPhones", [])
        attrs.setdefault("accountEnabled", True)
        attrs.setdefault("userType", "Member")
        entry = self._create("user", attrs)
        self._upns[attrs["userPrincipalName"].lower()] = entry.id
        return entry.id

    def update_user(self, user_id: str, **attrs: Any) -> None:
        """Change a live user's properties; None clears one.

        Raises:
            KeyError: No live user has this id.
            ValueError: An unknown property, a cleared required one, or a taken name.
        """
        entry = self._live_user(user_id)
        old = entry.attrs["userPrincipalName"]
        for name in ("userPrincipalName", "displayName"):
            if name in attrs and not attrs[name]:
                raise ValueError(f"{name} cannot be cleared")
        new = attrs.get("userPrincipalName", old)
        if new.lower() != old.lower():
            self._check_upn(new)
        self._update(entry, attrs)
        if new.lower() != old.lower():
            del self._upns[old.lower()]
            self._upns[new.lower()] = user_id

    def disable_user(self, user_id: str) -> None:
        """Block sign-in: ``accountEnabled`` becomes false."""
        self.update_user(user_id, accountEnabled=False)

    def enable_user(self, user_id: str) -> None:
        """Allow sign-in: ``accountEnabled`` becomes true."""
        self.update_user(user_id, accountEnabled=True)

    def set_manager(self, user_id: str, manager_id: str | None) -> None:
        """Set a user's manager, or remove it with None.

        Raises:
            KeyError: No live user has one of the ids.
            ValueError: A user cannot be their own manager.
        """
        entry = self._live_user(user_id)
        if manager_id == user_id:
            raise ValueError(f"user {user_id} cannot be their own manager")
        if manager_id is not None:
            self._live_user(manager_id)
        if entry.manager != manager_id:
            self._set_manager(entry, manager_id)

    def delete_user(self, user_id: str) -> None:
        """Delete a user softly: restorable for 30 days, memberships are kept, the name is free."""
        entry = self._live_user(user_id)
        self._mark(entry, self.clock())
        del self._upns[entry.attrs["userPrincipalName"].lower()]
        self._record(entry, Op.SOFT_DELETED)
        self._tell_groups(entry)

    def purge_user(self, user_id: str) -> None:
        """Delete a user for good, live or soft-deleted, with memberships and manager edges."""
        entry = self._user(user_id)
        if entry.deleted is None:
            del self._upns[entry.attrs["userPrincipalName"].lower()]
        for report_id in list(entry.reports or ()):
            self._set_manager(self.objects[report_id], None)
        if entry.manager is not None:
            self._unlink_report(entry)
        self._purge(entry)

    def purge_expired(self, days: float = 30) -> list[str]:
        """Purge users that were deleted longer ago than ``days``; return their ids."""
        oldest = self.clock() - days * 86400
        gone = [e.id for e in self.deleted("user") if e.deleted is not None and e.deleted < oldest]
        for user_id in gone:
            self.purge_user(user_id)
        return gone

    def restore_user(self, user_id: str) -> None:
        """Bring a soft-deleted user back, with the memberships it kept.

        Raises:
            KeyError: No user has this id (any more).
            ValueError: The user is live, or its userPrincipalName was taken meanwhile.
        """
        entry = self._user(user_id)
        if entry.deleted is None:
            raise ValueError(f"user {user_id} is not deleted")
        upn = entry.attrs["userPrincipalName"]
        self._check_upn(upn)
        since = entry.deleted
        self._mark(entry, None)
        self._upns[upn.lower()] = user_id
        self._record(entry, Op.RESTORED, since)
        if entry.manager is not None:
            self._record(entry, Op.MANAGER, entry.manager)
        self._tell_groups(entry)

    @property
    def live_users(self) -> int:
        """How many users there are, soft-deleted ones left out."""
        return len(self._upns)

    def upn_taken(self, upn: str) -> bool:
        """Say whether a live user has this userPrincipalName, without case."""
        return upn.lower() in self._upns

    def _user(self, user_id: str) -> Entry:
        entry = self._entry(user_id)
        if entry.kind != "user":
            raise KeyError(f"{user_id!r} is a {entry.kind}, not a user")
        return entry

    def _live_user(self, user_id: str) -> Entry:
        entry = self._user(user_id)
        if entry.deleted is not None:
            raise KeyError(f"user {user_id!r} is deleted")
        return entry

    def _check_upn(self, upn: str) -> None:
        if self.upn_taken(upn):
            raise ValueError(
                "Another object with the same value for property userPrincipalName already "
                f"exists: {upn}"
            )

    def _set_manager(self, entry: Entry, manager_id: str | None) -> None:
        previous = entry.manager
        if previous is not None:
            self._unlink_report(entry)
        entry.manager = manager_id
        if manager_id is not None:
            manager = self.objects[manager_id]
            if manager.reports is None:
                manager.reports = []
            manager.reports.append(entry.id)
        self._record(entry, Op.MANAGER, previous)

    def _tell_groups(self, entry: Entry) -> None:
        if self.soft_delete_tells_groups:
            for group_id in entry.parents or ():
                self._record_member(self.objects[group_id], entry, 0)

    def _unlink_report(self, entry: Entry) -> None:
        manager = self.objects.get(entry.manager or "")
        if manager is not None and manager.reports is not None:
            manager.reports.remove(entry.id)

    # Given by Directory

    def deleted(self, kind: str) -> list[Entry]:
        """List the soft-deleted objects of a kind."""
        raise NotImplementedError

    def _entry(self, object_id: str) -> Entry:
        raise NotImplementedError

    def _create(self, kind: str, attrs: dict[str, Any]) -> Entry:
        raise NotImplementedError

    def _update(self, entry: Entry, attrs: dict[str, Any]) -> None:
        raise NotImplementedError

    def _purge(self, entry: Entry) -> None:
        raise NotImplementedError

    def _record(self, entry: Entry, op: Op, detail: Any = None) -> None:
        raise NotImplementedError

    def _record_member(self, group: Entry, member: Entry, edge: int) -> None:
        raise NotImplementedError

    def _mark(self, entry: Entry, deleted: float | None) -> None:
        raise NotImplementedError
