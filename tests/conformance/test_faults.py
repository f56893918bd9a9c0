"""The kit on servers that are wrong on purpose: checks can fail, and say why."""

import pytest

from conformance import catalogue, session
from conformance.outcome import Outcome, Report, Status
from conformance.server import Server
from tests.conformance.serving import serving
from tests.conformance.tiny import Tiny


def _run(app: Tiny, suite: str) -> Report:
    suites = [each for each in catalogue.suites() if each.name == suite]
    with serving(app) as url, Server(url, "tiny") as server:
        return session.run(server, suites)


def _outcome(report: Report, name: str) -> Outcome:
    (found,) = (each for each in report.outcomes if each.check.name == name)
    return found


def test_right_errors_pass() -> None:
    report = _run(Tiny(), "errors")

    assert _outcome(report, "unknown-user-get").status is Status.PASSED
    assert _outcome(report, "client-id-is-ignored").status is Status.PASSED
    assert "www-authenticate" in _outcome(report, "no-token").detail


def test_errors_that_are_no_scim_errors_fail() -> None:
    report = _run(Tiny(["html-errors"]), "errors")

    outcome = _outcome(report, "unknown-user-get")
    assert outcome.status is Status.FAILED
    assert "the answer shows internals: '<html'" in outcome.detail
    assert "content type is text/html" in outcome.detail
    assert "body is not a JSON object" in outcome.detail
    assert "Traceback" in outcome.exchanges[0].response_lines()


def test_ids_of_the_client_fail() -> None:
    outcome = _outcome(_run(Tiny(["keeps-ids"]), "errors"), "client-id-is-ignored")

    assert outcome.status is Status.FAILED
    assert "expected id not" in outcome.detail


def test_unauthenticated_reading_fails() -> None:
    outcome = _outcome(_run(Tiny(["open"]), "errors"), "no-token")

    assert "expected status 401, got 200" in outcome.detail


def test_lost_members_fail() -> None:
    broken = _outcome(_run(Tiny(["loses-updates"]), "parallel"), "members-added-at-once")
    whole = _outcome(_run(Tiny(), "parallel"), "members-added-at-once")

    assert broken.status is Status.FAILED
    assert "31 of 32 members are lost" in broken.detail
    assert whole.status is Status.PASSED


def test_ignored_filters_fail() -> None:
    outcome = _outcome(_run(Tiny(), "bugs"), "group-filters-work")

    assert outcome.status is Status.FAILED
    assert "totalResults is 0, found 2" in outcome.detail


def test_what_cannot_be_deleted_is_told() -> None:
    app = Tiny(["undeletable"])
    report = _run(app, "ping")

    outcome = report.outcomes[-1]
    assert outcome.check.suite == "cleanup"
    assert outcome.status is Status.FAILED
    assert len(app.resources) == outcome.detail.count("/Users/")


def test_a_busy_server_is_asked_again() -> None:
    app = Tiny(["busy"])
    with serving(app) as url, Server(url, "tiny") as server:
        exchange = server.wire().send("GET", "/Users")

    assert exchange.status == 200
    assert len(app.tokens) == 2


def test_a_server_that_goes_away_fails_every_check() -> None:
    with serving(Tiny()) as url:
        pass
    with Server(url, "tiny") as server:
        report = session.run(server, [each for each in catalogue.suites() if each.name == "ping"])

    assert {each.status for each in report.outcomes} == {Status.FAILED}


@pytest.mark.parametrize("suite", ["rfc", "sanity"])
def test_borrowed_suites_survive_a_server_without_discovery(suite: str) -> None:
    report = _run(Tiny(), suite)

    assert report.count(Status.FAILED) > 0
    assert "the suite itself" not in {each.check.name for each in report.outcomes}


def test_tokens_of_profiles_are_used_where_wanted() -> None:
    app = Tiny(["open"])
    suites = [each for each in catalogue.suites() if each.name in ("entra", "ping")]
    with serving(app) as url, Server(url, "usual", {"entra": "special"}) as server:
        session.run(server, suites)

    assert {"Bearer usual", "Bearer special"} <= set(app.tokens)
    assert server.wire("okta") is server.wire()
