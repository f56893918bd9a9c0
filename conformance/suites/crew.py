"""Several connections that act at the same moment."""

import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from conformance.exchange import Exchange
from conformance.replay.values import ALIASES
from conformance.server import Server
from conformance.wire import Wire

Task = tuple[str, str, Any, Mapping[str, str]]
"""Method, path, body and headers."""


@dataclass(frozen=True, slots=True)
class Crew:
    """A server, and connections to it that start together."""

    server: Server
    wires: Sequence[Wire]
    pool: ThreadPoolExecutor
    barrier: threading.Barrier

    def together(self, tasks: Sequence[Sequence[Task]]) -> list[Exchange]:
        """Let each connection carry out its tasks, all of them starting at the same moment."""
        padded = [*tasks, *([] for _ in range(len(self.wires) - len(tasks)))]
        done = self.pool.map(self._work, self.wires, padded)
        return [each for many in done for each in many]

    def _work(self, wire: Wire, tasks: Iterable[Task]) -> list[Exchange]:
        self.barrier.wait(timeout=60)
        return [
            wire.send(method, path, body, headers=headers) for method, path, body, headers in tasks
        ]

    def user_body(self) -> dict[str, Any]:
        """A new user."""
        name = f"{self.server.prefix}-{uuid.uuid4().hex[:12]}@example.com"
        return {"schemas": [ALIASES["USER"]], "userName": name, "active": True}

    def users(self, count: int) -> list[str]:
        """The ids of new users."""
        return [made(self.server.wire(), "/Users", self.user_body())["id"] for _ in range(count)]

    def group(self, members: Iterable[str]) -> str:
        """The path of a new group."""
        body = {
            "schemas": [ALIASES["GROUP"]],
            "displayName": f"{self.server.prefix}-{uuid.uuid4().hex[:12]}",
            "members": [{"value": each} for each in members],
        }
        return f"/Groups/{made(self.server.wire(), '/Groups', body)['id']}"

    def read(self, path: str) -> Exchange:
        """Read a resource.

        Raises:
            LookupError: it cannot be read.
        """
        exchange = self.server.wire().send("GET", path)
        if not isinstance(exchange.json, dict) or not exchange.succeeded:
            raise LookupError(exchange.brief())
        return exchange


def made(wire: Wire, path: str, body: Any) -> dict[str, Any]:
    """Create a resource and return it.

    Raises:
        LookupError: it was not created.
    """
    exchange = wire.send("POST", path, body)
    created = exchange.json
    if exchange.status != 201 or not isinstance(created, dict) or "id" not in created:
        raise LookupError(exchange.brief())
    return created


def patch(
    resource: str,
    op: str,
    path: str,
    value: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Task:
    """A PATCH of one operation."""
    operation = {"op": op, "path": path} | ({} if value is None else {"value": value})
    body = {"schemas": [ALIASES["PATCH"]], "Operations": [operation]}
    return "PATCH", resource, body, headers or {}


def statuses(exchanges: Iterable[Exchange]) -> list[str]:
    """A problem for the writes that did not succeed, none when all of them did."""
    bad = Counter(each.status for each in exchanges if not each.succeeded)
    counted = ", ".join(f"{count} x {status or 'no answer'}" for status, count in bad.items())
    return [f"writes were refused: {counted}"] if bad else []
