"""Credentials: how tokens are got and renewed, and that no secret is ever told."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from azure_adapter.remote import (
    BearerToken,
    ClientAuthentication,
    OAuthClient,
    RemoteCredentialRefused,
    RemoteSettings,
    RemoteTargetError,
    RemoteUnavailable,
)
from scim.provisioning.records import UniqueField
from tests.gateway.support import live_app, live_gateway, settings_for
from tests.remote.crooked import Crooked, Cut, Reply, error, on, times
from tests.remote.support import (
    TOKEN,
    Sleeps,
    create_user,
    delete,
    members,
    patch,
    peer_app,
    quick,
    use,
)

SECRET = "s3cret/with+odd=chars%"


@dataclass
class Issuer:
    """A token endpoint, and the server that its tokens open."""

    expires_in: Any = 3600
    answers: list[Response] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    good: set[str] = field(default_factory=set)

    async def token(self, request: Request) -> Response:
        form = {name: value[0] for name, value in parse_qs((await request.body()).decode()).items()}
        header = request.headers.get("authorization", "")
        if header:
            pair = base64.b64decode(header.removeprefix("Basic ")).decode().split(":")
            form["basic"] = " ".join(unquote_plus(each) for each in pair)
        self.asked.append(form)
        if self.answers:
            return self.answers.pop(0)
        token = f"issued-{len(self.asked)}"
        self.good.add(token)
        return JSONResponse({"access_token": token, "expires_in": self.expires_in})

    def app(self) -> Starlette:
        inner = peer_app()

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            headers = [
                (name, value) for name, value in scope["headers"] if name != b"authorization"
            ]
            token = (
                dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
            )
            mine = TOKEN if token in self.good else "bad"
            headers.append((b"authorization", f"Bearer {mine}".encode()))
            await inner({**scope, "headers": headers}, receive, send)

        routes = [Route("/token", self.token, methods=["POST"]), Mount("/scim", guarded)]
        return Starlette(routes=routes)


@pytest.fixture
def issuer() -> Iterator[tuple[Issuer, RemoteSettings]]:
    each = Issuer()
    with live_app(each.app()) as url:
        client = OAuthClient(f"{url}/token", "ezto client", SECRET, "scim write", "https://api")
        yield each, RemoteSettings(f"{url}/scim/v2", client)


@pytest.mark.parametrize("how", list(ClientAuthentication))
def test_a_client_gets_its_token_and_keeps_it(
    issuer: tuple[Issuer, RemoteSettings], how: ClientAuthentication
) -> None:
    server, settings = issuer
    client = settings.credential
    assert isinstance(client, OAuthClient)

    async def work(target: Any) -> None:
        await target.check()
        assert (await target.apply([create_user("s1", "ann@x.com")]))[0].status == 201

    use(replace(settings, credential=replace(client, authentication=how)), work)
    grant = {"grant_type": "client_credentials", "scope": "scim write", "audience": "https://api"}
    proof = {"basic": f"ezto client {SECRET}"}
    if how is ClientAuthentication.post:
        proof = {"client_id": "ezto client", "client_secret": SECRET}
    assert server.asked == [{**grant, **proof}]


def test_a_token_is_renewed_before_it_ends_and_once_when_it_is_refused(
    issuer: tuple[Issuer, RemoteSettings],
) -> None:
    server, settings = issuer
    sleeps = Sleeps()

    async def work(target: Any) -> None:
        await target.check()
        await sleeps(3600 - 30)
        await target.check()
        assert len(server.asked) == 2
        server.good.clear()
        done = await target.apply([create_user(f"s{n}", f"u{n}@x.com") for n in range(4)])
        assert {each.status for each in done} == {201}
        assert len(server.asked) == 3

    use(replace(settings, bulk=False), work, pace=quick(sleeps))


def test_a_token_that_stays_refused_ends_it(issuer: tuple[Issuer, RemoteSettings]) -> None:
    server, settings = issuer
    server.answers = [JSONResponse({"access_token": f"t{n}"}) for n in range(9)]

    async def work(target: Any) -> None:
        with pytest.raises(RemoteCredentialRefused):
            await target.read(["1"])
        assert len(server.asked) == 2

    use(settings, work)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (JSONResponse({"error": "invalid_client"}, 401), "invalid_client"),
        (
            JSONResponse({"error": "invalid_scope", "error_description": SECRET}, 400),
            "invalid_scope",
        ),
        (Response("<html>", 404), "HTTP 404"),
        (JSONResponse({"error": SECRET}, 403), "HTTP 403"),
        (JSONResponse({"token": "x"}), "an answer without access_token"),
        (JSONResponse({"access_token": "two words"}), "an answer without access_token"),
    ],
)
def test_what_the_token_endpoint_refuses_is_told(
    issuer: tuple[Issuer, RemoteSettings], answer: Response, word: str
) -> None:
    server, settings = issuer
    server.answers = [answer]

    async def work(target: Any) -> None:
        with pytest.raises(RemoteCredentialRefused) as caught:
            await target.check()
        assert word in caught.value.message
        assert caught.value.code == "client_refused"
        assert SECRET not in f"{caught.value.message} {caught.value.advice}"

    use(settings, work)


def test_a_token_endpoint_that_is_busy_is_asked_again(
    issuer: tuple[Issuer, RemoteSettings],
) -> None:
    server, settings = issuer
    sleeps = Sleeps()
    server.answers = [
        Response("", 503, {"retry-after": "9"}),
        Response("no json", 200),
        Response(b"x" * 100_000, 200),
    ]

    async def work(target: Any) -> None:
        await target.check()
        assert sleeps.asked[0] == 9

    use(settings, work, pace=quick(sleeps))
    server.answers = [Response("", 500)] * 50

    async def never(target: Any) -> None:
        with pytest.raises(RemoteUnavailable) as caught:
            await target.check()
        assert caught.value.code == "token_endpoint"

    use(settings, never)


def test_the_gateway_s_own_token_endpoint_will_do(sqlite_url: str, tmp_path: Path) -> None:
    with live_gateway(settings_for(tmp_path, sqlite_url)) as live:
        made = live.do(live.gateway.access.admin.create_client_secret("default", "ezto"))
        client = OAuthClient(f"{live.url}/oauth/token", made.client_id, made.secret, "read write")

        async def work(target: Any) -> None:
            assert (await target.apply([create_user("s1", "ann@x.com")]))[0].status == 201
            found = await target.find(UniqueField.username, ["ann@x.com"])
            assert len(found["ann@x.com"]) == 1

        use(RemoteSettings(live.scim, client), work)


# -- where secrets may go ----------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://scim.example.com/v2", "must be https"),
        ("ftp://scim.example.com/v2", "is not a URL that begins with https://"),
        ("scim.example.com", "is not a URL that begins with https://"),
        ("https://", "is not a URL that begins with https://"),
        ("https://user:pass@scim.example.com", "must have no user, password"),
        ("https://scim.example.com/v2?key=1", "must have no user, password"),
        ("https://scim.example.com:port/", "is not a URL"),
    ],
)
def test_secrets_go_over_https_only(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"base_url {reason}") as caught:
        RemoteSettings(url, BearerToken("t"))
    assert "pass@" not in str(caught.value)
    with pytest.raises(ValueError, match=f"token_url {reason}"):
        OAuthClient(url, "id", "secret")


def test_settings_that_cannot_work_are_refused() -> None:
    for text in ("", "two words", "tab\t", "line\nbreak", "naïve"):
        with pytest.raises(ValueError, match="the token is empty, or has") as caught:
            BearerToken(text)
        assert not text or text not in str(caught.value)
    with pytest.raises(ValueError, match="both needed"):
        OAuthClient("https://x.example/token", "id", "")
    for wrong in ({"concurrency": 0}, {"concurrency": 33}, {"members_per_patch": 1_001}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            RemoteSettings("https://x.example", BearerToken("t"), **wrong)
    good = RemoteSettings(" https://x.example/scim/v2/ ", BearerToken("t"))
    assert good.root == "https://x.example/scim/v2"
    assert RemoteSettings("http://[::1]:8080/scim", BearerToken("t")).root


def test_a_redirection_is_followed_within_the_server_and_never_elsewhere(
    odd: tuple[RemoteSettings, Crooked],
) -> None:
    settings, app = odd
    stolen: list[Any] = []

    async def thief(scope: Any, receive: Any, send: Any) -> None:
        stolen.append(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def work(target: Any) -> None:
        (user,) = await target.apply([create_user("s1", "ann@x.com")])
        path = f"/Users/{user.resource_id}"
        elsewhere = path.replace("Users", "users")

        def moved(status: int, to: str) -> Any:
            return Reply(status, headers={"location": to})

        for status in (301, 302, 307, 308):
            app.rules = [on("GET", elsewhere, moved(status, f"/scim/v2{path}"))]
            reading = target._known.reading
            assert (await reading.resource(elsewhere))["userName"] == "ann@x.com"
        with live_app(thief) as url:
            title = {"op": "replace", "path": "title", "value": "Chief"}
            for to in (url, "//127.0.0.2/x", "https://127.0.0.1/x", "http://[", ""):
                app.rules = [on("PATCH", path, moved(307, to))]
                (refused,) = await target.apply([patch(path, title)])
                assert (refused.status, refused.code) == (307, "redirected")
                assert "base URL" in refused.message
            app.rules = [on("PATCH", path, moved(302, f"/scim/v2{path}"))]
            assert not (await target.apply([patch(path, title)]))[0].ok
            app.rules = [on("GET", path, moved(308, f"/scim/v2{path}"))]
            with pytest.raises(RemoteTargetError):
                await target.read([user.resource_id])
        assert stolen == []

    use(replace(settings, bulk=False), work)


def test_no_secret_is_ever_told(
    odd: tuple[RemoteSettings, Crooked], log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the server repeats of it, in whatever way a request fails."""
    settings, app = odd
    caplog.set_level(logging.DEBUG)
    told: list[str] = [repr(settings), str(settings), repr(settings.credential)]
    echo = f"You sent Authorization: Bearer {TOKEN} (that is {TOKEN}), Basic {'QWxhZGRpbjpvcGVu'}"
    spoilt = [
        error(400, echo, "invalidValue"),
        error(409, echo),
        error(500, echo),
        error(429, echo),
        Reply(400, {"detail": echo, "scimType": TOKEN}),
        Reply(302, headers={"location": f"https://{TOKEN}.example/?t={TOKEN}"}),
        Reply(200, f"<html>{TOKEN}</html>".encode()),
        Cut(),
        Cut(after=True, bytes_first=9),
    ]
    bulk = {
        "Operations": [
            {"method": "POST", "bulkId": "0", "status": "400", "response": {"detail": echo}},
            {},
        ]
    }

    async def work(target: Any) -> None:
        (user,) = await target.apply([create_user("s1", "ann@x.com")])
        user_path = f"/Users/{user.resource_id}"
        operations = [
            create_user("s2", "ben@x.com"),
            patch(user_path, {"op": "remove", "path": "title"}),
            members("g", "add", [user.resource_id]),
            replace(delete("/Users/none"), phase=9),
        ]
        app.rules = [times(1, on("POST", "/Bulk", Reply(200, bulk)))]
        told.extend(map(repr, await target.apply(operations)))
        for answer in spoilt:
            app.rules = [lambda _, answer=answer: answer]
            for call in (
                lambda: target.apply(operations),
                lambda: target.read([user.resource_id]),
                lambda: target.find(UniqueField.email, ["ann@x.com"]),
                lambda: target.members("g"),
            ):
                try:
                    told.append(repr(await call()))
                except RemoteTargetError as failure:
                    told.append(f"{failure!r} {failure.code} {failure.message} {failure.advice}")

    use(settings, work)
    text = "\n".join(
        [
            *told,
            log.getvalue(),
            *(
                each.getMessage()
                for each in caplog.records
                if each.name.startswith("azure_adapter")
            ),
        ]
    )
    assert "Authorization: Bearer ***" in text
    assert TOKEN not in text
    assert "QWxhZGRpbjpvcGVu" not in text
    assert json.dumps(TOKEN)[1:-1] not in text


def test_a_server_that_only_takes_plain_json_gets_it(odd: tuple[RemoteSettings, Crooked]) -> None:
    settings, app = odd

    def plain_only(seen: Any) -> Any:
        scim = "scim+json" in seen.headers.get("content-type", "")
        return error(415, "JSON, please.") if scim else None

    async def work(target: Any) -> None:
        app.rules = [plain_only]
        done = await target.apply([create_user(f"s{n}", f"u{n}@x.com") for n in range(2)])
        assert [each.status for each in done] == [201, 201]

    use(replace(settings, bulk=False, concurrency=1), work)
