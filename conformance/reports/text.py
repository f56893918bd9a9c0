"""Outcomes as plain text."""

from conformance.outcome import Outcome


def explained(outcome: Outcome) -> str:
    """What was wrong, which rule it breaks, and why that matters."""
    check = outcome.check
    lines = [
        outcome.detail,
        f"Rule: {check.rule} ({check.rfc})" if check.rfc else f"Rule: {check.rule}",
        f"Why it matters: {check.why}" if check.why else "",
        f"Source: {check.source}" if check.source else "",
    ]
    return "\n".join(each for each in lines if each)


def transcript(outcome: Outcome) -> str:
    """What was sent and what came back."""
    return "\n\n".join(
        f">>> {each.request_lines()}\n<<< {each.response_lines()}" for each in outcome.exchanges
    )
