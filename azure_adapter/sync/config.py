"""What an administrator decides about a user sync, as the engine needs it."""

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum

from azure_adapter.mapping import DEFAULT_TABLE, MappingTable, graph_properties
from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.scope_values import Scope
from scim.provisioning.records import UniqueField
from scim.provisioning.source import ObjectKind

PLANNER_VERSION = 2
"""Grows when the planner would decide differently about an unchanged mirror."""


class DeletionPolicy(StrEnum):
    """What happens to a user whose source object is deleted or out of scope."""

    delete = "delete"
    """Deleted, restorable for 30 days."""

    deactivate = "deactivate"
    """``active`` becomes false, memberships are dropped."""


class Enrollment(StrEnum):
    """The Enrollment Type of the manual."""

    send_email = "send_email"
    trust_email = "trust_email"
    only_sync = "only_sync"


@dataclass(frozen=True, slots=True)
class SafeguardLimits:
    """When a kind of risky operation is held for a person.

    Attributes:
        percent: share of the linked objects.
        at_least: never trips at or below this many objects, unless nobody would remain.
        enabled: False applies everything.
    """

    percent: int = 20
    at_least: int = 5
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class SyncConfig:
    """One user sync.

    Attributes:
        sync_id: its id.
        name: what the administrator called it.
        workspace: name of the workspace that it fills.
        azure_tenant: id of the directory, for messages.
        unique_field: how a source object finds an existing user the first time.
        deletion_policy: what a deletion in the source does to a user.
        enrollment: what happens to new users' e-mail addresses.
        safeguard: limits of what a run may do without a person.
        scope: which source objects are provisioned.
        nested: what becomes of groups in groups.
        mapping: which source attribute feeds which SCIM attribute.
        config_version: grows with each edit.
        seed: secret of the sync, for expressions that make something up (``Guid``).
    """

    sync_id: str
    name: str = ""
    workspace: str = "default"
    azure_tenant: str = ""
    unique_field: UniqueField = UniqueField.email
    deletion_policy: DeletionPolicy = DeletionPolicy.delete
    enrollment: Enrollment = Enrollment.send_email
    safeguard: SafeguardLimits = SafeguardLimits()
    scope: Scope = field(default_factory=Scope)
    nested: NestedGroups = NestedGroups.kept
    mapping: MappingTable = DEFAULT_TABLE
    config_version: int = 1
    seed: bytes = field(default=b"", repr=False)

    def properties(self, kind: ObjectKind) -> tuple[str, ...]:
        """Return the source properties to read of a kind: those that mapping and scope need."""
        needed = [*graph_properties(self.mapping, kind), *self.scope.attributes(kind)]
        return tuple(dict.fromkeys(needed))

    def fingerprint(self) -> str:
        """Return a digest of what decides about an already mirrored object.

        When it differs from the one that the mirror was planned with, everything is planned
        anew. Not part of it are scope and nesting, whose effect the scope step finds out object
        by object, and the Enrollment Type, which concerns new users only. The Unique field is,
        because the mirror keeps its value; it never relinks anything, since a link decides first.
        """
        decisive = {
            "planner": PLANNER_VERSION,
            "deletion_policy": self.deletion_policy,
            "unique_field": self.unique_field,
            "mapping": self.mapping.fingerprint(),
        }
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
