"""The public pages of invitations, over HTTP, as browsers, mail scanners and attackers ask."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.http.assets import asset_url, assets
from gateway.http.origin import is_own_form
from gateway.logs import configure_logging
from scim.ezto import EZTO_USER_URN
from storage.enrollment.invitations import new_link_secret
from tests.enrollment.world import ADDRESS, DAY_US
from tests.gateway.support import LiveGateway, live_gateway, settings_for

OWN = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
"""What a browser sends with the form of a page without referrer."""


@pytest.fixture(autouse=True)
def log() -> io.StringIO:
    """What the process logs in a test, as JSON lines."""
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    return stream


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveGateway]:
    url = request.getfixturevalue(f"{request.param}_url")
    settings = settings_for(
        tmp_path, url, organization="Contoso <Ltd>", sign_in_url="https://auth.example.com/"
    )
    with live_gateway(settings) as each:
        yield each


class Ann:
    """An invited person, and the link of the mail."""

    def __init__(self, live: LiveGateway) -> None:
        self.live = live
        self.scim = live.client()
        body = {"userName": "ann", "emails": [{"value": ADDRESS, "primary": True}]}
        self.id = self.scim.post("/Users", json=body).json()["id"]
        self.link = ""
        self.invite()
        self.http = httpx.Client(base_url=live.url, follow_redirects=False)

    def invite(self) -> None:
        async def invited() -> str:
            gateway = self.live.gateway
            room = await gateway.workspaces.ensure_default()
            invitation = await gateway.enrollment.resend(room.row_id, self.id, "ann@admin")
            return gateway.secrets.decrypt(await gateway.outbox.message(invitation.id))

        self.link = f"/enroll/{self.live.do(invited())}"

    def shown(self) -> Any:
        return self.scim.get(f"/Users/{self.id}").json()[EZTO_USER_URN]

    def patch(self, path: str, value: Any) -> None:
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": path, "value": value}],
        }
        answer = self.scim.patch(f"/Users/{self.id}", json=body)
        assert answer.is_success, answer.text

    def close(self) -> None:
        self.http.close()
        self.scim.close()

    def wait(self, days: int) -> None:
        invitations = self.live.gateway.enrollment.invitations
        clock = invitations.clock
        invitations.clock = lambda: clock() + days * DAY_US


@pytest.fixture
def ann(live: LiveGateway) -> Iterator[Ann]:
    each = Ann(live)
    yield each
    each.close()


def heading(answer: httpx.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found, answer.text
    return found.group(1)


def form_of(answer: httpx.Response) -> str:
    found = re.search(r'<form method="post" action="([^"]+)">', answer.text)
    assert found, answer.text
    return found.group(1)


def test_from_the_mail_to_scim(ann: Ann) -> None:
    assert ann.shown() == {**ann.shown(), "emailVerified": False, "inviteStatus": "sent"}
    page = ann.http.get(ann.link)
    assert (page.status_code, heading(page)) == (200, "Verify your e-mail address")
    assert "Contoso &lt;Ltd&gt; invites you" in page.text
    assert ADDRESS in page.text
    done = ann.http.post(form_of(page), headers=OWN)
    assert (done.status_code, heading(done)) == (200, "Your e-mail address is verified")
    assert 'href="https://auth.example.com"' in done.text
    assert ann.shown() == {**ann.shown(), "emailVerified": True, "inviteStatus": "accepted"}


def test_scanners_that_follow_links_use_nothing_up(ann: Ann) -> None:
    for method in ("GET", "HEAD", "GET"):
        assert ann.http.request(method, ann.link).status_code == 200
    assert ann.http.request("PUT", ann.link).status_code == 405
    assert ann.shown()["emailVerified"] is False
    assert ann.http.post(ann.link, headers=OWN).status_code == 200


def test_a_link_works_once(ann: Ann) -> None:
    ann.http.post(ann.link, headers=OWN)
    for method in ("POST", "GET"):
        again = ann.http.request(method, ann.link, headers=OWN)
        assert (again.status_code, heading(again)) == (200, "This link was used already")
        assert "<form" not in again.text


def test_two_posts_at_once_verify_once(ann: Ann) -> None:
    def press(_: int) -> str:
        return heading(httpx.post(f"{ann.live.url}{ann.link}", headers=OWN))

    with ThreadPoolExecutor(6) as pool:
        pages = sorted(pool.map(press, range(6)))
    assert pages == ["This link was used already"] * 5 + ["Your e-mail address is verified"]
    assert ann.scim.get(f"/Users/{ann.id}").json()["meta"]["version"] == 'W/"3"'


def test_a_void_link_says_what_to_do(ann: Ann) -> None:
    ann.patch('emails[value eq "ann@example.com"].value', "new@example.com")
    answer = ann.http.post(ann.link, headers=OWN)
    assert (answer.status_code, heading(answer)) == (410, "This link is no longer good")
    assert "Your e-mail address was changed" in answer.text
    assert ann.shown()["emailVerified"] is False
    old = ann.link
    ann.invite()
    ann.patch("active", False)
    answer = ann.http.get(ann.link)
    assert (answer.status_code, "account was disabled" in answer.text) == (410, True)
    assert ann.http.get(old).status_code == 410
    assert ann.scim.delete(f"/Users/{ann.id}").status_code == 204
    assert ann.http.post(ann.link, headers=OWN).status_code == 410


def test_an_expired_link_offers_a_new_one(ann: Ann) -> None:
    ann.wait(7)
    page = ann.http.post(ann.link, headers=OWN)
    assert (page.status_code, heading(page)) == (410, "This link has expired")
    assert ann.shown()["emailVerified"] is False
    renewed = ann.http.post(form_of(page), headers=OWN)
    assert (renewed.status_code, heading(renewed)) == (200, "A new link is on its way")
    again = ann.http.post(form_of(page), headers=OWN)
    assert (again.status_code, heading(again)) == (409, "No new link was sent")
    assert "<form" not in ann.http.get(ann.link).text


@pytest.mark.parametrize(
    "path", ["/enroll/x", "/enroll/%00", "/enroll/%3Cscript%3E", "/enroll/é", "/enroll/..%2Fx"]
)
def test_what_is_no_link_is_a_page_all_the_same(live: LiveGateway, path: str) -> None:
    for method, where in (("GET", path), ("POST", path), ("POST", f"{path}/renew")):
        answer = httpx.request(method, f"{live.url}{where}", headers=OWN)
        assert answer.status_code == 404
        assert "<script>" not in answer.text
        if answer.headers["content-type"].startswith("text/html"):
            assert heading(answer) == "This link is not known"


def test_every_page_is_locked_down(ann: Ann) -> None:
    pages = [
        ann.http.get(ann.link),
        ann.http.post(ann.link, headers=OWN),
        ann.http.get(ann.link),
        ann.http.get("/enroll/nothing"),
        ann.http.post(ann.link, headers={"Sec-Fetch-Site": "cross-site"}),
    ]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "noindex" in page.headers["x-robots-tag"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page.text)
        assert "set-cookie" not in page.headers
        assert '<html lang="en">' in page.text
        assert 'name="viewport"' in page.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_of_a_foreign_page_does_nothing(ann: Ann, headers: dict[str, str]) -> None:
    answer = ann.http.post(ann.link, headers=headers)
    assert (answer.status_code, ann.link in answer.text) == (403, True)
    assert ann.shown()["emailVerified"] is False


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, True),
        ({"origin": "https://idm.example.com"}, True),
        ({"origin": "https://idm.example.com:444"}, False),
        ({"origin": "http://idm.example.com"}, False),
        ({"origin": "null"}, True),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "https://idm.example.com", "sec-fetch-site": "cross-site"}, False),
    ],
)
def test_what_is_an_own_form(headers: dict[str, str], own: bool) -> None:
    assert is_own_form(headers, "https://idm.example.com") is own


def test_guessing_is_slowed_and_a_good_link_is_let_in(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.access.limits.PAUSE_SECONDS", 0.0)
    with live_gateway(settings_for(tmp_path, sqlite_url, failed_tokens_per_minute=3)) as live:
        ann = Ann(live)
        answers = [ann.http.get(f"/enroll/{new_link_secret()}") for _ in range(5)]
        assert [each.status_code for each in answers] == [404, 404, 404, 429, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert heading(answers[-1]) == "Too many requests"
        assert ann.http.post(ann.link, headers=OWN).status_code == 200
        ann.close()


def test_no_line_of_the_log_holds_a_link(ann: Ann, log: io.StringIO) -> None:
    ann.http.get(ann.link)
    ann.http.post(ann.link, headers=OWN)
    ann.http.get(f"{ann.link}/renew")
    ann.http.get("/enroll/without-a-prefix-but-secret")
    text = log.getvalue()
    assert ann.link.rpartition("/")[2] not in text
    assert "without-a-prefix" not in text
    paths = [json.loads(line).get("path", "") for line in text.splitlines()]
    assert "/enroll/***" in paths


def test_a_broken_store_is_a_page_and_uses_nothing_up(
    ann: Ann, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: str) -> None:
        raise RuntimeError("out of order")

    with monkeypatch.context() as patched:
        patched.setattr(ann.live.gateway.enrollment, "accept", broken)
        answer = ann.http.post(ann.link, headers=OWN)
    assert (answer.status_code, heading(answer)) == (500, "Something went wrong")
    assert "out of order" not in answer.text
    assert ann.http.post(ann.link, headers=OWN).status_code == 200


def test_the_stylesheet_is_served_and_kept(live: LiveGateway) -> None:
    url = f"{live.url}{asset_url('enroll.css')}"
    answer = httpx.get(url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert answer.content == assets()["enroll.css"].content
    assert "immutable" in answer.headers["cache-control"]
    assert httpx.get(url, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert "immutable" not in httpx.get(url.partition("?")[0]).headers["cache-control"]
    for other in ("nothing.css", "..%2Fassets.py", "enroll.txt"):
        assert httpx.get(f"{live.url}/static/{other}").status_code == 404


def test_the_stylesheet_knows_dark_and_narrow_screens() -> None:
    text = assets()["enroll.css"].content.decode()
    assert "prefers-color-scheme: dark" in text
    assert "min-width: 3" not in text
    assert "url(" not in text


def test_pages_do_not_block_each_other(live: LiveGateway) -> None:
    async def many() -> set[int]:
        async with httpx.AsyncClient(base_url=live.url) as client:
            answers = await asyncio.gather(*(client.get("/enroll/x") for _ in range(20)))
        return {each.status_code for each in answers}

    assert asyncio.run(many()) == {404}
