"""Showing how far a sync run is: a bar on a terminal, plain lines elsewhere; on stderr."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from azure_adapter.sync.engine import Progress as RunProgress
from gateway.cli.console import tell

PLAIN_SECONDS = 5.0
"""How far apart plain lines of one phase are at least."""

PHASE_WORDS = {
    "read": "Reading the directory",
    "plan": "Planning",
    "check": "Checking the plan",
    "apply": "Applying",
    "report": "Reporting",
}


class RunDisplay:
    """A context in which a run's progress is shown; pass ``show`` to the engine.

    Args:
        quiet: show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar = _bar() if sys.stderr.isatty() and not quiet else None
        self._task: TaskID | None = None
        self._phase = ""
        self._told_at = 0.0

    def __enter__(self) -> Self:
        """Start showing."""
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()

    def show(self, progress: RunProgress) -> None:
        """Show where the run is now."""
        if self._bar:
            self._draw(self._bar, progress)
        elif not self._quiet:
            self._write(progress)

    def _draw(self, bar: Progress, progress: RunProgress) -> None:
        words = PHASE_WORDS.get(progress.phase, progress.phase)
        if progress.phase != self._phase or self._task is None:
            self._phase = progress.phase
            if self._task is not None:
                bar.remove_task(self._task)
            self._task = bar.add_task(words, total=progress.total)
        bar.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            description=f"{words}: {progress.message}" if progress.message else words,
        )

    def _write(self, progress: RunProgress) -> None:
        now = time.monotonic()
        if progress.phase == self._phase and now - self._told_at < PLAIN_SECONDS:
            return
        self._phase, self._told_at = progress.phase, now
        words = PHASE_WORDS.get(progress.phase, progress.phase)
        tell(f"{words}: {progress.message}" if progress.message else f"{words} …")


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
