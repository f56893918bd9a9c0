"""What decides about one user, and what was decided: values of the planner."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azure_adapter.mapping import MappedUser
from scim.provisioning.operations import Operation
from scim.provisioning.records import Candidate, MirrorRecord
from scim.provisioning.source import ObjectProblem, Presence


@dataclass(frozen=True, slots=True)
class NameHolder:
    """The user of the store that holds a userName which another object needs.

    Attributes:
        resource_id: its id.
        source_id: the source object that feeds it, or "" when this sync does not.
        presence: whether that object is still in the source.
        wants: the userName (folded) that the object itself is mapped to, or "".
    """

    resource_id: str
    source_id: str = ""
    presence: Presence = Presence.unknown
    wants: str = ""


@dataclass(frozen=True, slots=True)
class UserFacts:
    """Everything that decides about one user.

    Attributes:
        record: the mirror object and its link.
        mapped: its attributes as a SCIM document.
        current: the linked resource's document, or ``None``.
        restorable: the document of its tombstone, or ``None``.
        candidates: users that hold the same value of the Unique field (asked only when there is
            no link), without those that carry a link of this sync.
        rivals: other source objects that claim the same value.
        name_holder: who else holds the wanted userName, if anybody.
        manager_id: resource id of the manager, "" when there is none (or none provisioned).
        manager_planned: the manager is created by the same plan.
    """

    record: MirrorRecord
    mapped: MappedUser
    current: Mapping[str, Any] | None = None
    restorable: Mapping[str, Any] | None = None
    candidates: tuple[Candidate, ...] = ()
    rivals: tuple[str, ...] = ()
    name_holder: NameHolder | None = None
    manager_id: str = ""
    manager_planned: bool = False

    @property
    def label(self) -> str:
        """What a person recognises the user by."""
        attributes = self.record.attributes
        return str(self.mapped.user_name or attributes.get("displayName") or self.record.source_id)


@dataclass(slots=True)
class Decision:
    """What the planner decided about one object.

    Attributes:
        operations: to apply, in this order within their phases.
        problem: why nothing can be done, if so.
        promote: source ids whose deletion must come before everything else.
    """

    operations: list[Operation] = field(default_factory=list)
    problem: ObjectProblem | None = None
    promote: list[str] = field(default_factory=list)
