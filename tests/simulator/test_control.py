"""The control endpoint's operations on settings, apps, permissions and sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_adapter.simulator import Directory
from tests.simulator.signin_support import certificate, tokens_for
from tests.simulator.support import Wire
from tests.simulator.test_faults import control


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(Directory(seed=1)) as opened:
        yield opened


def post(wire: Wire, operation: str, **body: Any) -> Any:
    status, answer = control(wire, "POST", operation, body)
    assert status == 200, answer
    return answer


def test_settings(wire: Wire) -> None:
    assert post(wire, "settings", page_size=3)["settings"]["page_size"] == 3
    varied = post(wire, "settings", vary=5, throttle=True)
    assert varied["settings"]["throttle"]
    assert varied["settings"]["scatter"] == varied["varied"]["scatter"]
    for wrong in ({"page_size": 0}, {"x": 1}, {"expiry_form": "x"}):
        assert control(wire, "POST", "settings", wrong)[0] == 400
    assert wire.simulator.settings.page_size == 3


def test_permissions(wire: Wire) -> None:
    answer = post(
        wire,
        "permissions",
        grant={"roles": ["Member.Read.Hidden"], "scopes": ["Group.Read.All"]},
        revoke={"roles": ["User.Read.All"], "scopes": ["User.Read"]},
        hidden=True,
    )
    assert answer["roles"] == ["GroupMember.Read.All", "Member.Read.Hidden"]
    assert "Group.Read.All" in answer["scopes"]
    assert wire.directory.member_read_hidden
    assert wire.get("/users").status_code == 200
    wire.token = wire.sign_in().json()["access_token"]
    assert wire.get("/users").status_code == 403
    assert control(wire, "POST", "permissions", {"client_id": "nobody"})[0] == 400


def test_apps(wire: Wire) -> None:
    pem = certificate()[1]
    answer = post(
        wire,
        "apps",
        client_id="new",
        secret="s",
        certificates=[pem],
        redirect_uris=["http://localhost/cb"],
        display_name="New",
        roles=["User.Read.All"],
    )
    assert (answer["secrets"], len(answer["certificates"])) == (1, 1)
    assert wire.sign_in(client_id="new", client_secret="s").status_code == 200
    assert control(wire, "POST", "apps", {"certificates": ["no pem"]})[0] == 400
    post(wire, "apps", secret="old", secret_expires=1.0)
    assert wire.sign_in(client_secret="old").json()["error_codes"] == [7000222]
    _, state = control(wire, "GET", "state")
    assert [one["client_id"] for one in state["directories"][0]["apps"]][1] == "new"


def test_sign_in(wire: Wire) -> None:
    tokens_for(wire)
    user = wire.directory.add_user(userPrincipalName="a@contoso.com", displayName="A")
    answer = post(
        wire, "sign-in", mfa="required", end_sessions=True, admins=["a@contoso.com"], revoke="*"
    )
    assert answer["mfa"] == "required"
    assert (answer["revoked"], answer["admins"]) == (1, [user])
    assert wire.simulator.session_epoch == 1
    assert post(wire, "sign-in", revoke="a@contoso.com")["revoked"] == 0
    for wrong in ({"mfa": "maybe"}, {"admins": ["nobody"]}, {"tenant": "nobody"}):
        assert control(wire, "POST", "sign-in", wrong)[0] == 400


def test_refresh_tokens_expire(wire: Wire) -> None:
    tokens_for(wire)
    answer = post(wire, "expire-tokens", refresh=True)
    assert (answer["refresh_revoked"], answer["revoked"]) == (1, 2)


def test_random_faults(wire: Wire) -> None:
    assert post(wire, "faults", random={"seed": 1, "count": 3})["waiting"] == 3
    assert post(wire, "faults", random={"seed": 1, "effects": ["slow"]}, clear=True)["waiting"] == 5
    _, state = control(wire, "GET", "state")
    assert {one["effect"] for one in state["faults"]} == {"slow"}
    for wrong in ({"count": 0, "seed": 1}, {"count": 3}, {"seed": 1, "x": 2}):
        assert control(wire, "POST", "faults", {"random": wrong})[0] == 400


def test_refusals_are_shown(wire: Wire) -> None:
    wire.directory.roles = []
    wire.token = wire.sign_in().json()["access_token"]
    wire.get("/users")
    _, trace = control(wire, "GET", "requests")
    assert trace["refusals"][0]["path"] == "/v1.0/users"
    assert "User.Read.All" in trace["refusals"][0]["wanted"]
