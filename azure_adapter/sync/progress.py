"""How far a run is, told while it works."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        phase: read, plan, check, apply or report.
        done: objects or operations so far, in this phase.
        total: of how many, or ``None`` when that is not known yet.
        message: the same in words.
    """

    phase: str
    done: int
    total: int | None = None
    message: str = ""


Tell = Callable[[Progress], None]
"""Told how far a run is."""
