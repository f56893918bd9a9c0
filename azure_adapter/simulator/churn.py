"""The single changes that churn is made of."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from azure_adapter.simulator import names
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.generator import group_attributes
from azure_adapter.simulator.model import Entry
from azure_adapter.simulator.people import People, full_name

Done = tuple[str, str]
"""A change that happened: its kind and a sentence about it."""

_TRIES: Final = 30


class Churn:
    """Makes one plausible change after another.

    Args:
        directory: The directory to change.
        rng: Source of chance.
    """

    def __init__(self, directory: Directory, rng: random.Random) -> None:
        self._directory = directory
        self._rng = rng
        self._people = People(rng, directory.domain, directory.upn_taken)
        self._kinds: tuple[tuple[Callable[[], Done | None], int], ...] = (
            (self._join, 14),
            (self._move, 16),
            (self._new_manager, 6),
            (self._marry, 5),
            (self._leave, 8),
            (self._purge, 2),
            (self._restore, 2),
            (self._disable, 4),
            (self._enable, 3),
            (self._add_member, 20),
            (self._remove_member, 12),
            (self._rename_group, 2),
            (self._create_group, 2),
            (self._empty_group, 1),
            (self._delete_group, 1),
        )
        self._weights = [weight for _, weight in self._kinds]

    def one(self) -> Done | None:
        """Make one change; None when nothing fitting was found."""
        for _ in range(_TRIES):
            kind = self._rng.choices(self._kinds, self._weights)[0][0]
            done = kind()
            if done is not None:
                return done
        return None

    def _join(self) -> Done:
        if self._rng.random() < 0.1:
            attrs = self._people.guest()
        else:
            attrs = self._people.member(self._rng.randint(500_000, 999_999))
        user_id = self._directory.add_user(**attrs)
        for group in filter(None, (self._group(), self._group())):
            if user_id not in (group.members or ()):
                self._directory.add_member(group.id, user_id)
        return "joined", f"{attrs['displayName']} joined as {attrs['userPrincipalName']}."

    def _move(self) -> Done | None:
        user = self._user()
        if user is None:
            return None
        place = self._people.position()
        self._directory.update_user(user.id, **place)
        return "moved", f"{_name(user)} moved to {place['department']} as {place['jobTitle']}."

    def _new_manager(self) -> Done | None:
        user, manager = self._user(), self._user()
        if user is None or manager is None or user is manager or user.manager == manager.id:
            return None
        self._directory.set_manager(user.id, manager.id)
        return "manager changed", f"{_name(user)} now reports to {_name(manager)}."

    def _marry(self) -> Done | None:
        user = self._user()
        if user is None or not user.attrs.get("givenName") or user.attrs["userType"] == "Guest":
            return None
        before = _name(user)
        language, old = user.attrs.get("preferredLanguage"), user.attrs.get("surname")
        locale, surname = self._people.surname(language, old)
        given = next(
            (word for word in locale.given if word.native == user.attrs["givenName"]),
            names.Word(user.attrs["givenName"], "person"),
        )
        upn = self._people.address(given.ascii, surname.ascii)
        self._directory.update_user(
            user.id,
            surname=surname.native,
            displayName=full_name(locale, given, surname),
            userPrincipalName=upn,
            mail=upn,
        )
        return "married", f"{before} married and is now {_name(user)} ({upn})."

    def _leave(self) -> Done | None:
        user = self._user()
        if user is None:
            return None
        self._directory.delete_user(user.id)
        return "left", f"{_name(user)} left (restorable)."

    def _purge(self) -> Done | None:
        user = self._deleted_user()
        if user is None:
            return None
        self._directory.purge_user(user.id)
        return "purged", f"{_name(user)} was deleted for good."

    def _restore(self) -> Done | None:
        user = self._deleted_user()
        if user is None or self._directory.upn_taken(user.attrs["userPrincipalName"]):
            return None
        self._directory.restore_user(user.id)
        return "restored", f"{_name(user)} was restored."

    def _disable(self) -> Done | None:
        user = self._user()
        if user is None or not user.attrs["accountEnabled"]:
            return None
        self._directory.disable_user(user.id)
        return "disabled", f"{_name(user)} was disabled."

    def _enable(self) -> Done | None:
        user = self._user()
        if user is None or user.attrs["accountEnabled"]:
            return None
        self._directory.enable_user(user.id)
        return "enabled", f"{_name(user)} was enabled."

    def _add_member(self) -> Done | None:
        group, user = self._group(), self._user()
        if group is None or user is None or user.id in (group.members or ()):
            return None
        self._directory.add_member(group.id, user.id)
        return "member added", f"{_name(user)} was added to {_name(group)}."

    def _remove_member(self) -> Done | None:
        group = self._group()
        if group is None or not group.members:
            return None
        member = self._directory.objects[self._rng.choice(list(group.members))]
        self._directory.remove_member(group.id, member.id)
        return "member removed", f"{_name(member)} was removed from {_name(group)}."

    def _rename_group(self) -> Done | None:
        group = self._group()
        if group is None:
            return None
        before = _name(group)
        self._directory.rename_group(group.id, f"{before} ({self._rng.choice(names.PROJECTS)})")
        return "group renamed", f"Group {before} is now {_name(group)}."

    def _create_group(self) -> Done:
        attrs = group_attributes(self._rng, self._rng.randrange(1000))
        group_id = self._directory.add_group(**attrs)
        for user in filter(None, (self._user() for _ in range(5))):
            if user.id not in self._directory.members_of(group_id):
                self._directory.add_member(group_id, user.id)
        return "group created", f"Group {attrs['displayName']} was created."

    def _empty_group(self) -> Done | None:
        group = self._group()
        if group is None or not group.members:
            return None
        count = self._directory.empty_group(group.id)
        return "group emptied", f"Group {_name(group)} lost all {count} members."

    def _delete_group(self) -> Done | None:
        group = self._group()
        if group is None:
            return None
        self._directory.delete_group(group.id)
        return "group deleted", f"Group {_name(group)} was deleted."

    def _user(self) -> Entry | None:
        return self._pick("user")

    def _group(self) -> Entry | None:
        return self._pick("group")

    def _pick(self, kind: str) -> Entry | None:
        """Pick a live object without listing them all; None when none was hit."""
        ids = self._directory.ids_of(kind)
        for _ in range(_TRIES if ids else 0):
            entry = self._directory.get(self._rng.choice(ids))
            if entry is not None and entry.deleted is None:
                return entry
        return None

    def _deleted_user(self) -> Entry | None:
        deleted = self._directory.deleted("user")
        return self._rng.choice(deleted) if deleted else None


def _name(entry: Entry) -> str:
    return str(entry.attrs.get("displayName", entry.id))
