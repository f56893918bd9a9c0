"""Who decides about a resource: its authority, an administrator's block, and its coming back."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Any

from scim2_models import ForbiddenException

from scim.provisioning.authority import DASHBOARD, Source, check_authority
from scim.provisioning.keys import comparison_key
from scim.storage import ResourceStorage
from storage.database import Row, Session
from storage.enrollment import hooks
from storage.resources import members, rows, tombstones
from storage.resources.audit import difference, record_at_groups
from storage.resources.documents import Codec, content_of
from storage.resources.errors import translated
from storage.resources.groups import listed

ENROLLMENT = {"email_verified": "emailVerified", "invite_status": "inviteStatus"}
"""What the audit calls the columns of the ezto extension."""

RELEASED = (
    "UPDATE mirror_object SET dirty = TRUE, failures = 0, retry_at = 0 WHERE row_id IN ("
    "SELECT m.row_id FROM link AS l JOIN mirror_object AS m ON m.sync_id = l.sync_id "
    "AND m.source_id = l.source_id WHERE l.resource_id = ? AND l.state = 'linked')"
)
"""Has the user syncs that feed a resource say again what it is to be."""


class Custody(ResourceStorage):
    """The part of a resource store that is about authority, not about profiles."""

    source: Source
    place: rows.Place
    codecs: dict[str, Codec]

    @abstractmethod
    def _writing(self, user_name: str | None = None) -> AbstractAsyncContextManager[Session]:
        """Open a transaction to write in."""

    @abstractmethod
    async def _record(
        self, session: Session, action: str, row: Row, changes: dict[str, Any]
    ) -> None:
        """Add an entry to the audit."""

    async def restore(self, resource_id: str, *, user_name: str | None = None) -> None:
        """Bring a tombstone back under its id, with the memberships that still can be.

        Args:
            resource_id: the tombstone.
            user_name: the userName that the caller writes next, in the same transaction; the old
                one may be taken then.

        Raises:
            NotFoundException: no such tombstone, or it has expired.
            UniquenessException: its userName is taken meanwhile.
            ForbiddenException: another source than its authority (or an administrator) asks.
        """
        async with self._writing() as session:
            state = await tombstones.take_state(session, self.place, resource_id)
            columns = state["columns"]
            if self.source != DASHBOARD:
                authority = Source.parse(columns["authority"])
                check_authority(columns["type"], authority, self.source)
            if user_name and comparison_key(user_name) != columns["user_name_key"]:
                columns["user_name_key"] = f"restored:{resource_id}"
            with translated(columns["user_name_key"]):
                row = await tombstones.revive(session, self.place, state)
            await rows.change(session, row)
            changes = difference({}, content_of(row["document"]))
            del changes["schemas"]
            back = await members.all_members(session, row["row_id"])
            if back:
                changes["members"] = {"added": listed(back), "removed": []}
            member = (row["row_id"], row["id"])
            workspace_id = self.place.workspace_id
            await hooks.on_user_restored(session, workspace_id, row)
            await record_at_groups(session, workspace_id, self.source, member, joined=True)
            await self._record(session, "restore", row, changes)

    async def take_over(self, resource_id: str, *, joined: bool, owner: Source = DASHBOARD) -> None:
        """Make the caller the authority of a resource that the dashboard made.

        Args:
            resource_id: the resource.
            joined: it existed before the caller matched it, so the caller never deletes it.
            owner: the authority from which a person decided that it is taken.

        Raises:
            ForbiddenException: another source is its authority; a person has to decide.
            NotFoundException: no such resource.
        """
        async with self._writing() as session:
            row = await rows.lock(session, self.place, None, resource_id)
            authority = Source.parse(row["authority"])
            if authority == self.source:
                return
            if authority not in (DASHBOARD, owner):
                check_authority(row["type"], authority, self.source)
            await self._move(session, row, self.source, joined=joined)

    async def let_go(self, resource_id: str) -> None:
        """Leave a resource to the dashboard; one of another authority stays what it is.

        Raises:
            NotFoundException: no such resource.
        """
        async with self._writing() as session:
            row = await rows.lock(session, self.place, None, resource_id)
            if Source.parse(row["authority"]) == self.source:
                await self._move(session, row, DASHBOARD, joined=False)

    async def _move(self, session: Session, row: Row, new: Source, *, joined: bool) -> None:
        changes = {"authority": {"old": row["authority"], "new": str(new)}}
        await rows.change(session, row, authority=str(new), joined=joined)
        await self._record(session, "update", row, changes)

    async def set_enrollment(
        self, resource_id: str, *, email_verified: bool | None, invite_status: str | None
    ) -> bool:
        """Write what the ezto extension shows of a user's enrollment, and tell whether it changed.

        Enrollment is the gateway's own matter: no authority decides about it.

        Args:
            resource_id: the user.
            email_verified: whether the user has proven to own the address; ``None``: unknown.
            invite_status: how far the invitation has come; ``None``: there is none.

        Raises:
            NotFoundException: no such user.
        """
        async with self._writing() as session:
            row = await rows.lock(session, self.place, None, resource_id)
            new: dict[str, Any] = {"email_verified": email_verified, "invite_status": invite_status}
            old = {name: row[name] for name in new}
            if old["email_verified"] is not None:
                old["email_verified"] = bool(old["email_verified"])
            changes = difference(old, new)
            if changes:
                await rows.change(session, row, **new)
                told = {ENROLLMENT[name]: change for name, change in changes.items()}
                await self._record(session, "update", row, told)
        return bool(changes)

    async def set_blocked(self, resource_id: str, *, blocked: bool) -> None:
        """Block a user, or lift the block: an administrator's block beats every source.

        A blocked user is inactive whatever its sources write. Lifting the block leaves it
        inactive until its authority (or an administrator) says otherwise; a user sync that feeds
        it says so in its next run.

        Raises:
            ForbiddenException: the caller is not the dashboard.
            NotFoundException: no such resource.
        """
        if self.source != DASHBOARD:
            raise ForbiddenException(detail="Only an administrator may block a user.")
        async with self._writing() as session:
            row = await rows.lock(session, self.place, None, resource_id)
            if bool(row["blocked"]) is blocked:
                return
            codec = self.codecs[row["type"]]
            encoded = codec.encode(codec.decode(row), blocked=blocked)
            workspace_id, content = self.place.workspace_id, encoded.content
            enrolled = await hooks.on_user_written(session, workspace_id, row, content)
            changes = {"blocked": {"old": not blocked, "new": blocked}}
            changes |= hooks.changes_of(row, enrolled)
            await rows.change(session, row, encoded, blocked=blocked, **enrolled)
            await session.execute(RELEASED, (resource_id,))
            await self._record(session, "update", row, changes)
