"""The server under test: its address, its tokens, what it announces, and how it is left clean."""

import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from conformance.exchange import Exchange
from conformance.ledger import Ledger
from conformance.wire import Wire

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_SWITCHES = ("patch", "bulk", "filter", "sort", "etag", "changePassword")


class Refused(Exception):
    """The kit does not touch this server."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a server announces; what it does not say counts as there."""

    switches: Mapping[str, bool] = field(default_factory=dict)
    cursor: bool = False
    resource_types: frozenset[str] | None = None
    enterprise: bool = True

    def lacks(self, need: str) -> str:
        """Why a need is not met, empty when it is met."""
        if need in ("User", "Group"):
            known = self.resource_types
            return "" if known is None or need in known else f"the server has no {need} resources"
        if need == "cursor":
            return "" if self.cursor else "the server announces no cursor pagination"
        if need == "enterprise":
            return "" if self.enterprise else "the server has no enterprise extension"
        if self.switches.get(need, True):
            return ""
        return f"the server announces {need}.supported = false"


class Server:
    """A SCIM server, reached by a URL and tokens.

    Args:
        url: the base address of its SCIM endpoints.
        token: the bearer token, ``None`` for a server that needs none.
        profiles: further tokens, of clients that have another profile, by its name.
    """

    def __init__(
        self, url: str, token: str | None, profiles: Mapping[str, str] | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.prefix = f"ezconf-{secrets.token_hex(4)}"
        self.ledger = Ledger()
        self._tokens: dict[str, str | None] = {"": token, **(profiles or {})}
        self._tls = _tls()
        self.left: list[str] = []
        self._holds_data = False
        self._wires: dict[str, Wire] = {}
        self._opened: list[Wire] = []

    def wire(self, profile: str = "") -> Wire:
        """The connection with the token of a profile, or else with the usual token."""
        key = profile if profile in self._tokens else ""
        if key not in self._wires:
            self._wires[key] = self.open(key)
        return self._wires[key]

    def open(self, profile: str = "") -> Wire:
        """One more connection for the same client."""
        wire = Wire(self.url, self._tokens[profile], self.ledger, self._tls)
        self._opened.append(wire)
        return wire

    def close(self) -> None:
        """Close every connection."""
        for each in self._opened:
            each.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @cached_property
    def features(self) -> Features:
        """What the server announces on its discovery endpoints."""
        config = _object(self.wire().send("GET", "/ServiceProviderConfig"))
        types = _object(self.wire().send("GET", "/ResourceTypes")).get("Resources")
        listed = [each for each in types or [] if isinstance(each, dict)]
        return Features(
            switches={each: _supported(config.get(each)) for each in _SWITCHES},
            cursor=_object_of(config.get("pagination")).get("cursor") is True,
            resource_types=frozenset(str(each.get("name")) for each in listed) or None,
            enterprise=not listed or ENTERPRISE in str(listed),
        )

    def lacks(self, need: str) -> str:
        """Why a need of a check is not met, empty when it is met."""
        if need == "empty":
            return "the server holds data, which this check might harm" if self._holds_data else ""
        return self.features.lacks(need)

    def admit(self, *, allow_existing: bool) -> None:
        """Refuse a server that cannot be reached, or that holds data.

        Raises:
            Refused: it cannot be tested, or must not be.
        """
        for path in ("/Users", "/Groups"):
            answer = self.wire().send("GET", f"{path}?startIndex=1&count=1")
            if answer.failure:
                raise Refused(f"{self.url} cannot be reached: {answer.failure}")
            if answer.status in (401, 403):
                raise Refused(f"{self.url} answers {answer.status}: is the token right?")
            total = _object(answer).get("totalResults")
            if total is None and path == "/Users":
                raise Refused(f"{self.url}{path} answers {answer.status} and no SCIM list")
            self._holds_data = self._holds_data or bool(total)
            if total and not allow_existing:
                raise Refused(
                    f"{self.url} holds data ({total} in {path}). Use an empty server, or "
                    "--allow-existing: then nothing is touched that the kit did not make."
                )

    def clean(self) -> None:
        """Delete what the kit made; what cannot be deleted is added to what is left."""
        self.left += self.ledger.clean()

    def sweep(self) -> None:
        """Delete what bears the kit's prefix and is not in the ledger, after an interruption."""
        ours = []
        for path, name in (("/Groups", "displayName"), ("/Users", "userName")):
            query = f'{path}?filter={name} sw "{self.prefix}"&count=1000'
            found = _object(self.wire().send("GET", query)).get("Resources") or []
            ours += [f"{path}/{each['id']}" for each in found if self._ours(each, name)]
        self.left += [x for x in ours if self.wire().delete(x).status not in (200, 204, 404)]

    def _ours(self, resource: Any, name: str) -> bool:
        return str(_object_of(resource).get(name, "")).startswith(self.prefix)


@cache
def _tls() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes long."""
    return ssl.create_default_context()


def _object(exchange: Exchange) -> dict[str, Any]:
    return _object_of(exchange.json) if exchange.succeeded else {}


def _object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _supported(feature: Any) -> bool:
    return _object_of(feature).get("supported") is not False
