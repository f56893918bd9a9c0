"""The invitations of all workspaces: added, found by the secret of their link, closed.

A link's secret is 256 random bits of which only the SHA-256 is kept. A user has at most one open
invitation, which a unique index holds; every change of one locks its user first, so that a write
of the user, a newer invitation and the use of the link take turns.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from scim.caller import current_actor
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.keys import comparison_key
from storage.access.secrets import SECRET_LENGTH, digest, new_secret
from storage.database import Database, Row, Session, now_us
from storage.enrollment import people
from storage.enrollment.hooks import void
from storage.enrollment.people import Person
from storage.enrollment.states import Enrollment, InvitationRecord, InviteStatus, VoidReason
from storage.resources.members import id_chunks, marks

PREFIX = "ezto_invite_"
"""What the secret of a link begins with; the log masks it by its form."""

KEPT_US = 180 * 24 * 3_600 * 1_000_000
"""How long a closed invitation is kept after its time: half a year."""

COLUMNS = (
    "id, workspace_id, resource_id, sync_id, address, address_key, created_at, created_by, "
    "expires_at, mail_id, accepted_at, voided_at, void_reason"
)
_OPEN = "accepted_at IS NULL AND voided_at IS NULL"

Records = list[InvitationRecord]


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation to add.

    Attributes:
        id: of the invitation, and of the mail that carries its link.
        person: whom; locked.
        address: which address, as it is written.
        secret: of the link.
        expires_at: microseconds since the epoch.
    """

    id: str
    person: Person
    address: str
    secret: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the use of a link.

    Attributes:
        accepted: it was live, and is used up now.
        invitation: as it is now; ``None`` when no invitation has this secret.
    """

    accepted: bool
    invitation: InvitationRecord | None


def new_link_secret() -> str:
    """Return the secret of a new link."""
    return new_secret(PREFIX)


def is_link_secret(text: str) -> bool:
    """Tell whether a text has the form of a link's secret."""
    rest = text.removeprefix(PREFIX)
    return len(text) == len(PREFIX) + SECRET_LENGTH == len(PREFIX) + len(rest) and text.isascii()


class Invitations:
    """The invitations of all workspaces.

    Args:
        database: the open database.
        clock: microseconds since the epoch.
    """

    def __init__(self, database: Database, clock: Callable[[], int] = now_us) -> None:
        self._database = database
        self.clock = clock

    # -- reading -------------------------------------------------------------

    async def find(self, secret: str) -> InvitationRecord | None:
        """Return the invitation of a link."""
        if not is_link_secret(secret):
            return None
        return await self._one("token_hash = ?", digest(secret))

    async def get(self, invitation_id: str) -> InvitationRecord | None:
        """Return an invitation by its id."""
        return await self._one("id = ?", invitation_id)

    async def _one(self, condition: str, parameter: str) -> InvitationRecord | None:
        row = await self._database.session.row(
            f"SELECT {COLUMNS} FROM invitation WHERE {condition}", (parameter,)
        )
        return None if row is None else _record(row)

    async def of_user(self, workspace: int, user_id: str, limit: int = 50) -> Records:
        """Return the invitations of a user, the newest first."""
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM invitation WHERE workspace_id = ? AND resource_id = ? "
            "ORDER BY id DESC LIMIT ?",
            (workspace, user_id, limit),
        )
        return [_record(row) for row in rows]

    async def open_of(self, workspace: int, user_ids: Sequence[str]) -> Records:
        """Return the open invitations of users; some may have expired meanwhile."""
        found: Records = []
        for chunk in id_chunks(user_ids):
            rows = await self._database.session.rows(
                f"SELECT {COLUMNS} FROM invitation WHERE workspace_id = ? AND {_OPEN} "
                f"AND resource_id IN ({marks(chunk)})",
                (workspace, *chunk),
            )
            found.extend(_record(row) for row in rows)
        return found

    async def of_sync(
        self, workspace: int, sync_id: str, limit: int = 50, before: str | None = None
    ) -> Records:
        """Return the invitations of a user sync, the newest first; ``before`` is an id."""
        earlier, parameters = ("AND id < ? ", [before]) if before else ("", [])
        rows = await self._database.session.rows(
            f"SELECT {COLUMNS} FROM invitation WHERE workspace_id = ? AND sync_id = ? {earlier}"
            "ORDER BY id DESC LIMIT ?",
            (workspace, sync_id, *parameters, limit),
        )
        return [_record(row) for row in rows]

    async def person(self, invitation: InvitationRecord) -> Person | None:
        """Return the user of an invitation, ``None`` when it is deleted."""
        session = self._database.session
        return await people.read(session, invitation.workspace, invitation.resource_id)

    # -- writing -------------------------------------------------------------

    async def add(
        self,
        session: Session,
        workspace: int,
        invitations: Sequence[NewInvitation],
        *,
        sync_id: str,
        created_by: str,
    ) -> None:
        """Add invitations of users who have no open one; their rows are left alone."""
        now = self.clock()
        await session.many(
            "INSERT INTO invitation (id, workspace_id, resource_id, sync_id, address, "
            "address_key, token_hash, created_at, created_by, expires_at, mail_id, accepted_at, "
            "voided_at, void_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, '')",
            [
                (
                    each.id,
                    workspace,
                    each.person.id,
                    sync_id,
                    each.address,
                    comparison_key(each.address),
                    digest(each.secret),
                    now,
                    created_by[:128],
                    each.expires_at,
                    each.id,
                )
                for each in invitations
            ],
        )

    async def accept(self, secret: str) -> Acceptance:
        """Use a link up: its user's address is verified; of several at once only one does it."""
        found = await self.find(secret)
        if found is None:
            return Acceptance(False, None)
        async with self._database.transaction() as session:
            accepted = await self._accept(session, found)
            now = await session.row(f"SELECT {COLUMNS} FROM invitation WHERE id = ?", (found.id,))
        return Acceptance(accepted, None if now is None else _record(now))

    async def _accept(self, session: Session, found: InvitationRecord) -> bool:
        locked = await people.locked(session, found.workspace, [found.resource_id])
        person = locked.get(found.resource_id)
        if person is None or not person.active or not person.has_address(found.address_key):
            return False
        now = self.clock()
        used = await session.row(
            f"UPDATE invitation SET accepted_at = ? WHERE id = ? AND {_OPEN} AND expires_at > ? "
            "RETURNING id",
            (now, found.id, now),
        )
        if used is None:
            return False
        with acting(f"invitation:{found.id}"):
            then = Enrollment(True, InviteStatus.accepted.value)
            await people.write(session, found.workspace, DASHBOARD, [(person, then)])
        return True

    async def withdraw(self, workspace: int, user_id: str, reason: VoidReason) -> bool:
        """Void a user's open invitation; tells whether there was one."""
        async with self._database.transaction() as session:
            locked = await people.locked(session, workspace, [user_id])
            person = locked.get(user_id)
            if person is None or not person.enrollment.live:
                return False
            await void(session, workspace, [(user_id, reason)], self.clock())
            then = person.enrollment.become(InviteStatus.voided)
            await people.write(session, workspace, DASHBOARD, [(person, then)])
        return True

    async def note_delivery(self, invitation_id: str, *, delivered: bool) -> None:
        """Let the user show whether the mail of a live invitation came to nothing."""
        found = await self.get(invitation_id)
        if found is None:
            return
        status = InviteStatus.sent if delivered else InviteStatus.undelivered
        async with self._database.transaction() as session:
            locked = await people.locked(session, found.workspace, [found.resource_id])
            person = locked.get(found.resource_id)
            is_open = await session.value(
                f"SELECT id FROM invitation WHERE id = ? AND {_OPEN}", (found.id,)
            )
            if person is None or not is_open:
                return
            with acting("mail"):
                then = person.enrollment.become(status)
                await people.write(session, found.workspace, DASHBOARD, [(person, then)])

    # -- keeping order -------------------------------------------------------

    async def expire(self, limit: int = 500) -> int:
        """Close invitations whose time is over, and let their users say so; returns how many."""
        due = await self._database.session.rows(
            f"SELECT id, workspace_id, resource_id FROM invitation WHERE {_OPEN} "
            "AND expires_at <= ? ORDER BY expires_at LIMIT ?",
            (self.clock(), limit),
        )
        workspaces = sorted({row["workspace_id"] for row in due})
        closed = 0
        for workspace in workspaces:
            mine = [row for row in due if row["workspace_id"] == workspace]
            closed += await self._expire(workspace, mine)
        return closed

    async def _expire(self, workspace: int, due: Sequence[Row]) -> int:
        async with self._database.transaction() as session:
            locked = await people.locked(session, workspace, [row["resource_id"] for row in due])
            ids = [row["id"] for row in due]
            closed = await session.rows(
                "UPDATE invitation SET voided_at = expires_at, void_reason = ? "
                f"WHERE {_OPEN} AND id IN ({marks(ids)}) RETURNING resource_id",
                (VoidReason.expired.value, *ids),
            )
            users = [locked[row["resource_id"]] for row in closed if row["resource_id"] in locked]
            with acting("expiry"):
                await people.write(
                    session,
                    workspace,
                    DASHBOARD,
                    [
                        (each, each.enrollment.become(InviteStatus.expired))
                        for each in users
                        if each.enrollment.live
                    ],
                )
        return len(closed)

    async def prune(self) -> int:
        """Forget closed invitations that are older than half a year; returns how many."""
        async with self._database.transaction() as session:
            gone = await session.rows(
                "DELETE FROM invitation WHERE id IN (SELECT id FROM invitation "
                "WHERE expires_at < ? ORDER BY expires_at LIMIT 1000) RETURNING id",
                (self.clock() - KEPT_US,),
            )
        return len(gone)


@contextmanager
def acting(actor: str) -> Iterator[None]:
    """Name who writes in the audit, where no request or administrator does."""
    token = current_actor.set(current_actor.get() or actor)
    try:
        yield
    finally:
        current_actor.reset(token)


def _record(row: Row) -> InvitationRecord:
    return InvitationRecord(
        id=row["id"],
        workspace=row["workspace_id"],
        resource_id=row["resource_id"],
        sync_id=row["sync_id"],
        address=row["address"],
        address_key=row["address_key"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        expires_at=row["expires_at"],
        mail_id=row["mail_id"],
        accepted_at=row["accepted_at"],
        voided_at=row["voided_at"],
        void_reason=row["void_reason"],
    )
