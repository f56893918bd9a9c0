"""What the kit has created on a server, so that it can be taken away again."""

import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from conformance.exchange import Exchange

Delete = Callable[[str], Exchange]
"""Deletes the resource at a path, with the token that created it."""


class Ledger:
    """The resources that the kit created and has not deleted yet; threads may share it."""

    def __init__(self) -> None:
        self._made: dict[str, Delete] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return len(self._made)

    def observe(self, path: str, exchange: Exchange, delete: Delete) -> None:
        """Note what an exchange created or deleted.

        Args:
            path: the request's path, relative to the server's base address.
            exchange: what happened.
            delete: how to delete what it created.
        """
        bare = urlsplit(path).path.rstrip("/")
        if exchange.method == "DELETE" and exchange.status in (204, 404):
            with self._lock:
                self._made.pop(bare, None)
        elif exchange.method == "POST" and exchange.succeeded:
            created = _bulk(exchange) if bare == "/Bulk" else _created(bare, exchange)
            with self._lock:
                self._made.update(dict.fromkeys(created, delete))

    def clean(self) -> list[str]:
        """Delete everything, newest first, and return what could not be deleted."""
        left = []
        while (newest := self._newest()) is not None:
            path, delete = newest
            if delete(path).status not in (200, 202, 204, 404, 410):
                left.append(path)
            with self._lock:
                self._made.pop(path, None)
        return left

    def _newest(self) -> tuple[str, Delete] | None:
        with self._lock:
            return next(reversed(self._made.items()), None)


def _created(collection: str, exchange: Exchange) -> list[str]:
    if exchange.status != 201:
        return []
    body = exchange.json
    if isinstance(body, dict) and isinstance(body.get("id"), str):
        return [f"{collection}/{body['id']}"]
    location = exchange.headers.get("location", "").rstrip("/")
    return [f"{collection}/{location.rsplit('/', 1)[-1]}"] if location else []


def _bulk(exchange: Exchange) -> list[str]:
    body = exchange.json
    operations = body.get("Operations") if isinstance(body, dict) else None
    made = [
        each["location"]
        for each in operations or []
        if isinstance(each, dict) and str(each.get("status")) == "201" and each.get("location")
    ]
    return ["/" + "/".join(str(each).rstrip("/").rsplit("/", 2)[-2:]) for each in made]
