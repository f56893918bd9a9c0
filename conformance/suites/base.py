"""What a suite is."""

from collections.abc import Iterator
from typing import Protocol

from conformance.outcome import Outcome
from conformance.server import Server


class Suite(Protocol):
    """A named set of checks."""

    @property
    def name(self) -> str:
        """What ``--suite`` calls it."""

    @property
    def title(self) -> str:
        """What it tests, in one line."""

    @property
    def size(self) -> str:
        """How many checks it has, as far as that is known before it runs."""

    def run(self, server: Server) -> Iterator[Outcome]:
        """Carry out the checks, one after the other."""
