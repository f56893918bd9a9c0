"""Every suite, in the order in which they run."""

from conformance.suites.base import Suite
from conformance.suites.pages import PagesSuite
from conformance.suites.parallel import ParallelSuite
from conformance.suites.replay import replay_suites
from conformance.suites.rfc import RfcSuite
from conformance.suites.sanity import SanitySuite


def suites() -> list[Suite]:
    """Every suite of the kit."""
    return [
        RfcSuite(),
        SanitySuite(),
        SanitySuite("entra"),
        *replay_suites("checks"),
        *replay_suites("providers"),
        ParallelSuite(),
        PagesSuite(),
    ]
