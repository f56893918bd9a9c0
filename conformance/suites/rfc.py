"""The suite ``rfc``: scim2-tester, the checks of RFC 7643 and RFC 7644 by the scim2-* project."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from conformance.exchange import Exchange
from conformance.outcome import Check, Outcome, Status
from conformance.server import Server
from conformance.suites.borrowed import MarkedUuids, numbered, replaced
from conformance.wire import Wire

_GOOD = {"SUCCESS", "COMPLIANT", "ACCEPTABLE"}
_WHY = "A client that follows the RFC to the letter relies on it."
_SECTION = re.compile(r":rfc:`(RFC \d{4} )Section ([\d.]+)")
_QUOTED = re.compile(r"'([^']+)'")


class RfcSuite:
    """Everything that scim2-tester checks."""

    name = "rfc"
    title = "RFC 7643 and RFC 7644, as scim2-tester checks them"
    size = "as the library finds"

    def run(self, server: Server) -> Iterator[Outcome]:
        """Run the library and translate its results."""
        try:
            tester = import_module("scim2_tester")
            client = import_module("scim2_client").BaseSyncSCIMClient
        except ImportError as error:
            check = Check(self.name, "scim2-tester", "The library is installed", "", _WHY)
            yield Outcome.skipped(check, f"scim2-tester is not installed: {error}")
            return
        wire = server.wire()
        with wire.recording() as exchanges:
            results = _results(tester, _engine(client, wire), server.prefix, exchanges)
        server.clean()
        seen: dict[str, int] = {}
        for result, shown in results:
            yield _outcome(result, shown, seen)


def _results(
    tester: Any, client: Any, prefix: str, exchanges: list[Exchange]
) -> list[tuple[Any, tuple[Exchange, ...]]]:
    utils = import_module("scim2_tester.utils")
    filling = import_module("scim2_tester.filling")
    shown: dict[int, tuple[Exchange, ...]] = {}

    def noting(*args: Any, **values: Any) -> Any:
        result = original(*args, **values)
        shown[id(result)] = tuple(exchanges[-2:])
        return result

    original: Callable[..., Any] = utils.CheckResult
    with replaced(utils, CheckResult=noting), replaced(filling, uuid=MarkedUuids(prefix)):
        results = tester.check_server(client)
    return [(each, shown.get(id(each), ())) for each in results]


def _engine(base: Any, wire: Wire) -> Any:
    failure = import_module("scim2_client").RequestNetworkException

    class Engine(base):  # type: ignore[misc]
        """Lets scim2-client speak through the recorded connection."""

        def _stays_under_base_url(self, endpoint: str) -> bool:
            return not urlsplit(endpoint).netloc or endpoint.startswith(wire.url)

        def _parse_json(self, response: Any) -> Any:
            return response.json()

        def request(self, method: str, url: str, **options: Any) -> Any:
            path = url.removeprefix(wire.url)
            options["headers"] = {**(options.get("headers") or {}), **wire.bearer()}
            exchange, response = wire.request(method, "/" + path.lstrip("/"), **options)
            if response is None:
                raise failure(source=exchange.failure)
            return response

    return Engine()


def _outcome(result: Any, shown: tuple[Exchange, ...], seen: dict[str, int]) -> Outcome:
    subject = f"{result.resource_type}." if result.resource_type else ""
    quoted = _QUOTED.search(result.reason or "")
    part = f" {quoted[1]}" if quoted and "attribute" in str(result.title) else ""
    name = numbered(f"{subject}{result.title}{part}", seen)
    rule, rfc = _described(result.description or "")
    check = Check("rfc", name, rule, rfc, _WHY, "scim2-tester")
    if result.status.name == "SKIPPED":
        return Outcome.skipped(check, result.reason or "")
    if result.status.name in _GOOD:
        return Outcome(check, Status.PASSED, "", shown)
    problem = f"{result.status.name.lower()}: {result.reason or result.data}"
    return Outcome.judged(check, [problem], shown)


def _described(description: str) -> tuple[str, str]:
    rule = " ".join(description.strip().partition("\n\n")[0].split())
    section = _SECTION.search(description)
    return rule, f"{section[1]}§{section[2]}" if section else "RFC 7644 §3"
