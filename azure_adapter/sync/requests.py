"""What is asked of a run, as the engine starts it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scim.provisioning.records import RunKind

Prepare = Callable[[], Awaitable[Mapping[str, Any]]]
"""Done in the transaction that starts the run, under its lease; returns more of its options."""


@dataclass(frozen=True, slots=True)
class Request:
    """One run that somebody, or something, asks for.

    Attributes:
        kind: what it is for.
        trigger: who or what started it (manual, schedule, cli, api, retry, demo …).
        actor: the person or token.
        preview: nothing is applied.
        full: everything is read (initial cycle), even if changes could be read.
        reads: whether it reads the source at all.
        options: what belongs to the kind, kept with the run so that it can be taken up again.
        reviewed_run: the run whose plan, or held operations, it applies.
        undoes_run: the run that it takes back.
        reconfigures: the run begins with another configuration than what was left behind.
        prepare: done in the transaction that starts the run.
    """

    kind: RunKind
    trigger: str = "manual"
    actor: str = ""
    preview: bool = False
    full: bool = False
    reads: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    reviewed_run: str | None = None
    undoes_run: str | None = None
    reconfigures: bool = False
    prepare: Prepare | None = None

    def remembered(self) -> dict[str, Any]:
        """Return what the run keeps of it."""
        return {"kind": self.kind.value, **self.options}
