"""The gate: how long a token is believed, how much it may send, and what guessing costs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.access.credential import Credential, KeysUnavailableError
from gateway.access.limits import PAUSE_SECONDS, FailureLimit, TokenBuckets
from gateway.http.access import (
    CACHE_SECONDS,
    CACHE_SIZE,
    DETAIL,
    BearerAuthenticator,
    RefusedError,
    bearer_token,
    scope_challenge,
)
from scim.caller import READ, Caller
from scim.provisioning.authority import Source, SourceKind

CALLER = Caller(Source(SourceKind.scim_client, "1"), 1)


class Tokens:
    """A token store that counts how often it is asked, and a clock."""

    def __init__(self, rates: TokenBuckets | None = None, per_minute: float = 0) -> None:
        self.good = {"good"}
        self.seconds: float | None = None
        self.asked = 0
        self.now = 0.0
        self.slept: list[float] = []
        self.while_asking: Callable[[], None] = lambda: None
        self.failures = FailureLimit(per_minute, self.time, self._sleep)
        self.gate = BearerAuthenticator(self._lookup, self.time, rates, self.failures)

    def time(self) -> float:
        return self.now

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def _lookup(self, token: str) -> Credential | None:
        self.asked += 1
        good = token in self.good or token.startswith("many")
        self.while_asking()
        if token == "jwt":
            raise KeysUnavailableError("gone", 10)
        return Credential(CALLER, f"token:{token}", self.seconds) if good else None

    def call(self, token: str = "good", address: str = "10.0.0.1") -> Caller:
        return asyncio.run(self.gate.caller(f"Bearer {token}", address))

    def refused(self, token: str = "bad", address: str = "10.0.0.1") -> RefusedError:
        with pytest.raises(RefusedError) as refusal:
            self.call(token, address)
        return refusal.value


def test_a_good_token_is_remembered_for_a_moment() -> None:
    tokens = Tokens()
    assert tokens.call() is CALLER
    tokens.now = CACHE_SECONDS - 0.1
    assert tokens.call() is CALLER
    assert tokens.asked == 1
    tokens.now = CACHE_SECONDS
    assert tokens.call() is CALLER
    assert tokens.asked == 2


def test_that_moment_is_at_most_five_seconds() -> None:
    assert CACHE_SECONDS <= 5


def test_a_revocation_in_another_process_bites_within_that_moment() -> None:
    tokens = Tokens()
    tokens.call()
    tokens.good.clear()
    tokens.now = CACHE_SECONDS
    assert tokens.refused("good").status == 401


def test_a_revocation_in_this_process_bites_at_once() -> None:
    tokens = Tokens()
    tokens.call()
    tokens.good.clear()
    tokens.gate.forget()
    assert tokens.refused("good").status == 401


def test_an_answer_from_before_a_revocation_is_not_remembered() -> None:
    tokens = Tokens()
    tokens.while_asking = tokens.gate.forget
    tokens.call()
    tokens.good.clear()
    assert tokens.refused("good").status == 401


def test_a_token_is_not_believed_beyond_its_expiry() -> None:
    tokens = Tokens()
    tokens.seconds = 2.0
    tokens.call()
    tokens.now = 1.9
    tokens.call()
    assert tokens.asked == 1
    tokens.now = 2.0
    tokens.call()
    assert tokens.asked == 2


def test_a_bad_token_is_not_remembered() -> None:
    tokens = Tokens()
    tokens.refused("new")
    tokens.good.add("new")
    assert tokens.call("new") is CALLER


def test_only_so_many_are_remembered() -> None:
    tokens = Tokens()
    for number in range(CACHE_SIZE + 1):
        tokens.call(f"many{number}")
    tokens.call(f"many{CACHE_SIZE}")
    assert tokens.asked == CACHE_SIZE + 1
    tokens.call("many0")
    assert tokens.asked == CACHE_SIZE + 2


def test_keys_that_cannot_be_read_are_503_and_no_wrong_token() -> None:
    tokens = Tokens(per_minute=1)
    for _ in range(3):
        refusal = tokens.refused("jwt")
        assert (refusal.status, refusal.headers) == (503, {"Retry-After": "10"})
    assert tokens.slept == []


# -- rates ---------------------------------------------------------------------------------


def test_too_many_requests_of_one_token_are_429_with_limit_and_remedy() -> None:
    tokens = Tokens(TokenBuckets(2, 3, lambda: tokens.now))
    tokens.good.add("other")
    for _ in range(3):
        tokens.call()
    refusal = tokens.refused("good")
    assert (refusal.status, refusal.headers) == (429, {"Retry-After": "1"})
    for word in ("2 requests a second", "3 at once", "Wait 1 s", "EZTO_RATE_PER_SECOND"):
        assert word in refusal.detail
    assert tokens.call("other") is CALLER
    tokens.now += 0.5
    assert tokens.call() is CALLER
    assert tokens.refused("good").status == 429


# -- guessing ------------------------------------------------------------------------------


def test_guessing_is_slowed_and_told_to_wait() -> None:
    tokens = Tokens(per_minute=3)
    assert [tokens.refused(f"guess{number}").status for number in range(3)] == [401] * 3
    assert tokens.slept == []
    refusal = tokens.refused("guess")
    assert (refusal.status, refusal.headers["Retry-After"]) == (429, "20")
    assert "3 wrong tokens a minute" in refusal.detail
    assert tokens.slept == [PAUSE_SECONDS]
    assert tokens.refused("guess", "10.0.0.2").detail == DETAIL
    tokens.now += 60
    assert tokens.refused("guess").status == 401


def test_guessing_never_locks_a_good_token_out() -> None:
    tokens = Tokens(per_minute=1)
    tokens.good.add("another")
    tokens.call()
    for _ in range(20):
        tokens.refused("guess")
    tokens.slept.clear()
    assert tokens.call() is CALLER
    tokens.now += CACHE_SECONDS
    assert tokens.call() is CALLER
    assert tokens.slept == [], "a token in use does not even wait"
    tokens.refused("guess")
    tokens.slept.clear()
    assert tokens.call("another") is CALLER
    assert tokens.slept == [PAUSE_SECONDS], "one that is new from there waits once"


def test_no_header_is_no_guess() -> None:
    tokens = Tokens(per_minute=1)
    ask: Callable[[str | None], Awaitable[Caller]] = lambda header: tokens.gate.caller(header, "a")  # noqa: E731
    for header in (None, "Basic YTpi", "Bearer") * 3:
        with pytest.raises(RefusedError) as refusal:
            asyncio.run(ask(header))  # type: ignore[arg-type]
        assert refusal.value.headers == {"WWW-Authenticate": 'Bearer realm="ezto"'}
    assert tokens.refused().status == 401


# -- headers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("Bearer é", None),
        ("", None),
        (None, None),
    ],
)
def test_reading_the_header(header: str | None, token: str | None) -> None:
    assert bearer_token(header) == token


def test_a_missing_scope_is_named() -> None:
    assert scope_challenge(CALLER) is None
    reader = Caller(CALLER.source, 1, frozenset({READ}))
    assert (
        scope_challenge(reader) == 'Bearer realm="ezto", error="insufficient_scope", scope="write"'
    )
