"""scim2-tester, the conformance suite of python-scim, against the running server."""

from pathlib import Path

from scim2_tester import Status, check_server

from tests.gateway.support import HttpxScimClient, live_gateway, settings_for


def test_scim2_tester_finds_no_error(database_url: str, tmp_path: Path) -> None:
    with live_gateway(settings_for(tmp_path, database_url)) as live, live.client() as http:
        results = check_server(HttpxScimClient(http))
    wrong = [each for each in results if each.status not in (Status.SUCCESS, Status.SKIPPED)]
    assert not wrong, "\n".join(f"{each.title}: {each.reason}" for each in wrong)
    assert len(results) > 50
