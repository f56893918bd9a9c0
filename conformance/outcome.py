"""What a check is, what came of it, and what a whole run amounts to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from conformance.exchange import Exchange


class Status(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    DEVIATION = "deviation"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a server has to do, and why."""

    suite: str
    name: str
    rule: str
    rfc: str
    why: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one check, with the requests and answers that show it.

    Attributes:
        check: what was checked.
        status: what came of it.
        detail: what was wrong, why it was skipped, or why a deviation is accepted.
        exchanges: what was sent and what came back, in order.
        seconds: how long it took.
    """

    check: Check
    status: Status
    detail: str = ""
    exchanges: tuple[Exchange, ...] = ()
    seconds: float = 0.0

    @classmethod
    def judged(
        cls,
        check: Check,
        problems: Sequence[str],
        exchanges: Sequence[Exchange] = (),
        seconds: float = 0.0,
    ) -> "Outcome":
        """Passed when there is no problem, otherwise failed with all of them."""
        status = Status.FAILED if problems else Status.PASSED
        return cls(check, status, "\n".join(problems), tuple(exchanges), seconds)

    @classmethod
    def skipped(cls, check: Check, reason: str) -> "Outcome":
        """Not carried out, for a reason."""
        return cls(check, Status.SKIPPED, reason)

    def accepted(self, reason: str) -> "Outcome":
        """The same failure as a deliberate deviation of the server."""
        detail = f"{reason}\nObserved: {self.detail}"
        return replace(self, status=Status.DEVIATION, detail=detail)


@dataclass(slots=True)
class Report:
    """The outcomes of a run, and what is worth knowing about it."""

    url: str
    prefix: str
    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def count(self, status: Status, suite: str | None = None) -> int:
        """How many checks, of one suite or of all, ended like that."""
        return self.counts(suite)[status]

    def counts(self, suite: str | None = None) -> Counter[Status]:
        """How many checks, of one suite or of all, ended how."""
        return Counter(
            each.status for each in self.outcomes if suite is None or each.check.suite == suite
        )

    def suites(self) -> list[str]:
        """The names of the suites that ran, in the order they ran."""
        return list(dict.fromkeys(each.check.suite for each in self.outcomes))

    def closing(self) -> str:
        """The closing line."""
        passed, failed, skipped = (
            self.count(each) for each in (Status.PASSED, Status.FAILED, Status.SKIPPED)
        )
        return f"{passed} passed, {failed} failed, {skipped} skipped"

    @property
    def good(self) -> bool:
        """Whether the run went through to its end and nothing failed."""
        return not self.interrupted and self.count(Status.FAILED) == 0
