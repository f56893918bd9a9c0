"""Shared by the tests of access: a clock to turn, a gateway to call, an issuer that signs."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.access.control import AccessControl, Surroundings
from gateway.access.issuers import NewIssuer
from gateway.wiring import Gateway
from tests.gateway.support import LiveGateway, live_app, live_gateway, settings_for

START = 1_800_000_000
"""When tests begin, in seconds since the epoch."""

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann"}

HTTP = httpx.Client(timeout=30)
"""One client for all tests: it takes longer to make one than to send a hundred requests."""

_numbers = itertools.count()


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def advance(self, seconds: float) -> None:
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds

    @property
    def now(self) -> float:
        return START + self.seconds

    def now_us(self) -> int:
        return int(self.now * 1_000_000)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(self.now_us, self.monotonic)


class World:
    """A serving gateway, its clock, and a name for a workspace that nothing else uses."""

    def __init__(self, live: LiveGateway, clock: Clock) -> None:
        self.live = live
        self.clock = clock
        self.workspace = f"workspace-{next(_numbers)}"

    @property
    def access(self) -> AccessControl:
        return self.live.gateway.access

    def do(self, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a method of the administration, in this world's workspace unless told otherwise."""
        return self.live.do(getattr(self.access.admin, method)(*arguments, **options))

    def token(self, name: str = "Entra", **options: Any) -> str:
        text: str = self.do("create_token", self.workspace, name, **options)[0]
        return text

    def other_process(self) -> AccessControl:
        """What another server process knows, on the same database."""
        gateway = self.live.gateway
        return AccessControl(
            gateway.database, gateway.workspaces, gateway.settings, self.clock.surroundings
        )

    def get(self, token: str, path: str = "/Users") -> httpx.Response:
        return self.call("GET", token, path)

    def post(self, token: str, name: str = "ann") -> httpx.Response:
        return self.call("POST", token, json={**USER, "userName": name})

    def call(self, method: str, token: str, path: str = "/Users", **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return HTTP.request(method, self.live.scim + path, headers=headers, **options)


@contextmanager
def world_on(directory: Path, url: str, **settings: Any) -> Iterator[World]:
    """Serve a gateway whose clock stands still."""
    clock = Clock()

    def app(gateway: Gateway) -> ASGIApp:
        gateway.access = AccessControl(
            gateway.database, gateway.workspaces, gateway.settings, clock.surroundings
        )
        return gateway.app()

    with live_gateway(settings_for(directory, url, **settings), app) as live:
        yield World(live, clock)


def assert_scim_error(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    body = answer.json()
    assert (body["schemas"], body["status"]) == ([ERROR], str(status))
    return str(body["detail"])


def assert_unknown(answer: httpx.Response) -> None:
    """It is refused like a token that never was."""
    assert_scim_error(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="ezto", error="invalid_token"'


# -- an issuer -----------------------------------------------------------------------------

RSA_KEYS = [rsa.generate_private_key(65_537, 2_048) for _ in range(2)]
EC_KEY = ec.generate_private_key(ec.SECP256R1())

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def jwk(key: PrivateKey, kid: str | None, **more: Any) -> dict[str, Any]:
    """The public half of a key as a JWK."""
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else None
    maker = algorithm or jwt.algorithms.ECAlgorithm
    named = {} if kid is None else {"kid": kid}
    return {**maker.to_jwk(key.public_key(), as_dict=True), "use": "sig", **named, **more}


class Issuer:
    """A server of keys on loopback, and what signs with them."""

    def __init__(self, clock: Clock, url: str) -> None:
        self.clock = clock
        self.url = url
        self.keys = [jwk(RSA_KEYS[0], "one"), jwk(EC_KEY, "curve")]
        self.asked = 0
        self.answer: Callable[[], Response] | None = None

    @property
    def issuer(self) -> str:
        return f"{self.url}/issuer"

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/keys"

    def serve(self) -> Response:
        self.asked += 1
        if self.answer is not None:
            return self.answer()
        return Response(json.dumps({"keys": self.keys}), media_type="application/json")

    def binding(self, audience: str = "ezto", **changed: Any) -> NewIssuer:
        values: dict[str, Any] = {
            "issuer": self.issuer,
            "audience": audience,
            "jwks_url": self.jwks_url,
            "algorithms": ("RS256", "ES256"),
            **changed,
        }
        return NewIssuer(**values)

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(self.clock.now)
        values = {
            "iss": self.issuer,
            "aud": "ezto",
            "sub": "program",
            "iat": now,
            "nbf": now,
            "exp": now + 3_600,
            **changed,
        }
        return {name: value for name, value in values.items() if value is not ...}

    def sign(
        self,
        key: PrivateKey = RSA_KEYS[0],
        kid: str | None = "one",
        header: dict[str, Any] | None = None,
        **changed: Any,
    ) -> str:
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        headers = {**({} if kid is None else {"kid": kid}), **(header or {})}
        return jwt.encode(self.claims(**changed), key, algorithm, headers)


class KeyServer:
    """One server for the issuers of all tests, each below a path of its own."""

    def __init__(self, url: str, issuers: dict[str, Issuer]) -> None:
        self._url = url
        self._issuers = issuers

    def issuer(self, clock: Clock) -> Issuer:
        name = f"issuer-{next(_numbers)}"
        self._issuers[name] = Issuer(clock, f"{self._url}/{name}")
        return self._issuers[name]


@contextmanager
def serving_keys() -> Iterator[KeyServer]:
    issuers: dict[str, Issuer] = {}

    async def keys(request: Request) -> Response:
        return issuers[request.path_params["name"]].serve()

    routes = [Route("/{name}/keys", keys), Route("/{name}/elsewhere", keys)]
    with live_app(Starlette(routes=routes)) as url:
        yield KeyServer(url, issuers)


def raw_jwt(
    header: dict[str, Any] | bytes, payload: dict[str, Any] | bytes, signature: bytes
) -> str:
    """A JWT of parts that no library would put together."""
    parts = (
        part if isinstance(part, bytes) else json.dumps(part).encode()
        for part in (header, payload, signature)
    )
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
