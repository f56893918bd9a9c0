"""The part of a sync's store that keeps its lease and its runs.

:class:`scim.provisioning.ports.SyncStore` is made of this and of the rest.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from scim.provisioning.records import (
    Lease,
    RunMode,
    RunPhase,
    RunRecord,
    RunStatus,
    SourceError,
)


class RunStore(Protocol):
    """The right to run one user sync, and the history of its runs."""

    # lease

    async def claim(
        self, owner: str, seconds: float, *, gone: Callable[[str], bool] | None = None
    ) -> Lease | None:
        """Take the lease, or return ``None`` while another owner holds it.

        ``gone`` tells whether another owner's process has certainly ended. From here on this
        store writes under the lease: a write after it was lost raises :class:`LeaseLost`.
        """
        ...

    async def renew(self, lease: Lease, seconds: float) -> None:
        """Prolong the lease. Raises :class:`LeaseLost` when somebody else has it."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens when it is lost already."""
        ...

    def unit_of_work(self, lease: Lease) -> AbstractAsyncContextManager[None]:
        """Open one transaction for everything inside, target included, or nothing.

        Raises :class:`LeaseLost` on entry when the lease's fencing token is no longer current.
        """
        ...

    # runs

    async def start_run(
        self,
        mode: RunMode,
        *,
        trigger: str,
        actor: str,
        preview: bool,
        lease: Lease,
        phase: RunPhase = RunPhase.read,
        options: Mapping[str, Any] | None = None,
        reviewed_run: str | None = None,
        undoes_run: str | None = None,
    ) -> RunRecord:
        """Add a run; it remembers the version of the configuration that it begins with."""
        ...

    async def run(self, run_id: str) -> RunRecord | None:
        """Return one run, or ``None`` when this sync has no such run."""
        ...

    async def unfinished_run(self, *, preview: bool = False) -> RunRecord | None:
        """Return the run (or the preview) that an interrupted process left behind, if any."""
        ...

    async def update_run(
        self,
        run_id: str,
        *,
        phase: RunPhase | None = None,
        status: RunStatus | None = None,
        mode: RunMode | None = None,
        counts: Mapping[str, Any] | None = None,
        note: str | None = None,
        error: SourceError | None = None,
        checksum: str | None = None,
        finished: bool = False,
    ) -> RunRecord:
        """Change what is given (``note`` is appended) and return the run."""
        ...

    async def runs(self, limit: int = 50, before: str | None = None) -> list[RunRecord]:
        """Return the history, newest first."""
        ...
