"""The report on the console: colours on a terminal, plain lines elsewhere."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.outcome import Outcome, Report, Status
from conformance.reports.text import explained, transcript
from conformance.suites.base import Suite

_STYLE = {
    Status.PASSED: "green",
    Status.FAILED: "bold red",
    Status.DEVIATION: "yellow",
    Status.SKIPPED: "dim",
}


def listing(console: Console, suites: Iterable[Suite]) -> None:
    """Show the suites."""
    for name, size, title in (
        ("suite", "checks", "what it tests"),
        *((each.name, each.size, each.title) for each in suites),
    ):
        console.print(Text(f"{name:<24}{size:<22}{title}"))


class Progress:
    """Shows outcomes as they come, and a summary in the end.

    Args:
        console: where to show them.
        verbose: show also what passed.
    """

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._suite = ""

    def begin(self, url: str, prefix: str) -> None:
        """Say what is tested, and how to recognise what the kit makes there."""
        self._print(f"Testing {url}; what is created there is named {prefix}…", "")

    def tell(self, outcome: Outcome) -> None:
        """Show one outcome."""
        if outcome.check.suite != self._suite:
            self._suite = outcome.check.suite
            self._print(self._suite, "bold")
        if outcome.status is Status.PASSED and not self._verbose:
            return
        self._print(f"  {outcome.status.value:<9} {outcome.check.name}", _STYLE[outcome.status])
        if outcome.status is not Status.PASSED:
            self._print(_indented(_text(outcome)), "")

    def close(self, report: Report) -> None:
        """Show the counts of each suite."""
        table = Table("suite", *(each.value for each in Status), box=None)
        for name in report.suites():
            counts = report.counts(name)
            table.add_row(name, *(str(counts[each]) for each in Status))
        self._console.print()
        self._console.print(table, soft_wrap=False)
        if report.interrupted:
            self._print("Interrupted: the checks after this point did not run.", "bold red")
        if accepted := report.count(Status.DEVIATION):
            self._print(f"{accepted} accepted as listed deviations, with their reasons above", "")

    def _print(self, text: str, style: str) -> None:
        self._console.print(Text(text, style=style))


def _text(outcome: Outcome) -> str:
    if outcome.status is Status.SKIPPED:
        return outcome.detail
    shown = transcript(outcome) if outcome.status is Status.FAILED else ""
    return "\n".join(each for each in (explained(outcome), shown) if each)


def _indented(text: str) -> str:
    return "\n".join(f"      {line}".rstrip() for line in text.splitlines())
