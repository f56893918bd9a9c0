"""The gate of the API: which token calls, with which role, and how much it may send."""

from starlette.requests import Request

from gateway.access.limits import FailureLimit, TokenBuckets
from gateway.http.access import bearer_token, challenge, seconds_of
from gateway.http.api.problems import Problem
from gateway.http.scim import address_of
from gateway.settings import PREFIX
from storage.access.api_tokens import ApiTokenRecord, ApiTokens


class ApiGate:
    """Finds the token of a request. Nothing is remembered, so a revocation bites at once.

    Args:
        tokens: the tokens.
        rates: how many requests a token may send.
        failures: how many wrong tokens an address may send.
    """

    def __init__(self, tokens: ApiTokens, rates: TokenBuckets, failures: FailureLimit) -> None:
        self._tokens = tokens
        self._rates = rates
        self._failures = failures

    async def token_of(self, request: Request) -> ApiTokenRecord:
        """Return the token that a request carries.

        Raises:
            Problem: (401) it is missing, or not good; (429) it sends too much.
        """
        authorization = request.headers.get("authorization")
        text = bearer_token(authorization)
        address = address_of(request.scope)
        if text is None:
            raise _unknown(authorization)
        await self._failures.pause(address)
        record = await self._tokens.authenticate(text)
        if record is None:
            wait = self._failures.note(address)
            raise _too_many_wrong(self._failures, wait) if wait else _unknown(authorization)
        wait = self._rates.take(record.id)
        if wait:
            raise _too_many(self._rates, wait)
        return record


def _unknown(authorization: str | None) -> Problem:
    return Problem(
        401,
        "unauthorized",
        "The API token is missing, wrong, expired or revoked.",
        "Send `Authorization: Bearer <token>` with a token made by `ezto-gateway api-token "
        "create`.",
        headers={"WWW-Authenticate": challenge(authorization)},
    )


def _too_many(rates: TokenBuckets, wait: float) -> Problem:
    return Problem(
        429,
        "rate_limited",
        f"This token may send {rates.rate:g} requests a second (and {rates.burst:g} at once).",
        f"Wait {seconds_of(wait)} s, then repeat; or raise {PREFIX}RATE_PER_SECOND.",
        headers={"Retry-After": seconds_of(wait)},
    )


def _too_many_wrong(failures: FailureLimit, wait: float) -> Problem:
    return Problem(
        429,
        "rate_limited",
        f"More than {failures.per_minute:g} wrong tokens a minute came from your address.",
        f"Wait {seconds_of(wait)} s, then send a valid token.",
        headers={"Retry-After": seconds_of(wait)},
    )
