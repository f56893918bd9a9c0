"""Answers at once over real connections: the same as those that go through the framework."""

import contextlib
import json
import socket
from collections.abc import Iterator
from io import StringIO
from urllib.parse import urlsplit

import pytest

from gateway.http.front import FrontDoor
from tests.gateway.support import LiveGateway

USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann"}

Answer = tuple[int, dict[str, str], bytes]


class Wire:
    """One connection, spoken to by hand."""

    def __init__(self, live: LiveGateway, token: str) -> None:
        parts = urlsplit(live.url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
        self.file = self.socket.makefile("rb")
        self.token = token

    def head(self, path: str, *lines: str, method: str = "GET") -> bytes:
        fixed = (
            f"{method} {path} HTTP/1.1",
            "Host: gateway",
            f"Authorization: Bearer {self.token}",
        )
        return ("\r\n".join([*fixed, *lines]) + "\r\n\r\n").encode()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Answer:
        status = int(self.file.readline().split()[1])
        headers = {}
        while (line := self.file.readline().rstrip()) != b"":
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def ask(self, path: str, *lines: str, method: str = "GET") -> Answer:
        self.send(self.head(path, *lines, method=method))
        return self.answer()


@pytest.fixture
def wire(live: LiveGateway) -> Iterator[Wire]:
    """A connection whose token has been seen, so that reads can be answered at once."""
    connection = Wire(live, live.token())
    with contextlib.closing(connection.socket), contextlib.closing(connection.file):
        assert connection.ask("/scim/v2/Users")[0] == 200
        yield connection


@pytest.fixture
def ann(live: LiveGateway) -> str:
    """The path of a user."""
    with live.client() as client:
        return f"/scim/v2/Users/{client.post('/Users', json=USER).json()['id']}"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were answered at once."""
    taken: list[str] = []
    original = FrontDoor.at_once

    def counted(self: FrontDoor, scope: dict[str, object]) -> bytes | None:
        answer = original(self, scope)  # type: ignore[arg-type]
        if answer is not None:
            taken.append(str(scope["path"]))
        return answer

    monkeypatch.setattr(FrontDoor, "at_once", counted)
    return taken


def test_reads_are_answered_at_once_and_like_the_others(
    at_once: list[str], wire: Wire, ann: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [ann, "/scim/v2/Users?filter=userName%20eq%20%22ann%22", "/scim/v2/Users?count=1"]
    first = [wire.ask(path) for path in paths]
    assert at_once[-3:] == [path.partition("?")[0] for path in paths]
    monkeypatch.setattr(FrontDoor, "at_once", lambda *_: None)
    second = [wire.ask(path) for path in paths]
    for (_, _, body), (_, _, other) in zip(first, second, strict=True):
        assert json.loads(body) == json.loads(other)
    for (status, headers, _), (other_status, others, _) in zip(first, second, strict=True):
        assert status == other_status == 200
        assert headers.pop("x-request-id") != others.pop("x-request-id")
        assert headers == others


def test_what_the_client_has_already_is_304(at_once: list[str], wire: Wire, ann: str) -> None:
    tag = wire.ask(ann)[1]["etag"]
    status, headers, body = wire.ask(ann, f"If-None-Match: {tag}")
    assert (status, headers["etag"], body) == (304, tag, b"")
    assert at_once == [ann, ann]


def test_the_body_of_a_get_is_ignored(at_once: list[str], wire: Wire, ann: str) -> None:
    wire.send(wire.head(ann, "Content-Length: 5") + b"hello")
    assert wire.answer()[0] == 200
    assert wire.ask(ann)[0] == 200
    assert at_once == [ann, ann]


def test_requests_that_follow_each_other_closely_keep_their_order(wire: Wire, ann: str) -> None:
    body = json.dumps({**USER, "userName": "bob"}).encode()
    post = wire.head(
        "/scim/v2/Users",
        "Content-Type: application/scim+json",
        f"Content-Length: {len(body)}",
        method="POST",
    )
    wire.send(wire.head(ann) + post + body + wire.head("/scim/v2/Users?count=0") + wire.head(ann))
    answers = [wire.answer() for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 201, 200, 200]
    assert json.loads(answers[1][2])["userName"] == "bob"
    assert json.loads(answers[2][2])["totalResults"] == 2
    assert json.loads(answers[3][2])["userName"] == "ann"


def test_a_connection_that_shall_close_closes(wire: Wire, ann: str) -> None:
    assert wire.ask(ann, "Connection: close")[0] == 200
    assert wire.file.read() == b""


def test_an_unknown_user_and_a_bad_filter_are_told_by_the_engine(
    at_once: list[str], wire: Wire
) -> None:
    assert wire.ask("/scim/v2/Users/nobody")[0] == 404
    assert wire.ask("/scim/v2/Users?filter=userName%20eq")[0] == 400
    assert at_once == []


def test_a_revoked_token_is_refused(live: LiveGateway, wire: Wire, ann: str) -> None:
    assert wire.ask(ann)[0] == 200
    for token in live.do(live.gateway.clients.list(1)):
        live.do(live.gateway.clients.revoke(1, token.id))
    assert wire.ask(ann)[0] == 401


def test_each_request_is_logged_once(log: StringIO, wire: Wire, ann: str) -> None:
    request_id = wire.ask(ann)[1]["x-request-id"]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [each for each in lines if each.get("request_id") == request_id]
    assert (line["event"], line["path"], line["status"]) == ("request", ann, 200)
