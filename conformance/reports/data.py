"""The report as JSON."""

import json
from dataclasses import asdict
from typing import Any

from conformance.outcome import Outcome, Report, Status


def render(report: Report) -> str:
    """The whole report as a JSON document."""
    return json.dumps(document(report), indent=2, ensure_ascii=False) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The whole report as JSON values."""
    return {
        "url": report.url,
        "prefix": report.prefix,
        "seconds": round(report.seconds, 3),
        "interrupted": report.interrupted,
        "summary": _counts(report, None),
        "suites": {each: _counts(report, each) for each in report.suites()},
        "checks": [_outcome(each) for each in report.outcomes],
    }


def _counts(report: Report, suite: str | None) -> dict[str, int]:
    counts = report.counts(suite)
    return {each.value: counts[each] for each in Status}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        **asdict(outcome.check),
        "status": outcome.status.value,
        "detail": outcome.detail,
        "seconds": round(outcome.seconds, 4),
        "exchanges": [
            {"sent": each.request_lines(), "received": each.response_lines()}
            for each in outcome.exchanges
        ],
    }
