"""The suites ``sanity`` and ``sanity-entra``: scim-sanity's probe of a server."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from conformance.exchange import Exchange
from conformance.outcome import Check, Outcome, Status
from conformance.server import Server
from conformance.suites.borrowed import numbered, replaced
from conformance.wire import Wire

_WHY = "scim-sanity is what administrators run to see whether a server may be connected."
_SECTION = re.compile(r"RFC \d{4} §[\d.]*\d")


class SanitySuite:
    """scim-sanity's probe, without or with one of its profiles."""

    size = "as the library finds"

    def __init__(self, profile: str = "") -> None:
        self.profile = profile
        self.name = f"sanity-{profile}" if profile else "sanity"
        with_profile = f" with its profile {profile}" if profile else ""
        self.title = f"scim-sanity's probe{with_profile}, in strict mode"

    def run(self, server: Server) -> Iterator[Outcome]:
        """Run the probe's parts and translate their results."""
        check = Check(self.name, "scim-sanity", "The library is there", "", _WHY)
        try:
            probe = import_module("scim_sanity.probe.tests")
            profiles = import_module("scim_sanity.profiles")
        except ImportError as error:
            yield Outcome.skipped(check, f"scim-sanity is not installed: {error}")
            return
        if self.profile and self.profile not in profiles.PROFILES:
            yield Outcome.skipped(check, f"this scim-sanity has no profile {self.profile}")
            return
        wire = server.wire()
        with wire.recording() as exchanges:
            results = _probe(probe, profiles, self.profile, wire, exchanges, server.prefix)
        server.clean()
        seen: dict[str, int] = {}
        for result, shown in results:
            yield _outcome(self.name, result, shown, seen)


def _probe(
    probe: Any,
    profiles: Any,
    profile: str,
    wire: Wire,
    exchanges: list[Exchange],
    prefix: str,
) -> list[tuple[Any, Exchange | None]]:
    payloads = import_module("scim_sanity.payload_factory")
    shown: dict[int, Exchange] = {}

    def noting(*args: Any, **values: Any) -> Any:
        result = original(*args, **values)
        if exchanges:
            shown[id(result)] = exchanges[-1]
        return result

    suffix: Callable[[], str] = payloads._unique_suffix
    original: Callable[..., Any] = probe.ProbeResult
    # Its results compare with the class's own constants, so only the constructor is replaced.
    noting.__dict__.update({n: v for n, v in vars(original).items() if n.isupper()})
    marked = replaced(payloads, _unique_suffix=lambda: f"{prefix}-{suffix()}")
    with marked, replaced(probe, ProbeResult=noting):
        results = _parts(probe, profiles, profile, _client(wire), import_module)
    return [(each, shown.get(id(each))) for each in results]


def _parts(
    probe: Any, profiles: Any, profile: str, client: Any, load: Callable[[str], Any]
) -> list[Any]:
    validator = load("scim_sanity.response_validator").ServerResponseValidator(strict=True)
    users = profiles.get_extra_user_fields(profile) if profile else None
    groups = profiles.get_extra_group_fields(profile) if profile else None
    made: list[dict[str, Any]] = []
    results = _part(probe, "discovery", client, validator)
    supported = probe.discover_supported_resources(client)
    if "User" in supported:
        results += _part(probe, "user_lifecycle", client, validator, made, users)
    if "Group" in supported:
        results += _part(probe, "group_lifecycle", client, validator, made, groups)
    for kind, part in (("Agent", "agent"), ("AgenticApplication", "agentic_application")):
        if kind in supported:
            results += _part(probe, f"{part}_lifecycle", client, validator, made)
    results += _part(probe, "search", client, validator)
    return results + _part(probe, "error_handling", client, validator)


def _part(probe: Any, name: str, *arguments: Any) -> list[Any]:
    try:
        return list(getattr(probe, f"test_{name}")(*arguments))
    except Exception as error:  # the probe gives up on answers that it cannot read
        message = f"the probe stopped here: {type(error).__name__}: {error}"
        return [probe.ProbeResult(name, "error", message=message, phase=name)]


def _client(wire: Wire) -> Any:
    module = import_module("scim_sanity.http_client")

    class Client(module.SCIMClient):  # type: ignore[name-defined,misc]
        """Lets scim-sanity speak through the recorded connection."""

        def _request(
            self,
            method: str,
            path: str,
            payload: Any = None,
            extra_headers: dict[str, str] | None = None,
        ) -> Any:
            exchange = wire.send(method, path, payload, headers=extra_headers)
            if exchange.failure:
                raise ConnectionError(exchange.failure)
            return module.SCIMResponse(exchange.status, exchange.headers, exchange.text)

    return Client(wire.url)


def _outcome(suite: str, result: Any, shown: Exchange | None, seen: dict[str, int]) -> Outcome:
    name = numbered(result.name, seen)
    section = _SECTION.search(result.message or "")
    rfc = section[0] if section else "RFC 7644 §3"
    phase = result.phase.partition("— ")[2] or result.phase
    check = Check(suite, name, f"{phase}: {result.name}", rfc, _WHY, "scim-sanity")
    exchanges = (shown,) if shown else ()
    if result.status == "skip":
        return Outcome.skipped(check, result.message)
    if result.status == "pass":
        return Outcome(check, Status.PASSED, "", exchanges)
    return Outcome.judged(check, [f"{result.status}: {result.message}"], exchanges)
