"""Everything one running simulator holds: directories, settings, tokens, faults, the trace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from azure_adapter.simulator.access import AccessTokens
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.faults import FaultPlan
from azure_adapter.simulator.model import Folded

ExpiryForm = Literal["syncStateNotFound", "gone", "goneSyncStateNotFound", "resyncRequired"]
"""How an expired delta token is answered; all four have been seen at Microsoft Graph."""


@dataclass(slots=True)
class Settings:
    """Knobs of a simulator.

    Attributes:
        page_size: Objects per delta page (Graph: about 200).
        link_limit: Member links per delta page (Graph: about 500).
        list_page_size: Objects per page of plain listings without ``$top`` (Graph: 100).
        scatter: In how many passes an initial group delta tells memberships. With 1 a large
            group recurs on adjacent pages; with more, groups come again later in the chain.
        initial_contains_deleted: Whether an initial delta round also tells soft-deleted objects.
        expiry_form: How expired delta tokens are answered.
        delta_lifetime: Seconds for which delta tokens are good (Graph: 7 days).
        token_lifetime: Seconds for which access tokens are good.
    """

    page_size: int = 200
    link_limit: int = 500
    list_page_size: int = 100
    scatter: int = 1
    initial_contains_deleted: bool = False
    expiry_form: ExpiryForm = "syncStateNotFound"
    delta_lifetime: float = 7 * 86400.0
    token_lifetime: float = 3599.0

    def __post_init__(self) -> None:
        """Refuse sizes with which a chain would never end."""
        if min(self.page_size, self.link_limit, self.list_page_size, self.scatter) < 1:
            raise ValueError("page_size, link_limit, list_page_size and scatter are at least 1")


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
        rounds: Folded delta rounds that are being paged through, oldest first.
    """

    directories: dict[str, Directory]
    settings: Settings
    faults: FaultPlan
    tokens: AccessTokens
    requests: deque[RecordedRequest]
    writes: list[tuple[str, str]] = field(default_factory=list)
    rounds: dict[RoundKey, Round] = field(default_factory=dict)

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
    by_tenant: dict[str, Directory] = {}
    for directory in directories:
        if directory.tenant_id.lower() in by_tenant:
            raise ValueError(f"two directories have the tenant id {directory.tenant_id}")
        by_tenant[directory.tenant_id.lower()] = directory
    if not by_tenant:
        raise ValueError("a simulator needs at least one directory")
    return Simulator(by_tenant, settings, FaultPlan(), AccessTokens(), deque(maxlen=trace_length))
