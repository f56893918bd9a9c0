"""The storage port of the SCIM core: scim2-server's, and what it lacks."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from scim2_server.storage import AsyncScimStorage

from scim.provisioning.records import Candidate, UniqueField


class ResourceStorage(AsyncScimStorage):
    """Where the handler reads and writes the resources of one workspace, as one source.

    It checks the authority of the writer (`scim.provisioning.authority`) in the transaction of
    the write, and keeps memberships as rows.
    """

    @abstractmethod
    async def change_members(
        self,
        group_id: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        replace: Sequence[str] | None = None,
        expected_version: str | None = None,
    ) -> bool:
        """Change a group's members by difference, and tell whether anything changed.

        Adding a member again and removing one that is not there change nothing.

        Raises:
            NotFoundException: no such group.
            InvalidValueException: a member to add does not exist; it names the id.
            ForbiddenException: the caller is not the group's authority.
        """

    @abstractmethod
    async def documents(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return stored documents by id, without members and groups; missing ones are absent."""

    @abstractmethod
    async def member_ids(self, group_id: str) -> set[str]:
        """Return the ids of a group's members."""

    @abstractmethod
    async def find_users(
        self, field: UniqueField, values: Sequence[str]
    ) -> dict[str, list[Candidate]]:
        """Return the users that hold a value of the Unique field, by the value as given."""

    @abstractmethod
    async def take_over(self, resource_id: str, *, joined: bool) -> None:
        """Make the caller the authority of a resource that the dashboard made.

        Raises:
            ForbiddenException: another source is its authority; a person has to decide.
            NotFoundException: no such resource.
        """

    @abstractmethod
    async def restorable(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the documents of those of the ids that are tombstones and have not expired."""

    @abstractmethod
    async def restore(self, resource_id: str) -> None:
        """Bring a tombstone back under its id, with the memberships that still can be.

        Raises:
            NotFoundException: no such tombstone, or it has expired.
            UniquenessException: its userName is taken meanwhile.
        """
