"""scim2-tester, the conformance suite of python-scim, against the running server."""

from pathlib import Path

from scim2_tester import CheckResult, Status, check_server

from scim.ezto import EZTO_USER_URN
from tests.gateway.support import HttpxScimClient, live_gateway, settings_for

READ_ONLY_EXTENSION = {
    ("check_add_attribute", EZTO_USER_URN),
    ("check_remove_attribute", EZTO_USER_URN),
    ("check_replace_attribute", EZTO_USER_URN),
}
"""The suite writes every extension as a whole, also one whose attributes are all readOnly: what it
sends is ignored, and its remove is refused (RFC 7644 §3.5.2.2). Nothing else may differ."""


def test_scim2_tester_finds_no_error(database_url: str, tmp_path: Path) -> None:
    with live_gateway(settings_for(tmp_path, database_url)) as live, live.client() as http:
        results = check_server(HttpxScimClient(http))
    wrong = [each for each in results if each.status not in (Status.SUCCESS, Status.SKIPPED)]
    others = [each for each in wrong if subject(each) not in READ_ONLY_EXTENSION]
    assert not others, "\n".join(f"{each.title}: {each.reason}" for each in others)
    assert {subject(each) for each in wrong} == READ_ONLY_EXTENSION
    assert len(results) > 50


def subject(result: CheckResult) -> tuple[str, str]:
    """Return which check it is, and of which attribute."""
    data = result.data if isinstance(result.data, dict) else {}
    return str(result.title), str(data.get("urn", ""))
