"""The suite ``pages``: lists in pages, while nothing changes and while much does."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from conformance import scim_error
from conformance.exchange import Exchange
from conformance.outcome import Check, Outcome
from conformance.replay.values import ALIASES
from conformance.server import Server
from conformance.suites.crew import made
from conformance.wire import Wire

USERS = 23
PAGE = 5
_MANY = 100
"""More pages than any walk needs: a walk that does not end is a failure."""


class _Broken(Exception):
    """A page is not as a page has to be."""


@dataclass(slots=True)
class Shelf:
    """Users of one prefix that are listed while others of that prefix come and go."""

    server: Server
    wire: Wire
    prefix: str
    ids: list[str] = field(default_factory=list)

    def add(self) -> str:
        """Create a user and return its id."""
        name = f"{self.prefix}-{uuid.uuid4().hex[:12]}@example.com"
        body = {"schemas": [ALIASES["USER"]], "userName": name, "active": True}
        return str(made(self.wire, "/Users", body)["id"])

    def page(self, **parameters: Any) -> dict[str, Any]:
        """One page of the list.

        Raises:
            _Broken: it is no list.
        """
        return _listed(self.get(**parameters))

    def get(self, **parameters: Any) -> Exchange:
        """The answer to a request for a page."""
        wanted = {"filter": f'userName sw "{self.prefix}"', **parameters}
        query = "&".join(f"{name}={quote(str(value))}" for name, value in wanted.items())
        return self.wire.send("GET", f"/Users?{query}")

    def walk(self, between: Callable[[], None] = lambda: None, **extra: Any) -> list[str]:
        """The ids on all index pages."""
        found: list[str] = []
        for _ in range(_MANY):
            page = self.page(startIndex=len(found) + 1, count=PAGE, **extra)
            if not (ids := _ids(page)):
                return found
            found += ids
            between()
        raise _Broken(f"no end after {_MANY} pages")

    def walk_cursor(self, between: Callable[[], None] = lambda: None, **extra: Any) -> list[str]:
        """The ids on all pages that cursors lead to."""
        found: list[str] = []
        cursor = ""
        for _ in range(_MANY):
            page = self.page(cursor=cursor, count=PAGE, **extra)
            found += _ids(page)
            cursor = str(page.get("nextCursor") or "")
            if not cursor:
                return found
            between()
        raise _Broken(f"no end after {_MANY} pages")


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    rule: str
    rfc: str
    why: str
    trial: Callable[[Shelf], list[str]]
    needs: tuple[str, ...] = ()


class PagesSuite:
    """Lists in pages, by index and by cursor."""

    name = "pages"
    title = "lists in pages, by index and by cursor, also while resources come and go"

    @property
    def size(self) -> str:
        """How many checks it has."""
        return str(len(_CASES))

    def run(self, server: Server) -> Iterator[Outcome]:
        """Carry out the checks, each with fresh resources."""
        for case in _CASES:
            yield _outcome(self.name, case, server)


def _outcome(suite: str, case: _Case, server: Server) -> Outcome:
    check = Check(suite, case.name, case.rule, case.rfc, case.why)
    needs = ("filter", *case.needs)
    missing = [reason for each in needs if (reason := server.lacks(each))]
    if missing:
        return Outcome.skipped(check, "; ".join(missing))
    started = time.perf_counter()
    shelf = Shelf(server, server.wire(), f"{server.prefix}-{uuid.uuid4().hex[:8]}")
    with shelf.wire.recording() as exchanges:
        try:
            shelf.ids = [shelf.add() for _ in range(USERS)]
            problems = case.trial(shelf)
        except (_Broken, LookupError) as error:
            problems = [str(error)]
    seconds = time.perf_counter() - started
    server.clean()
    lists = [each for each in exchanges if each.method == "GET"]
    return Outcome.judged(check, problems, lists[-4:] or exchanges[-1:], seconds)


def _listed(exchange: Exchange) -> dict[str, Any]:
    page = exchange.json
    if exchange.status != 200 or not isinstance(page, dict):
        raise _Broken(f"{exchange.brief()}: expected a list")
    resources = page.get("Resources", [])
    if ALIASES["LIST"] not in page.get("schemas", []) or not isinstance(resources, list):
        raise _Broken(f"{exchange.brief()}: the answer is no ListResponse")
    if "itemsPerPage" in page and page["itemsPerPage"] != len(resources):
        said = page["itemsPerPage"]
        raise _Broken(f"{exchange.brief()}: itemsPerPage is {said} with {len(resources)} resources")
    return page


def _ids(page: dict[str, Any]) -> list[str]:
    ids = [str(each.get("id")) for each in page.get("Resources", [])]
    if len(set(ids)) < len(ids):
        raise _Broken("a page holds a resource twice")
    return ids


def _exactly(wanted: list[str], found: list[str]) -> list[str]:
    counted = Counter(found)
    missing = [each for each in wanted if not counted[each]]
    twice = [each for each in wanted if counted[each] > 1]
    problems = [f"{len(missing)} of {len(wanted)} are missing"] if missing else []
    return problems + ([f"{len(twice)} are there more than once"] if twice else [])


def _coming_and_going(shelf: Shelf) -> Callable[[], None]:
    """Between two pages one user is created and one that was there at the start is deleted."""
    leaving = shelf.ids[::3]
    shelf.ids = [each for each in shelf.ids if each not in leaving]

    def between() -> None:
        shelf.add()
        if leaving:
            shelf.wire.delete(f"/Users/{leaving.pop()}")

    return between


def _all_once(shelf: Shelf) -> list[str]:
    found = shelf.walk()
    extra = len(found) - USERS
    problems = _exactly(shelf.ids, found)
    return problems + ([f"{extra} more than there are"] if extra > 0 else [])


def _stable(shelf: Shelf) -> list[str]:
    first, second = shelf.walk(), shelf.walk()
    return [] if first == second else ["two walks gave two orders, although nothing changed"]


def _totals(shelf: Shelf) -> list[str]:
    pages = {
        "first": shelf.page(startIndex=1, count=PAGE),
        "last": shelf.page(startIndex=USERS, count=PAGE),
        "beyond the end": shelf.page(startIndex=USERS + 50, count=PAGE),
        "empty": shelf.page(count=0),
    }
    sizes = {"first": PAGE, "last": 1, "beyond the end": 0, "empty": 0}
    return [
        f"the {name} page has totalResults {page.get('totalResults')} and {len(_ids(page))} "
        f"resources, expected {USERS} and {sizes[name]}"
        for name, page in pages.items()
        if page.get("totalResults") != USERS or len(_ids(page)) != sizes[name]
    ]


def _clamped(shelf: Shelf) -> list[str]:
    usual = _ids(shelf.page(startIndex=1, count=PAGE))
    problems = [
        f"startIndex={each} is not answered as 1"
        for each in (0, -3)
        if _ids(shelf.page(startIndex=each, count=PAGE)) != usual
    ]
    return problems + (["count=-1 is not answered as 0"] if _ids(shelf.page(count=-1)) else [])


def _sorted(shelf: Shelf) -> list[str]:
    up = shelf.walk(sortBy="userName", sortOrder="ascending")
    down = shelf.walk(sortBy="userName", sortOrder="descending")
    problems = _exactly(shelf.ids, up)
    return problems + ([] if up == down[::-1] else ["descending is not ascending reversed"])


def _searched(shelf: Shelf) -> list[str]:
    found: list[str] = []
    for start in range(1, USERS + 1, PAGE):
        body = {
            "schemas": [ALIASES["SEARCH"]],
            "filter": f'userName sw "{shelf.prefix}"',
            "startIndex": start,
            "count": PAGE,
            "attributes": ["userName"],
        }
        found += _ids(_listed(shelf.wire.send("POST", "/Users/.search", body)))
    return _exactly(shelf.ids, found)


def _index_changing(shelf: Shelf) -> list[str]:
    shelf.walk(_coming_and_going(shelf))
    return []


def _cursor_all_once(shelf: Shelf) -> list[str]:
    return _exactly(shelf.ids, shelf.walk_cursor())


def _cursor_changing(shelf: Shelf) -> list[str]:
    found = shelf.walk_cursor(_coming_and_going(shelf))
    return _exactly(shelf.ids, found)


def _cursor_sorted(shelf: Shelf) -> list[str]:
    found = shelf.walk_cursor(_coming_and_going(shelf), sortBy="userName")
    return _exactly(shelf.ids, found)


def _cursor_updated(shelf: Shelf) -> list[str]:
    waiting = list(shelf.ids)

    def between() -> None:
        operation = {"op": "replace", "path": "displayName", "value": shelf.prefix}
        body = {"schemas": [ALIASES["PATCH"]], "Operations": [operation]}
        shelf.wire.send("PATCH", f"/Users/{waiting.pop()}", body)

    return _exactly(shelf.ids, shelf.walk_cursor(between))


def _cursor_wrong(shelf: Shelf) -> list[str]:
    answer = shelf.get(cursor="ezconf-no-such-cursor", count=PAGE)
    return scim_error.problems(answer, (400,), ("invalidCursor", "expiredCursor"))


_IMPORT = "Imports read page by page; what is missing is taken for deleted."
_INDEX, _CURSOR = "RFC 7644 §3.4.2.4", "RFC 9865 §2"

_CASES = (
    _Case("index-all-once", "Index pages hold every resource once", _INDEX, _IMPORT, _all_once),
    _Case(
        "index-stable",
        "Index pages keep their order while nothing changes",
        _INDEX,
        "Without a stable order, pages repeat some resources and leave out others.",
        _stable,
    ),
    _Case(
        "index-totals",
        "totalResults counts all matches, on every page, and count=0 asks for the count alone",
        _INDEX,
        "Clients stop when they have read totalResults resources.",
        _totals,
    ),
    _Case(
        "index-clamped",
        "startIndex below 1 means 1 and a negative count means 0",
        _INDEX,
        "Microsoft's client sends startIndex=0.",
        _clamped,
    ),
    _Case(
        "index-sorted",
        "Sorted pages hold every resource once, in both directions",
        "RFC 7644 §3.4.2.3",
        _IMPORT,
        _sorted,
        ("sort",),
    ),
    _Case(
        "search-all-once",
        "Pages of POST /Users/.search hold every resource once",
        "RFC 7644 §3.4.3",
        "Filters that hold personal data belong in a body and not in logged addresses.",
        _searched,
    ),
    _Case(
        "index-while-changing",
        "Index pages stay well-formed while resources are created and deleted",
        _INDEX,
        "An import must not break because somebody is hired meanwhile.",
        _index_changing,
    ),
    _Case(
        "cursor-all-once",
        "Pages by cursor hold every resource once",
        _CURSOR,
        _IMPORT,
        _cursor_all_once,
        ("cursor",),
    ),
    _Case(
        "cursor-while-changing",
        "Pages by cursor hold what exists throughout once, while others come and go",
        _CURSOR,
        "It is what cursors are for: index pages shift when something before them is deleted.",
        _cursor_changing,
        ("cursor",),
    ),
    _Case(
        "cursor-sorted-while-changing",
        "Sorted pages by cursor hold what exists throughout once, while others come and go",
        _CURSOR,
        "A new resource may sort anywhere; it must push none of the others off its page.",
        _cursor_sorted,
        ("cursor", "sort"),
    ),
    _Case(
        "cursor-while-updating",
        "Pages by cursor hold every resource once, while some of them are changed",
        _CURSOR,
        "A resource that moves when it is changed is read twice or not at all.",
        _cursor_updated,
        ("cursor", "patch"),
    ),
    _Case(
        "cursor-unknown",
        "A cursor that the server did not issue is 400 invalidCursor",
        "RFC 9865 §2.1",
        "Clients start anew on invalidCursor; on anything else they give up.",
        _cursor_wrong,
        ("cursor",),
    ),
)
