"""Changing the members of a group by difference."""

from collections.abc import Sequence
from typing import Any

from storage.database import Session
from storage.resources import members

AUDITED = 1_000
"""How many ids of one change the audit lists; more are counted."""


class MemberChange:
    """A change of the members of one group, whose row is locked.

    It costs what it changes: without ``replace`` the present members are never listed.
    """

    def __init__(self, session: Session, workspace_id: int, group: int) -> None:
        self.session = session
        self.workspace_id = workspace_id
        self.group = group

    async def apply(
        self, add: Sequence[str], remove: Sequence[str], replace: Sequence[str] | None
    ) -> dict[str, Any]:
        """Change the members and return what the audit says about it, nothing for no change.

        Raises:
            InvalidValueException: a member to add does not exist; it names the id.
        """
        if replace is not None:
            return await self._replace(list(dict.fromkeys([*replace, *add])), set(remove))
        wanted = list(dict.fromkeys(add))
        rows = await members.known_row_ids(self.session, self.workspace_id, wanted)
        there = await members.present(self.session, self.group, rows)
        new = {each: row for each, row in zip(wanted, rows, strict=True) if row not in there}
        gone = await self._present(list(dict.fromkeys(remove)))
        return await self._write(new, {each: row for each, row in gone.items() if each not in new})

    async def _present(self, ids: list[str]) -> dict[str, int]:
        """Return those of the ids that are members now."""
        rows = await members.row_ids(self.session, self.workspace_id, ids)
        there = await members.present(self.session, self.group, list(rows.values()))
        return {each: rows[each] for each in ids if each in rows and rows[each] in there}

    async def _replace(self, wanted: list[str], unwanted: set[str]) -> dict[str, Any]:
        old = await members.all_members(self.session, self.group)
        wanted = [each for each in wanted if each not in unwanted]
        fresh = [each for each in wanted if each not in old]
        rows = await members.known_row_ids(self.session, self.workspace_id, fresh)
        kept = set(wanted)
        gone = {each: row for each, row in old.items() if each not in kept}
        return await self._write(dict(zip(fresh, rows, strict=True)), gone)

    async def _write(self, new: dict[str, int], gone: dict[str, int]) -> dict[str, Any]:
        await members.remove(self.session, self.group, list(gone.values()))
        await members.insert(self.session, [(self.group, row) for row in new.values()])
        if not new and not gone:
            return {}
        return {"members": {"added": listed(new), "removed": listed(gone)}}


def listed(ids: dict[str, int]) -> list[str] | int:
    """Return ids as the audit lists them: only how many there are when there are too many."""
    return list(ids) if len(ids) <= AUDITED else len(ids)
