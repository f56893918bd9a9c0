"""An administrator signs in with a real browser: ``connection login`` on one side, pages beyond."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page
from starlette.applications import Starlette

from azure_adapter.simulator import Directory, Simulator, create_app
from gateway.cli import login
from tests.browser import NARROW, WIDE, View, needs_browser, only_view
from tests.gateway.support import live_app
from tests.signin.commands import created, free_port, status_of
from tests.signin.conftest import Cli

pytestmark = needs_browser


@pytest.fixture
def fabrikam(directory: Directory) -> Directory:
    """Another directory at the same identity platform, with the same app."""
    return Directory(
        "22222222-0000-4000-8000-000000000002",
        domain="fabrikam.onmicrosoft.com",
        display_name="Fabrikam",
        app=directory.installation.app,
    )


@pytest.fixture
def platform(directory: Directory, fabrikam: Directory) -> Iterator[tuple[str, Simulator]]:
    directory.scopes = ["User.Read"]
    app: Starlette = create_app([directory, fabrikam])
    with live_app(app) as url:
        yield url, app.state.simulator


@dataclass
class Ran:
    """What a command did while a person used the browser."""

    status: int = -1
    said: str = ""
    told: list[str] = field(default_factory=list)


@contextmanager
def running(cli: Cli, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Iterator[Ran]:
    """Run a command beside the browser; yields when it has told the page to open."""
    told: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(login, "tell", told.put)
    ran = Ran()

    def work() -> None:
        ran.status, out, err = cli(*arguments, "--port", str(free_port()))
        ran.said = out + err

    command = threading.Thread(target=work)
    command.start()
    while not (ran.told and ran.told[-1].startswith("http")):
        ran.told.append(told.get(timeout=20))
    yield ran
    command.join(timeout=30)
    assert not command.is_alive()


def press(page: Page, *captions: str) -> None:
    for caption in captions:
        page.get_by_role("button", name=caption).first.click()


def heading(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def alert(page: Page) -> str:
    return page.get_by_role("alert").inner_text()


def check_layout(shown: View) -> None:
    assert not shown.overflows
    assert shown.page.title()


@pytest.mark.parametrize(("width", "dark"), [(WIDE, False), (NARROW, True)])
def test_accept(
    cli: Cli,
    platform: tuple[str, Simulator],
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    dark: bool,
) -> None:
    sync_id = created(cli, platform[0])
    with (
        running(cli, monkeypatch, "connection", "login", sync_id) as ran,
        only_view(width=width, dark=dark) as shown,
    ):
        page = shown.page
        page.goto(ran.told[-1])
        assert heading(page) == "Pick an account"
        assert "simulation" in page.locator("body").inner_text().lower()
        check_layout(shown)
        press(page, f"Administrator admin@{directory.domain}")
        assert heading(page) == "Permissions requested"
        for words in ("Read all users' full profiles", "GroupMember.Read.All"):
            assert words in page.locator("main").inner_text()
        check_layout(shown)
        page.get_by_label("Consent on behalf of your organization").check()
        press(page, "Accept")
        assert heading(page) == "You are signed in"
        check_layout(shown)
    assert (ran.status, "Contoso" in ran.said) == (0, True), ran.said
    assert any("User.Read.All, GroupMember.Read.All" in line for line in ran.told)
    assert "pinned" in ran.said
    found = status_of(cli, sync_id, "--check")
    assert (found["state"], found["works"]) == ("ready", True)
    assert found["account"] == f"admin@{directory.domain}"
    assert platform[1].writes == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deny", "did not consent"),
        ("expired", "wants a person to sign in"),
        ("outage", "temporarily_unavailable (AADSTS90033)"),
        ("refuse", "second factor"),
    ],
)
def test_refusals_are_told_on_both_sides(
    cli: Cli,
    platform: tuple[str, Simulator],
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    expected: str,
) -> None:
    sync_id = created(cli, platform[0])
    admin = f"Administrator admin@{directory.domain}"
    with (
        running(cli, monkeypatch, "connection", "login", sync_id) as ran,
        only_view(width=NARROW, javascript=False) as shown,
    ):
        page = shown.page
        directory.mfa = "required" if name == "refuse" else ""
        page.goto(ran.told[-1])
        if name == "deny":
            press(page, admin, "Cancel")
        elif name == "refuse":
            press(page, admin)
            assert heading(page) == "Verify your identity"
            press(page, "I can't do that now")
        else:
            page.get_by_text("Let sign-in fail").click()
            press(page, "The session has expired" if name == "expired" else "Sign-in is overloaded")
        assert heading(page) == "It did not work"
        assert expected in page.locator("main").inner_text()
    assert ran.status == 1
    assert expected in ran.said
    assert "Traceback" not in ran.said
    assert status_of(cli, sync_id)["state"] == "needs_login"


def test_an_account_of_another_directory_is_refused_and_the_right_one_is_not(
    cli: Cli,
    platform: tuple[str, Simulator],
    directory: Directory,
    fabrikam: Directory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sync_id = created(cli, platform[0], "--azure-tenant", directory.tenant_id)
    directory.mfa = "enrolment"
    with (
        running(cli, monkeypatch, "connection", "login", sync_id) as ran,
        only_view(width=NARROW) as shown,
    ):
        page = shown.page
        page.goto(ran.told[-1])
        press(page, f"Administrator admin@{fabrikam.domain}")
        assert "AADSTS50020" in alert(page)
        assert "Contoso" in alert(page)
        check_layout(shown)
        page.get_by_label("User principal name").fill("nobody@contoso.example")
        press(page, "Next")
        assert "AADSTS50034" in alert(page)
        assert page.get_by_label("User principal name").input_value() == "nobody@contoso.example"
        press(page, f"Ordinary User member@{directory.domain}", "Approve")
        assert heading(page) == "Need admin approval"
        check_layout(shown)
        press(page, "Have an admin account?", f"Administrator admin@{directory.domain}")
        assert "enrol" in page.locator("main").inner_text()
        check_layout(shown)
        press(page, "Approve", "Accept")
        assert heading(page) == "You are signed in"
    assert ran.status == 0, ran.said
    assert status_of(cli, sync_id)["azure_tenant"] == directory.tenant_id


@pytest.mark.parametrize("accepts", [True, False])
def test_the_consent_of_an_administrator(
    cli: Cli,
    platform: tuple[str, Simulator],
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    accepts: bool,
) -> None:
    directory.roles = []
    sync_id = created(cli, platform[0])
    with (
        running(cli, monkeypatch, "connection", "consent", sync_id) as ran,
        only_view(width=NARROW, dark=True) as shown,
    ):
        page = shown.page
        page.goto(ran.told[-1])
        press(page, f"Administrator admin@{directory.domain}")
        assert "for all users in your organization" in page.locator("main").inner_text()
        check_layout(shown)
        press(page, "Accept" if accepts else "Cancel")
        assert heading(page) == ("Consent was given" if accepts else "It did not work")
    assert ran.status == (0 if accepts else 1)
    assert (directory.tenant_id in ran.said) is accepts
    assert bool(directory.roles) is accepts
    pinned = status_of(cli, sync_id)["azure_tenant"]
    assert pinned == (directory.tenant_id if accepts else "")


def test_what_may_not_reach_the_app_is_shown_there(
    platform: tuple[str, Simulator], directory: Directory
) -> None:
    with only_view(width=NARROW) as shown:
        shown.page.goto(f"{platform[0]}/{directory.tenant_id}/oauth2/v2.0/authorize?client_id=no")
        assert heading(shown.page).startswith("Sorry")
        assert alert(shown.page).startswith("AADSTS700016")
        check_layout(shown)
