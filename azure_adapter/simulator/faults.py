"""Planned faults: what goes wrong at a cloud service, on demand or by seed.

A ``Fault`` says for which requests it fires and what it does to them or to their answers; a
``FaultPlan`` holds the queued ones. Sources: Microsoft Graph: throttling guidance, error
responses, delta query overview; Microsoft identity platform: refresh tokens.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Self, get_args

Effect = Literal[
    "throttle",
    "server_error",
    "html_error",
    "reset",
    "reset_body",
    "truncate",
    "invalid_json",
    "object_without_id",
    "malformed_object",
    "repeat_next_link",
    "duplicate_items",
    "omit_objects",
    "slow",
    "stale",
    "hidden_membership",
    "clock_skew",
    "expire_delta",
    "expire_access",
    "revoke_refresh",
]
"""What a fault does; see ``Fault``."""

EFFECTS: Final[tuple[str, ...]] = get_args(Effect)
"""Every effect name."""

BEFORE: Final = frozenset(
    {
        "slow",
        "stale",
        "hidden_membership",
        "clock_skew",
        "expire_delta",
        "expire_access",
        "revoke_refresh",
    }
)
"""Effects on a request before it is answered; several may meet. Of the others, the first one."""

HEALING: Final[tuple[str, ...]] = (
    "throttle",
    "server_error",
    "html_error",
    "reset",
    "reset_body",
    "truncate",
    "invalid_json",
    "duplicate_items",
    "slow",
    "stale",
    "clock_skew",
    "expire_delta",
    "expire_access",
)
"""Effects after which a client that tries again reads everything in the end."""


@dataclass(slots=True)
class Fault:
    """One planned fault.

    Attributes:
        effect: ``throttle`` (429), ``server_error`` (``status``, JSON body), ``html_error``
            (``status``, a proxy's page), ``reset`` (the connection is reset before the answer),
            ``reset_body`` (in the middle of it), ``truncate`` (half the body, then the
            connection closes), ``invalid_json``, ``object_without_id``, ``malformed_object`` (a
            displayName that is no string), ``repeat_next_link`` (the page names itself as the
            next one), ``duplicate_items`` (the page's items twice), ``omit_objects`` (the page
            silently lacks all but its first ``index`` objects), ``slow`` (``seconds`` before the
            answer), ``stale`` (a replica answers that lacks the latest ``lag`` changes),
            ``hidden_membership`` (as if ``Member.Read.Hidden`` were not granted),
            ``clock_skew`` (Date and token times are ``seconds`` ahead), ``expire_delta``
            (every delta and skip token issued so far expires first), ``expire_access`` (every
            access token) or ``revoke_refresh`` (every refresh token).
        path: Prefix of the paths it concerns, for example ``/v1.0/users/delta``.
        host: Host it concerns; empty for any.
        method: Method it concerns; empty for any.
        query: Text that the query string holds, for example ``skiptoken``; empty for any.
        nth: It fires from the nth matching request on, counted from 1.
        times: For how many matching requests it fires.
        probability: Chance with which it fires for each of those.
        status: Status of ``server_error`` and ``html_error``.
        retry_after: Value of ``Retry-After`` in seconds, may be fractional; None for no header
            (of ``throttle``: for 2.128).
        seconds: Delay of ``slow``, skew of ``clock_skew``.
        lag: Changes that ``stale`` lacks.
        index: Which object of the page is damaged, or omitted with those after it.
        seen: Matching requests so far.
        fired: How often it has fired.
    """

    effect: Effect
    path: str = "/v1.0/"
    nth: int = 1
    times: int = 1
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    index: int = 0
    host: str = ""
    method: str = ""
    query: str = ""
    probability: float = 1.0
    lag: int = 10
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        """Refuse what could never fire."""
        if self.effect not in EFFECTS:
            raise ValueError(f"unknown effect {self.effect!r}; known: {', '.join(EFFECTS)}")
        if self.nth < 1 or self.times < 1 or self.lag < 0:
            raise ValueError("nth and times are at least 1, lag is not negative")
        if self.seconds < 0 and self.effect != "clock_skew":
            raise ValueError("seconds is not negative")
        if not 0 < self.probability <= 1:
            raise ValueError("probability is above 0 and at most 1")
        if self.retry_after is not None:
            self.retry_after = float(self.retry_after)

    @property
    def spent(self) -> bool:
        """Whether it has fired for the last time."""
        return self.fired >= self.times

    def fires(self, line: Line, rng: random.Random) -> bool:
        """Count a request and say whether the fault hits it."""
        if self.spent or not self._concerns(line):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.probability < 1 and rng.random() >= self.probability):
            return False
        self.fired += 1
        return True

    def _concerns(self, line: Line) -> bool:
        return (
            line.path.startswith(self.path)
            and self.host.lower() in ("", line.host.lower())
            and self.method.upper() in ("", line.method)
            and self.query in line.query
        )


@dataclass(frozen=True, slots=True)
class Line:
    """What of a request faults look at."""

    path: str
    host: str = ""
    method: str = "GET"
    query: str = ""


@dataclass(slots=True)
class FaultPlan:
    """The queued faults of a simulator; at most one damages an answer.

    Attributes:
        faults: The queued ones.
        seed: Seed of their chances.
        counts: How often each effect has fired.
    """

    faults: list[Fault] = field(default_factory=list)
    seed: int | str = 0
    counts: Counter[str] = field(default_factory=Counter)
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the chances."""
        self._rng = random.Random(f"faults:{self.seed}")  # noqa: S311

    @classmethod
    def random(
        cls,
        seed: int | str,
        count: int = 5,
        *,
        effects: Collection[str] = HEALING,
        path: str = "/v1.0/",
        within: int = 20,
    ) -> Self:
        """Make a plan by chance; one seed always makes the same.

        Args:
            seed: The seed.
            count: How many faults.
            effects: What they may do.
            path: Prefix of the paths they concern.
            within: They begin within so many requests.
        """
        rng = random.Random(f"plan:{seed}")  # noqa: S311
        faults = [_random_fault(rng, sorted(effects), path, within) for _ in range(count)]
        return cls(faults, seed)

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        self.faults.append(fault)

    def clear(self) -> None:
        """Forget every queued fault."""
        self.faults.clear()

    def take(self, path: str, host: str = "", method: str = "GET", query: str = "") -> list[Fault]:
        """Count a request against every fault and return those that hit it, in queue order."""
        line = Line(path, host, method, query)
        hits = [fault for fault in self.faults if fault.fires(line, self._rng)]
        self.faults = [fault for fault in self.faults if not fault.spent]
        self.counts.update(fault.effect for fault in hits)
        return hits


def fault_from(data: Mapping[str, Any]) -> Fault:
    """Build a fault from JSON.

    Raises:
        ValueError: An unknown field, a value of the wrong type, or no effect.
    """
    known = {one.name for one in fields(Fault)} - {"seen", "fired"}
    unknown = data.keys() - known
    if unknown:
        raise ValueError(f"a fault has no field {', '.join(sorted(unknown))}")
    try:
        return Fault(**data)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _random_fault(rng: random.Random, effects: list[str], path: str, within: int) -> Fault:
    effect: Any = rng.choice(effects)
    return Fault(
        effect,
        path=path,
        nth=rng.randint(1, within),
        times=rng.choice((1, 1, 1, 2, 3)) if effect != "expire_delta" else 1,
        status=rng.choice((500, 502, 503, 504)),
        retry_after=rng.choice((None, 0.25, 1.0, 2.128)),
        seconds=rng.choice((-400.0, 400.0)) if effect == "clock_skew" else 0.01,
        index=rng.randrange(5),
        lag=rng.choice((1, 5, 25)),
    )
