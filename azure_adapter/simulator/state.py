"""Everything one running simulator holds: directories, settings, tokens, faults, the trace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from azure_adapter.simulator.access import AccessTokens
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.faults import FaultPlan
from azure_adapter.simulator.grants import Codes, RefreshTokens, SignIn
from azure_adapter.simulator.model import Folded
from azure_adapter.simulator.past import as_of
from azure_adapter.simulator.registrations import Registration
from azure_adapter.simulator.settings import (
    DIRECTORY_VARIATIONS,
    ExpiryForm,
    Settings,
    random_variations,
)
from azure_adapter.simulator.throttle import Throttle

__all__ = ["ExpiryForm", "RecordedRequest", "Refusal", "Settings", "Simulator", "new_simulator"]


class RecordedRequest(NamedTuple):
    """One request as it arrived.

    Attributes:
        host: Host header, which says whom the caller meant to reach.
        method: HTTP method.
        path: Path without query.
    """

    host: str
    method: str
    path: str


class Refusal(NamedTuple):
    """A request on Graph that the token's permissions do not cover.

    Attributes:
        method: HTTP method.
        path: Path without query.
        wanted: Permissions of which any one would have done; empty for a write.
    """

    method: str
    path: str
    wanted: tuple[str, ...]


RoundKey = tuple[str, str, int, int]
Round = list[tuple[str, Folded]]


@dataclass(slots=True)
class Simulator:
    """The state of one application, found at ``app.state.simulator``.

    Attributes:
        directories: Simulated tenants by lower-case tenant id.
        settings: Knobs; may be changed while running.
        faults: Planned faults.
        tokens: Access tokens issued by the identity endpoints.
        requests: The latest requests, oldest first, control endpoint excluded.
        writes: (method, path) of every request on Graph that would write, inner requests of a
            ``$batch`` included. Stays empty as long as a client only reads.
        refusals: Requests on Graph that were answered 403, writes included.
        codes: Authorization codes.
        refresh_tokens: Refresh tokens.
        throttle: What apps have used up of their quota.
        session_epoch: Browser sessions of an earlier epoch have ended.
        rounds: Folded delta rounds that are being paged through, oldest first.
    """

    directories: dict[str, Directory]
    settings: Settings
    faults: FaultPlan
    tokens: AccessTokens
    requests: deque[RecordedRequest]
    writes: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    codes: Codes = field(default_factory=Codes)
    refresh_tokens: RefreshTokens = field(default_factory=RefreshTokens)
    throttle: Throttle = field(default_factory=Throttle)
    session_epoch: int = 0
    rounds: dict[RoundKey, Round] = field(default_factory=dict)
    _past: tuple[tuple[str, int, int], Directory] | None = None

    @property
    def directory(self) -> Directory:
        """The first (usually the only) simulated tenant."""
        return next(iter(self.directories.values()))

    def find_directory(self, tenant: str) -> Directory | None:
        """Find a tenant by its id or its domain, without case."""
        wanted = tenant.lower()
        found = self.directories.get(wanted)
        if found is not None:
            return found
        for directory in self.directories.values():
            if directory.domain.lower() == wanted:
                return directory
        return None

    def chosen(self, body: Mapping[str, Any]) -> Directory:
        """Find the tenant that a control request names; the first one without a name.

        Raises:
            KeyError: There is none.
        """
        tenant = body.get("tenant")
        directory = self.directory if tenant is None else self.find_directory(str(tenant))
        if directory is None:
            raise KeyError(f"no tenant {tenant!r}")
        return directory

    def find_app(self, client_id: str) -> Registration | None:
        """Find an app registration by its client id, in whatever tenant it is."""
        for directory in self.directories.values():
            installation = directory.installations.get(client_id.lower())
            if installation is not None:
                return installation.app
        return None

    def replica(self, directory: Directory, lag: int) -> Directory:
        """Return a tenant as it was some changes ago, as a replica that lags would show it."""
        position = max(directory.position - lag, directory.oldest_position)
        key = (directory.tenant_id, directory.position, position)
        if self._past is None or self._past[0] != key:
            self._past = key, as_of(directory, position)
        return self._past[1]

    def vary(self, seed: int | str) -> dict[str, Any]:
        """Pick a value for every uncertain behaviour; best before anybody has read anything.

        Returns:
            What was picked, by name.
        """
        chosen = random_variations(seed)
        self.configure(chosen)
        return chosen

    def configure(self, values: Mapping[str, Any]) -> None:
        """Change settings, and the switches of every directory, by name.

        Raises:
            ValueError: An unknown name or a value that does not fit; nothing is changed then.
        """
        switches = {name: values[name] for name in DIRECTORY_VARIATIONS if name in values}
        if any(type(value) is not bool for value in switches.values()):
            raise ValueError(f"{' and '.join(switches)} is true or false")
        self.settings.change({k: v for k, v in values.items() if k not in switches})
        for directory in self.directories.values():
            for name, value in switches.items():
                setattr(directory, name, value)

    def replace_state(
        self, directories: Iterable[Directory], tokens: Iterable[tuple[str, SignIn]]
    ) -> None:
        """Take over other tenants, and their refresh tokens; who was signed in is so no more."""
        self.directories = by_tenant(directories)
        self.tokens.revoke_all()
        self.rounds.clear()
        self.refresh_tokens = RefreshTokens()
        self.refresh_tokens.restore(tokens)

    def end_sessions(self) -> None:
        """End every browser's session at sign-in."""
        self.session_epoch += 1

    def round(self, key: RoundKey, build: Callable[[], Round]) -> Round:
        """Return the folded round of a key, building it once while it is being paged through."""
        found = self.rounds.get(key)
        if found is None:
            while len(self.rounds) >= _ROUNDS_KEPT:
                del self.rounds[next(iter(self.rounds))]
            found = self.rounds[key] = build()
        return found


_ROUNDS_KEPT = 8


def new_simulator(
    directories: Iterable[Directory], settings: Settings, *, trace_length: int
) -> Simulator:
    """Assemble the state of a simulator.

    Raises:
        ValueError: No directory, or two with one tenant id.
    """
    return Simulator(
        by_tenant(directories), settings, FaultPlan(), AccessTokens(), deque(maxlen=trace_length)
    )


def by_tenant(directories: Iterable[Directory]) -> dict[str, Directory]:
    """Order tenants by their lower-case ids.

    Raises:
        ValueError: No directory, or two with one tenant id.
    """
    found: dict[str, Directory] = {}
    for directory in directories:
        if directory.tenant_id.lower() in found:
            raise ValueError(f"two directories have the tenant id {directory.tenant_id}")
        found[directory.tenant_id.lower()] = directory
    if not found:
        raise ValueError("a simulator needs at least one directory")
    return found
