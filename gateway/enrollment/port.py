"""The enrollment of a user sync: what its runs ask for, in the unit of work that is open."""

from collections.abc import Sequence

from gateway.enrollment.issuing import Invitee, Issuer
from gateway.mail.address import bare_address
from scim.provisioning.authority import Source
from scim.provisioning.keys import comparison_key
from scim.provisioning.operations import Outcome
from storage.database import Database
from storage.enrollment import Invitations, InviteStatus, Person, Standing, VoidReason
from storage.enrollment.hooks import void
from storage.enrollment.people import locked, write
from storage.enrollment.states import Enrollment


class Enrollments:
    """Implements ``EnrollmentPort`` for one workspace and one source.

    Args:
        database: the open database.
        workspace: row id of the workspace.
        source: who invites and trusts, for the audit.
        invitations: where invitations are kept.
        issuer: issues them.
    """

    def __init__(
        self,
        database: Database,
        workspace: int,
        source: Source,
        invitations: Invitations,
        issuer: Issuer,
    ) -> None:
        self._database = database
        self._workspace = workspace
        self._source = source
        self._invitations = invitations
        self._issuer = issuer

    async def invite(
        self, people: Sequence[tuple[str, str]], sync_id: str, actor: str
    ) -> list[Outcome]:
        """Invite people to verify an address; see ``EnrollmentPort``."""
        async with self._database.transaction() as session:
            users = await locked(session, self._workspace, [user_id for user_id, _ in people])
            live = await self._live(users)
            wanted: dict[str, Invitee] = {}
            outcomes = []
            for user_id, address in people:
                outcome = _judged(user_id, users.get(user_id), address, live)
                if outcome is None:
                    wanted[user_id] = Invitee(users[user_id], address)
                    live.add(user_id)
                    outcome = Outcome(200, user_id)
                outcomes.append(outcome)
            await self._issuer.issue(
                session,
                self._workspace,
                list(wanted.values()),
                source=self._source,
                sync_id=sync_id,
                actor=actor,
                bulk=True,
            )
        return outcomes

    async def _live(self, users: dict[str, Person]) -> set[str]:
        """Return those of the users who have a live link."""
        perhaps = [each.id for each in users.values() if each.enrollment.live]
        found = await self._invitations.open_of(self._workspace, perhaps)
        now = self._invitations.clock()
        return {each.resource_id for each in found if each.standing(now) is Standing.live}

    async def trust(self, resource_ids: Sequence[str]) -> None:
        """Take the present addresses of users for verified; see ``EnrollmentPort``."""
        async with self._database.transaction() as session:
            users = await locked(session, self._workspace, resource_ids)
            trusted = [each for each in users.values() if each.address]
            waiting = [(each.id, VoidReason.trusted) for each in trusted if each.enrollment.live]
            await void(session, self._workspace, waiting, self._invitations.clock())
            changes = [(each, _trusted(each.enrollment)) for each in trusted]
            await write(session, self._workspace, self._source, changes)


def _trusted(enrollment: Enrollment) -> Enrollment:
    status = InviteStatus.voided.value if enrollment.live else enrollment.status
    return Enrollment(True, status)


def _judged(user_id: str, person: Person | None, address: str, live: set[str]) -> Outcome | None:
    """Return why somebody is not invited, or ``None``."""
    if person is None:
        return Outcome(404, "", "not_found", "There is no such user any more.")
    if not person.active:
        message = f"{address} is not invited: the user is disabled."
        return Outcome(409, user_id, "inactive", message)
    if not person.has_address(comparison_key(address)):
        message = f"{address} is no longer the address of the user; the next run plans anew."
        return Outcome(409, user_id, "changed_address", message)
    if person.enrollment.verified or user_id in live:
        return Outcome(200, user_id, changed=False)
    try:
        bare_address(address)
    except ValueError as error:
        message = f"No mail can be sent to {address!r}: {error}. Correct the address in Azure."
        return Outcome(400, user_id, "no_address", message)
    return None
