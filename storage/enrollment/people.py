"""Users as enrollment sees them: locked, and written many at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from scim.ezto import enrollment_address
from scim.provisioning.authority import Source
from scim.provisioning.keys import comparison_key
from storage.database import Row, Session
from storage.enrollment.states import Enrollment
from storage.resources.audit import difference, record_all
from storage.resources.members import id_chunks, marks
from storage.resources.rows import next_version

_COLUMNS = (
    "row_id, id, type, active, version, created_at, modified_at, email_verified, invite_status, "
    "document"
)
_WRITE = (
    "UPDATE resource SET version = ?, modified_at = ?, document = ?, email_verified = ?, "
    "invite_status = ? WHERE row_id = ?"
)


@dataclass(frozen=True)
class Person:
    """A user, by its row.

    Attributes:
        row: what is stored.
    """

    row: Row

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """The SCIM document."""
        document: Mapping[str, Any] = orjson.loads(self.row["document"])
        return document

    @property
    def id(self) -> str:
        """The user's id."""
        return str(self.row["id"])

    @property
    def name(self) -> str:
        """What the person is called, "" when nobody says."""
        name = self.document.get("name") or {}
        return str(self.document.get("displayName") or name.get("formatted") or "")

    @cached_property
    def address(self) -> str | None:
        """The address that enrollment is about."""
        return enrollment_address(self.document)

    def has_address(self, key: str) -> bool:
        """Tell whether a folded address is the user's."""
        return self.address is not None and comparison_key(self.address) == key

    @property
    def active(self) -> bool:
        """Whether the user may sign in."""
        return self.row["active"] is None or bool(self.row["active"])

    @cached_property
    def enrollment(self) -> Enrollment:
        """What is verified, and the word of the newest invitation."""
        return enrollment_of(self.row)


async def locked(session: Session, workspace_id: int, ids: Sequence[str]) -> dict[str, Person]:
    """Return users to write, by id, in a transaction; what is no user is absent.

    Rows are locked in the order of their ids, as every batch does.
    """
    locking = " ORDER BY id FOR NO KEY UPDATE" if session.dialect == "postgres" else ""
    found: dict[str, Person] = {}
    for chunk in id_chunks(sorted(set(ids))):
        rows = await session.rows(
            f"SELECT {_COLUMNS} FROM resource WHERE workspace_id = ? AND type = 'User' "
            f"AND id IN ({marks(chunk)}){locking}",
            (workspace_id, *chunk),
        )
        found.update((row["id"], Person(row)) for row in rows)
    return found


async def read(session: Session, workspace_id: int, user_id: str) -> Person | None:
    """Return a user to look at."""
    for chunk in id_chunks([user_id]):
        row = await session.row(
            f"SELECT {_COLUMNS} FROM resource WHERE workspace_id = ? AND type = 'User' "
            f"AND id IN ({marks(chunk)})",
            (workspace_id, *chunk),
        )
        return None if row is None else Person(row)
    return None


def enrollment_of(row: Row) -> Enrollment:
    """Return what a row says of a user's enrollment."""
    verified = row["email_verified"]
    return Enrollment(None if verified is None else bool(verified), row["invite_status"])


async def write(
    session: Session,
    workspace_id: int,
    source: Source,
    changes: Sequence[tuple[Person, Enrollment]],
) -> None:
    """Write the enrollment of users, each as a new version with its line in the audit.

    Args:
        session: of the transaction that locked them.
        workspace_id: the workspace.
        source: who writes.
        changes: users, each with what becomes of it; those that stay as they are, are left alone.
    """
    rows, told = [], []
    for person, then in changes:
        if then == person.enrollment:
            continue
        new = next_version(person.row)
        columns = (new["version"], new["modified_at"], new["document"])
        rows.append((*columns, then.verified, then.status, person.row["row_id"]))
        told.append((("User", person.id), difference(said(person.enrollment), said(then))))
    await session.many(_WRITE, rows)
    await record_all(session, workspace_id, source, "update", told)


def said(enrollment: Enrollment) -> dict[str, Any]:
    """Return an enrollment by the names of the ezto extension."""
    return {"emailVerified": enrollment.verified, "inviteStatus": enrollment.status}
