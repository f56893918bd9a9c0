"""The storage port of the SCIM core: scim2-server's, and what it lacks."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from scim2_models import Resource, ResourceType
from scim2_server.storage import AsyncScimStorage

from scim.batching import Change
from scim.provisioning.authority import DASHBOARD, Source
from scim.provisioning.records import Authority, Candidate, EnrollmentState, UniqueField


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
    async def authorities(self, ids: Sequence[str]) -> dict[str, Authority]:
        """Return who decides about resources, by id; missing ones are absent."""

    @abstractmethod
    async def enrollment(self, ids: Sequence[str]) -> dict[str, EnrollmentState]:
        """Return how far users are enrolled, by id; missing ones are absent."""

    @abstractmethod
    async def take_over(self, resource_id: str, *, joined: bool, owner: Source = DASHBOARD) -> None:
        """Make the caller the authority of a resource that the dashboard made.

        Args:
            resource_id: the resource.
            joined: it existed before the caller matched it.
            owner: the authority from which a person decided that it is taken.

        Raises:
            ForbiddenException: another source is its authority; a person has to decide.
            NotFoundException: no such resource.
        """

    @abstractmethod
    async def let_go(self, resource_id: str) -> None:
        """Leave a resource to the dashboard; one of another authority stays what it is.

        Raises:
            NotFoundException: no such resource.
        """

    @abstractmethod
    async def restorable(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the documents of those of the ids that are tombstones and have not expired."""

    @abstractmethod
    async def restore(self, resource_id: str, *, user_name: str | None = None) -> None:
        """Bring a tombstone back under its id, with the memberships that still can be.

        Args:
            resource_id: the tombstone.
            user_name: the userName that the caller writes next, in the same transaction; the old
                one may be taken then.

        Raises:
            NotFoundException: no such tombstone, or it has expired.
            UniquenessException: its userName is taken meanwhile.
        """


@runtime_checkable
class BatchStorage(Protocol):
    """A storage that also writes many resources at once; when it refuses, it keeps nothing."""

    async def create_many(
        self, resource_type: ResourceType, resources: Sequence[Resource[Any]]
    ) -> list[str]:
        """Store new resources and return their ids, in order."""
        ...

    async def assign_many(
        self, resource_type: ResourceType, changes: Mapping[str, Sequence[Change]]
    ) -> None:
        """Set plain attributes of users, by id.

        Raises:
            NotPlainError: one of them has to be changed by the protocol engine.
        """
        ...
