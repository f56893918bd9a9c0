"""What an update changes, found before anything is written."""

from typing import Any

from storage.database import Row, Session
from storage.enrollment import hooks
from storage.resources import members, rows
from storage.resources.audit import CHANGED, difference
from storage.resources.documents import Encoded, content_of, same_content
from storage.resources.groups import MemberChange
from storage.resources.passwords import hash_password, same_password


def created_changes(encoded: Encoded) -> dict[str, Any]:
    """Return what the audit says about a new resource."""
    changes = difference({}, encoded.content)
    if encoded.external_id is not None:
        changes["externalId"] = {"old": None, "new": encoded.external_id[0]}
    if encoded.members:
        changes["members"] = {"added": list(encoded.members), "removed": []}
    if encoded.password:
        changes["password"] = CHANGED
    return changes


class Update:
    """One update of a locked row.

    Attributes:
        changes: what differs by top-level attribute, for the audit; empty when nothing does.
        needs_authority: more than the caller's own externalId differs.
    """

    def __init__(
        self,
        session: Session,
        place: rows.Place,
        row: Row,
        encoded: Encoded,
        *,
        has_members: bool,
    ) -> None:
        self.session = session
        self.place = place
        self.row = row
        self.encoded = encoded
        self.has_members = has_members
        self.changes: dict[str, Any] = {}
        self.needs_authority = False
        self._columns: dict[str, Any] = {}

    async def plan(self) -> None:
        """Find what differs."""
        stored = content_of(self.row["document"])
        if not same_content(stored, self.encoded.content):
            self.changes |= difference(stored, self.encoded.content)
        await self._plan_password()
        await self._plan_members()
        self.needs_authority = bool(self.changes)
        self._plan_external_id()

    async def _plan_password(self) -> None:
        password, stored = self.encoded.password, self.row["password_hash"]
        if password is None or (not password and stored is None):
            return
        if password and await same_password(stored, password):
            return
        self._columns["password_hash"] = await hash_password(password) if password else None
        self.changes["password"] = CHANGED

    async def _plan_members(self) -> None:
        if not self.has_members:
            return
        old = set(await members.all_members(self.session, self.row["row_id"]))
        if old != set(self.encoded.members):
            self.changes["members"] = {}

    def _plan_external_id(self) -> None:
        if not self.place.keeps_external_ids:
            return
        new = self.encoded.external_id[0] if self.encoded.external_id else None
        if new != self.row["external_id"]:
            self.changes["externalId"] = {"old": self.row["external_id"], "new": new}

    async def apply(self) -> None:
        """Write it: one new version."""
        row_id = self.row["row_id"]
        enrolled = await hooks.on_user_written(
            self.session, self.place.workspace_id, self.row, self.encoded.content
        )
        self.changes |= hooks.changes_of(self.row, enrolled)
        if "members" in self.changes:
            change = MemberChange(self.session, self.place.workspace_id, row_id)
            self.changes |= await change.apply((), (), self.encoded.members)
        if "externalId" in self.changes:
            await rows.write_external_id(self.session, self.place, row_id, self.encoded.external_id)
            self.row["external_id"] = self.changes["externalId"]["new"]
        if "emails" in self.changes:
            emails = self.encoded.emails
            await rows.write_emails(self.session, self.place, row_id, emails, fresh=False)
        await rows.change(self.session, self.row, self.encoded, **self._columns, **enrolled)
