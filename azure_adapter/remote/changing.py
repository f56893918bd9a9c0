"""Changes and deletions that may be repeated (RFC 7644 §3.5 and §3.6)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from azure_adapter.mapping import diff
from azure_adapter.remote.answers import Answer
from azure_adapter.remote.connection import Asked, Connection
from azure_adapter.remote.discovery import Capabilities
from azure_adapter.remote.documents import Untranslatable, patched, put_body
from azure_adapter.remote.memberships import Membership, bodies
from azure_adapter.remote.reading import Reading
from scim.provisioning.operations import Operation, Outcome

PATCH_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

PUTS: Final = 3
"""How often a resource is read, changed and put while somebody else changes it."""

QUIET: Final = {"excludedAttributes": "members"}
"""Keeps a group's members out of the answer to a membership change."""

Operations = Sequence[Mapping[str, Any]]


class Changing:
    """Changes resources of one remote SCIM server.

    Args:
        connection: sends the requests.
        reading: reads what a change is compared with.
        capabilities: what the server offers.
        most_members: members that one PATCH adds or removes at most.
    """

    def __init__(
        self,
        connection: Connection,
        reading: Reading,
        capabilities: Capabilities,
        most_members: int,
    ) -> None:
        self._connection = connection
        self._reading = reading
        self._etag = capabilities.etag
        self._payload = capabilities.payload
        self.patches = capabilities.patch
        self.most_members = most_members

    # -- attributes ------------------------------------------------------------

    async def change(self, path: str, resource_id: str, operations: Operations) -> Outcome:
        """Apply the operations of a PATCH, by PUT where the server has no PATCH.

        Args:
            path: of the resource, percent-encoded.
            resource_id: its id.
            operations: of a PATCH body.

        Raises:
            RemoteTargetError: the server cannot be used now.
        """
        if self.patches:
            body = {"schemas": [PATCH_SCHEMA], "Operations": list(operations)}
            answer = await self._connection.ask(Asked("PATCH", path, body=body))
            if answer.status not in (405, 501):
                return await self.settle(path, resource_id, operations, answer)
            self.patches = False
        return await self._put(path, resource_id, operations)

    async def settle(
        self, path: str, resource_id: str, operations: Operations, answer: Answer
    ) -> Outcome:
        """Return what an answer to a PATCH means.

        ``noTarget`` is what a server may say of a repetition: what was to be removed is gone. The
        resource is read then, and what still differs is changed.
        """
        if answer.code == "noTarget":
            return await self._reconcile(path, resource_id, operations, answer)
        return await self._done(answer, resource_id)

    async def _reconcile(
        self, path: str, resource_id: str, operations: Operations, answer: Answer
    ) -> Outcome:
        current = await self._reading.resource(path)
        if current is None:
            return _gone()
        try:
            rest = diff(current, patched(current, operations))
        except Untranslatable:
            return answer.outcome()
        if not rest:
            return Outcome(status=200, resource_id=resource_id, changed=False)
        body = {"schemas": [PATCH_SCHEMA], "Operations": rest}
        return await self._done(
            await self._connection.ask(Asked("PATCH", path, body=body)), resource_id
        )

    async def _done(self, answer: Answer, resource_id: str) -> Outcome:
        if answer.ok:
            return Outcome(status=200, resource_id=resource_id)
        if answer.again:
            await self._connection.gave_up(answer)
        return answer.outcome()

    async def _put(self, path: str, resource_id: str, operations: Operations) -> Outcome:
        """Read a resource, change it, and put it back unless somebody changed it meanwhile."""
        answer = Answer(412)
        for _ in range(PUTS):
            current = await self._reading.resource(path)
            if current is None:
                return _gone()
            try:
                target = patched(current, operations)
            except Untranslatable as error:
                return _untranslatable(error)
            if target == patched(current, []):
                return Outcome(status=200, resource_id=resource_id, changed=False)
            asked = Asked("PUT", path, body=put_body(target), headers=self._if_match(current))
            answer = await self._connection.ask(asked)
            if answer.status != 412:
                break
        return await self._done(answer, resource_id)

    def _if_match(self, document: Mapping[str, Any]) -> dict[str, str]:
        version = (document.get("meta") or {}).get("version")
        return {"If-Match": version} if self._etag and isinstance(version, str) else {}

    # -- members ---------------------------------------------------------------

    def member_bodies(self, change: Membership) -> list[dict[str, Any]]:
        """Return the PATCH bodies of a membership change, as large as the server takes them."""
        return list(bodies(change, PATCH_SCHEMA, self.most_members, self._payload))

    async def change_members(
        self, path: str, resource_id: str, operation: Operation, change: Membership
    ) -> Outcome:
        """Add or remove members, some at a time.

        Raises:
            RemoteTargetError: the server cannot be used now.
        """
        if not self.patches:
            return await self._put(path, resource_id, (operation.body or {})["Operations"])
        while True:
            answer = await self._members_sent(path, change)
            if answer.status == 413 and self.most_members > 1:
                self.most_members = max(1, min(self.most_members, len(change.members)) // 2)
                continue
            break
        if answer.status in (405, 501):
            self.patches = False
            return await self.change_members(path, resource_id, operation, change)
        if answer.code == "noTarget" or answer.conflict:
            return await self._rest_of_members(path, resource_id, change, answer)
        return await self._done(answer, resource_id)

    async def _members_sent(self, path: str, change: Membership) -> Answer:
        """Send a change; returns the last answer, which is the first that is no success."""
        answer = Answer(204)
        for body in self.member_bodies(change):
            answer = await self._connection.ask(Asked("PATCH", path, QUIET, body))
            if not answer.ok:
                break
        return answer

    async def _rest_of_members(
        self, path: str, resource_id: str, change: Membership, answer: Answer
    ) -> Outcome:
        """Send again only what is still to be done, for servers that refuse what is done."""
        present = await self._reading.members(resource_id)
        asked = set(change.ids)
        rest = change.only(asked - present if change.adds else asked & present)
        if not rest.members:
            return Outcome(status=200, resource_id=resource_id, changed=False)
        if len(rest.members) == len(change.members):
            return answer.outcome()
        return await self._done(await self._members_sent(path, rest), resource_id)

    # -- deletions -------------------------------------------------------------

    async def delete(self, path: str, resource_id: str) -> Outcome:
        """Delete a resource; one that is not there is deleted.

        Raises:
            RemoteTargetError: the server cannot be used now.
        """
        return await self.deleted(await self._connection.ask(Asked("DELETE", path)), resource_id)

    async def deleted(self, answer: Answer, resource_id: str) -> Outcome:
        """Return what an answer to a deletion means."""
        if answer.ok or answer.missing:
            return Outcome(status=204, resource_id=resource_id, changed=answer.ok)
        return await self._done(answer, resource_id)


def _gone() -> Outcome:
    return Outcome(
        status=404,
        code="not_found",
        message="The remote server has no such resource any more; the next run plans it anew.",
    )


def _untranslatable(error: Untranslatable) -> Outcome:
    return Outcome(
        status=501,
        code="unsupported",
        message=f"The remote server has no PATCH, and {error} cannot be written by PUT. Leave the "
        "attribute out of the mapping, or turn on PATCH in the remote server.",
    )
