"""The five steps of *provision on demand*, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scim.provisioning.source import ObjectKind


class StepName(StrEnum):
    """The five steps, in their order."""

    read = "read"
    scope = "scope"
    match = "match"
    map = "map"
    apply = "apply"


class StepStatus(StrEnum):
    """How a step ended."""

    succeeded = "succeeded"
    failed = "failed"
    """It stopped here; the reason says why and what to do."""
    skipped = "skipped"
    """An earlier step stopped, or there was nothing to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: which one.
        status: how it ended.
        input: what it looked at, as JSON values.
        output: what came out of it, as JSON values.
        reason: why, in a sentence.
        advice: what to do, "" when there is nothing.
    """

    name: StepName
    status: StepStatus
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    reason: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class OnDemandReport:
    """What provisioning one object did, or would do.

    Attributes:
        kind: user or group.
        identifier: what it was asked for by.
        source_id: its id in the directory, "" when it was not found.
        label: what a person recognises it by.
        applied: False for a dry run.
        run_id: the run in the history that applied it, "" for a dry run.
        resource_id: the SCIM resource it feeds, "" when there is none.
        steps: the five steps.
    """

    kind: ObjectKind
    identifier: str
    source_id: str
    label: str
    applied: bool
    run_id: str
    resource_id: str
    steps: tuple[Step, ...]

    @property
    def ok(self) -> bool:
        """Whether no step failed."""
        return all(step.status is not StepStatus.failed for step in self.steps)


def skipped(name: StepName, reason: str) -> Step:
    """Return a step that was not taken."""
    return Step(name, StepStatus.skipped, {}, {}, reason)


def failed(name: StepName, given: Mapping[str, Any], reason: str, advice: str = "") -> Step:
    """Return a step that stopped the others."""
    return Step(name, StepStatus.failed, given, {}, reason, advice)
