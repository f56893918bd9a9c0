"""Bulk requests: packing operations, and telling whose answer is whose (RFC 7644 §3.7).

Bulk only saves round trips. What it leaves open (a lost answer, one that is missing, a server that
is too busy) is done with single requests afterwards, which every operation bears.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from azure_adapter.remote.answers import Answer, Hide, described
from azure_adapter.remote.connection import Asked, Connection
from azure_adapter.remote.discovery import Capabilities
from azure_adapter.remote.errors import RemoteTargetError

log = logging.getLogger(__name__)

SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

ENVELOPE: Final = 200
"""Bytes of a Bulk request beside its operations, with room to spare."""

REFUSALS: Final = 2
"""After so many Bulk requests that were refused as a whole, no other is sent."""

FEWEST: Final = 2
"""A single operation is no Bulk request."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation of a Bulk request.

    Attributes:
        key: whose it is; its ``bulkId``, if it creates something.
        method: HTTP method.
        path: below the SCIM root, percent-encoded.
        data: JSON body, or ``None``.
    """

    key: str
    method: str
    path: str
    data: Any = None

    def wire(self) -> dict[str, Any]:
        """Return it as it is sent."""
        bulk_id = {"bulkId": self.key} if self.method == "POST" else {}
        data = {} if self.data is None else {"data": self.data}
        return {"method": self.method, "path": self.path, **bulk_id, **data}

    def fits(self, result: Mapping[str, Any]) -> bool:
        """Tell whether a result can be its own."""
        method, location = result.get("method"), result.get("location")
        if isinstance(method, str) and method.upper() != self.method:
            return False
        if self.method == "POST":
            return result.get("bulkId") == self.key
        return not isinstance(location, str) or location.rstrip("/").endswith(self.path)


Answers = dict[int, Answer]
"""Answers by the position of their entry; an entry without one has to be done singly."""


class Bulk:
    """Sends Bulk requests to one remote SCIM server.

    Args:
        connection: sends them.
        capabilities: what the server offers.
        hide: takes secrets out of what the server says.
        wanted: False never uses Bulk.
    """

    def __init__(
        self, connection: Connection, capabilities: Capabilities, hide: Hide, *, wanted: bool
    ) -> None:
        self._connection = connection
        self._hide = hide
        self._operations = capabilities.bulk_operations
        self._payload = capabilities.payload
        self._refusals = 0 if wanted and capabilities.bulk else REFUSALS

    @property
    def offered(self) -> bool:
        """Whether it makes sense to send one."""
        return self._refusals < REFUSALS

    async def send(self, entries: Sequence[Entry]) -> Answers:
        """Send entries in their order, in as many requests as it takes.

        Returns:
            The answers that are known, by position.

        Raises:
            RemoteTargetError: no request could succeed now, and none has.
        """
        answers: Answers = {}
        waiting = list(range(len(entries)))
        while waiting and self.offered:
            pack = next(self._packs(entries, waiting), [])
            if len(pack) < FEWEST:
                waiting = waiting[max(len(pack), 1) :]
                continue
            try:
                answer = await self._sent([entries[at] for at in pack])
            except RemoteTargetError:
                if not answers:
                    raise
                break
            if answer.status == 413 and len(pack) > FEWEST:
                self._operations = len(pack) // 2
                continue
            waiting = waiting[len(pack) :]
            self._judge(answer, len(pack))
            if answer.ok and answer.body is not None:
                found = assigned([entries[at] for at in pack], answer.body, self._hide)
                answers |= {pack[at]: each for at, each in found.items()}
        return answers

    async def _sent(self, entries: Sequence[Entry]) -> Answer:
        body = {"schemas": [SCHEMA], "Operations": [each.wire() for each in entries]}
        return await self._connection.ask(
            Asked("POST", "/Bulk", body=body, shows=True, repeatable=False)
        )

    def _packs(self, entries: Sequence[Entry], waiting: Sequence[int]) -> Iterator[list[int]]:
        """Yield the positions that go into one request each."""
        pack: list[int] = []
        size = ENVELOPE
        for at in waiting:
            cost = len(orjson.dumps(entries[at].wire())) + 1
            if pack and (len(pack) >= self._operations or size + cost > self._payload):
                yield pack
                pack, size = [], ENVELOPE
            pack.append(at)
            size += cost
        if pack:
            yield pack

    def _judge(self, answer: Answer, size: int) -> None:
        """Learn from an answer whether Bulk, and how large a one, is worth another try."""
        if answer.ok:
            self._refusals = 0
            return
        self._operations = max(size // 2, FEWEST)
        self._refusals += REFUSALS if answer.status in (403, 404, 405, 501) else 1
        log.warning(
            "A Bulk request of %d operations failed and is done one by one. %s",
            size,
            answer.detail,
        )


def assigned(entries: Sequence[Entry], body: Mapping[str, Any], hide: Hide) -> Answers:
    """Return whose answer is whose, as far as that is certain.

    Args:
        entries: as they were sent.
        body: the answer, of whatever form.
        hide: takes secrets out of it.
    """
    listed = body.get("Operations")
    several = listed if isinstance(listed, list) else []
    results = [each for each in several if isinstance(each, Mapping)]
    in_order = len(results) == len(entries) and all(
        entry.fits(result) for entry, result in zip(entries, results, strict=True)
    )
    pairs = enumerate(results) if in_order else _named(entries, results)
    answers = {at: _answer(result, hide) for at, result in pairs}
    return {at: each for at, each in answers.items() if each is not None}


def _named(
    entries: Sequence[Entry], results: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield (position, result) of results that name their operation, and no other fits."""
    for at, entry in enumerate(entries):
        own = [each for each in results if _names(entry, each)]
        alone = sum(other.path == entry.path for other in entries) == 1
        if len(own) == 1 and (alone or entry.method == "POST"):
            yield at, own[0]


def _names(entry: Entry, result: Mapping[str, Any]) -> bool:
    told = entry.method == "POST" or isinstance(result.get("location"), str)
    return told and entry.fits(result)


def _answer(result: Mapping[str, Any], hide: Hide) -> Answer | None:
    """Read one result; ``None`` when it has no status."""
    status = _status(result.get("status"))
    if status is None:
        return None
    response, location = result.get("response"), result.get("location")
    body = response if isinstance(response, Mapping) else None
    code, detail = ("", "") if 200 <= status < 300 else described(status, body, hide)
    where = location if isinstance(location, str) else ""
    return Answer(status, body, where, code=code, detail=detail)


def _status(value: Any) -> int | None:
    """Read a status: a string as in RFC 7644 §3.7.3, a number, or the object of drafts."""
    if isinstance(value, Mapping):
        value = value.get("code")
    text = str(value)
    return int(text) if len(text) == 3 and text.isdecimal() and text.isascii() else None
