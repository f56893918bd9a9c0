"""What decides about one user, and what was decided: values of the planner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azure_adapter.mapping import MappedUser
from scim.provisioning.operations import Operation
from scim.provisioning.records import (
    Authority,
    Candidate,
    Choice,
    EnrollmentState,
    LinkRecord,
    MirrorRecord,
    Resolution,
)
from scim.provisioning.source import ObjectProblem


@dataclass(frozen=True, slots=True)
class NameHolder:
    """The user of the store that holds a userName which another object needs.

    Attributes:
        candidate: that user.
        source_id: the source object that feeds it and whose profile this sync decides, or "".
        leaves: that object is gone, or out of scope.
        joined: the user existed before this sync joined it.
        gives_up: the object is to have another userName, which it can have.
    """

    candidate: Candidate
    source_id: str = ""
    leaves: bool = False
    joined: bool = False
    gives_up: bool = False


@dataclass(frozen=True, slots=True)
class UserFacts:
    """Everything that decides about one user.

    Attributes:
        record: the mirror object and its link.
        mapped: its attributes as a SCIM document, for a user that exists.
        arriving: the same for a user that is created; differs only by rows that are applied on
            creation only.
        current: the document of the user that it is linked to, or the only one that it may be
            joined with, or ``None``.
        restorable: the document of its tombstone, or ``None``.
        authority: who decides about the user of ``current``; ``None``: this sync.
        candidates: users that hold the same value of the Unique field (asked only when there is
            no link), without those that carry a link of this sync.
        rivals: other source objects that claim the same value.
        resolution: what a person chose for the object.
        chosen: the user that the choice names, if it is there and nobody's of this sync.
        name_holder: who else holds the wanted userName, if anybody.
        manager_id: resource id of the manager, "" when there is none (or none provisioned).
        manager_planned: the manager is created by the same plan.
        enrollment: how far the user of ``current`` is enrolled, if that matters.
    """

    record: MirrorRecord
    mapped: MappedUser
    arriving: MappedUser
    current: Mapping[str, Any] | None = None
    restorable: Mapping[str, Any] | None = None
    authority: Authority | None = None
    candidates: tuple[Candidate, ...] = ()
    rivals: tuple[str, ...] = ()
    resolution: Resolution | None = None
    chosen: Candidate | None = None
    name_holder: NameHolder | None = None
    manager_id: str = ""
    manager_planned: bool = False
    enrollment: EnrollmentState | None = None

    @property
    def label(self) -> str:
        """What a person recognises the user by."""
        attributes = self.record.attributes
        return str(self.mapped.user_name or attributes.get("displayName") or self.record.source_id)

    @property
    def link(self) -> LinkRecord | None:
        """The link, if it leads to the user of ``current``."""
        link = self.record.link
        if link is None or not self.record.is_linked or self.current is None:
            return None
        return link if self.current.get("id") == link.resource_id else None

    @property
    def before(self) -> Mapping[str, Any] | None:
        """The user as it is, or was when it was deleted; ``None`` for one that is created."""
        return self.current if self.current is not None else self.restorable

    @property
    def blocked(self) -> bool:
        """Whether an administrator blocks the user."""
        return self.authority is not None and self.authority.blocked

    def chose(self, choice: Choice, resource_id: str) -> bool:
        """Tell whether a person chose this for that user."""
        chosen = self.resolution
        return chosen is not None and (chosen.choice, chosen.resource_id) == (choice, resource_id)


@dataclass(slots=True)
class Decision:
    """What the planner decided about one object.

    Attributes:
        operations: to apply, in this order within their phases.
        problem: why nothing can be done, if so.
        promote: source ids whose deletion must come before everything else.
        document: the user as it will be, ``None`` when this sync does not decide about it.
        frees: the source has the say again whether the user is enabled.
        renews: an invitation is due again, to a changed address.
    """

    operations: list[Operation] = field(default_factory=list)
    problem: ObjectProblem | None = None
    promote: list[str] = field(default_factory=list)
    document: Mapping[str, Any] | None = None
    frees: bool = False
    renews: bool = False
