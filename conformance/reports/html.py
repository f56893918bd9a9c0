"""The report as one HTML page that needs nothing else."""

from importlib import resources

from jinja2 import Environment, StrictUndefined

from conformance.outcome import Outcome, Report, Status


def render(report: Report) -> str:
    """The whole report as an HTML document."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    source = (resources.files("conformance.reports") / "page.html").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        report=report,
        statuses=list(Status),
        suites=[(name, report.counts(name), _of(report, name)) for name in report.suites()],
    )


def _of(report: Report, suite: str) -> list[Outcome]:
    return [each for each in report.outcomes if each.check.suite == suite]
