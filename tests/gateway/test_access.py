"""How long a token is believed without asking the database."""

import asyncio

import pytest
from scim2_models import UnauthorizedException

from gateway.http.access import CACHE_SECONDS, CACHE_SIZE, BearerAuthenticator, bearer_token
from scim.caller import Caller
from scim.provisioning.authority import Source, SourceKind

CALLER = Caller(Source(SourceKind.scim_client, "1"), 1)


class Tokens:
    """A token store that counts how often it is asked, and a clock."""

    def __init__(self) -> None:
        self.good = {"good"}
        self.asked = 0
        self.now = 0.0
        self.authenticator = BearerAuthenticator(self._lookup, lambda: self.now)

    async def _lookup(self, token: str) -> Caller | None:
        self.asked += 1
        return CALLER if token in self.good or token.startswith("many") else None

    def call(self, token: str = "good") -> Caller:
        return asyncio.run(self.authenticator.caller(f"Bearer {token}"))


def test_a_good_token_is_remembered_for_a_moment() -> None:
    tokens = Tokens()
    assert tokens.call() is CALLER
    tokens.now = CACHE_SECONDS - 0.1
    assert tokens.call() is CALLER
    assert tokens.asked == 1
    tokens.now = CACHE_SECONDS
    assert tokens.call() is CALLER
    assert tokens.asked == 2


def test_a_revocation_bites_within_that_moment() -> None:
    tokens = Tokens()
    tokens.call()
    tokens.good.clear()
    tokens.now = CACHE_SECONDS
    with pytest.raises(UnauthorizedException):
        tokens.call()


def test_a_bad_token_is_not_remembered() -> None:
    tokens = Tokens()
    with pytest.raises(UnauthorizedException):
        tokens.call("new")
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
