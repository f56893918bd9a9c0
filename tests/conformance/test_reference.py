"""The kit on scim2-server's own application: it finds what is known, and passes what is right."""

from collections.abc import Iterator

import pytest

from conformance import catalogue, session
from conformance.outcome import Report, Status
from conformance.server import Server
from tests.conformance.serving import TOKEN, Reference, serving

KNOWN = {
    "rfc": set(),
    "sanity": {"PATCH /Users/{id}", "PATCH /Groups/{id} add member"},
    "sanity-entra": {"POST /Users"},
    "bugs": {
        "removing-by-value-keeps-the-others",
        "filtered-add-on-an-absent-element",
        "manager-as-a-string",
        "deleted-users-leave-their-groups",
        "user-groups-are-current",
    },
    "errors": {"unknown-before-body"},
    "protocol": {"bulk-circular-reference"},
    "authentik": {"members-in-chunks"},
    "entra": {
        "add-absent-email",
        "replace-absent-email",
        "remove-member-by-value",
        "remove-email-with-value",
        "manager-as-a-string",
        "create-group-with-microsoft-schema",
    },
    "entra-aadoptscim062020": {"add-absent-email", "manager"},
    "jumpcloud": {"remove-member-by-value"},
    "keycloak": set(),
    "microsoft-inbound": set(),
    "okta": {"update-by-put"},
    "onelogin": {"put-with-schemas-of-1.1"},
    "ping": set(),
    "scimgateway": set(),
    "wso2": {"add-member-again"},
    "parallel": {"one-user-into-many-groups"},
    "pages": set(),
}
"""What each suite is known to find."""

PLAIN = {
    "rfc": {"User.object_creation", "Group.object_deletion", "User.check_add_attribute title"},
    "sanity": {"POST /Users", "GET /ServiceProviderConfig"},
    "sanity-entra": {"GET /Schemas"},
    "bugs": {"replacing-members-drops-the-old", "false-as-a-string", "op-in-any-case"},
    "errors": {"no-token", "malformed-json", "duplicate-user-name", "client-id-is-ignored"},
    "protocol": {"bulk-forward-reference", "etag", "filter-operators", "search"},
    "authentik": {"service-provider-config", "conflict-then-filter"},
    "entra": {"test-connection", "disable-with-a-string", "add-members", "find-by-work-email"},
    "entra-aadoptscim062020": {"disable", "replace-in-one-value", "remove-member-by-path"},
    "jumpcloud": {"test-connection"},
    "keycloak": {"replace-members-by-put"},
    "microsoft-inbound": {"start-index-zero"},
    "okta": {"create-user", "deactivate", "push-all-members"},
    "onelogin": {"find-with-plus-and-ampersand"},
    "ping": {"find-by-emails"},
    "scimgateway": {"patch-without-schemas"},
    "wso2": {"add-members-without-path"},
    "parallel": {"members-added-at-once", "user-attributes-changed-at-once"},
    "pages": {"index-all-once", "index-stable", "cursor-while-changing", "cursor-unknown"},
}
"""What each suite passes."""


@pytest.fixture(scope="module")
def reference() -> Iterator[tuple[Reference, str]]:
    app = Reference()
    with serving(app) as url:
        yield app, url


def _names(report: Report, status: Status) -> set[str]:
    return {each.check.name for each in report.outcomes if each.status is status}


def test_every_suite_is_expected_to_find_something() -> None:
    assert list(KNOWN) == list(PLAIN)
    assert {each.name for each in catalogue.suites()} == set(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_suite_finds_what_is_known_and_passes_what_is_right(
    name: str, reference: tuple[Reference, str]
) -> None:
    app, url = reference
    app.made.clear()
    suites = [each for each in catalogue.suites() if each.name == name]
    with Server(url, TOKEN) as server:
        report = session.run(server, suites)

    failed, passed = _names(report, Status.FAILED), _names(report, Status.PASSED)
    assert failed >= KNOWN[name]
    assert passed >= PLAIN[name]
    assert "the suite itself" not in failed
    assert bool(failed) == bool(KNOWN[name])
    assert app.names == []
    assert [each for each in app.made if server.prefix not in each] == []
    judged = [each for each in report.outcomes if each.status is not Status.SKIPPED]
    assert all(each.exchanges for each in judged if name not in ("rfc", "sanity"))
    assert all(each.check.rule and each.check.rfc and each.check.why for each in report.outcomes)
