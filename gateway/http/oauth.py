"""OAuth 2.0 client credentials: the token endpoint (RFC 6749 §4.4) and its metadata (RFC 8414)."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.access.limits import FailureLimit, TokenBuckets
from gateway.http.access import seconds_of
from gateway.http.answers import json_answer
from gateway.http.bodies import BodyTooSlowError, read_body
from gateway.http.oauth_request import (
    LARGEST_BODY,
    Credentials,
    OAuthError,
    read_credentials,
    read_form,
)
from gateway.http.scim import base_url_of
from storage.access import OAuthClients, TokenRecord
from storage.access.secrets import SCOPES

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
METADATA_PATH = "/.well-known/oauth-authorization-server"

GRANT = "client_credentials"


class TokenEndpoint:
    """Exchanges a client secret for an access token.

    Args:
        clients: the client secrets, and the access tokens.
        rates: counts requests under the key of the client's access tokens.
        failures: counts wrong secrets.
        lifetime: how long an access token is good, in seconds.
    """

    def __init__(
        self, clients: OAuthClients, rates: TokenBuckets, failures: FailureLimit, lifetime: int
    ) -> None:
        self._clients = clients
        self._rates = rates
        self._failures = failures
        self._lifetime = lifetime

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        try:
            answer = json_answer(await self._grant(request))
        except OAuthError as error:
            answer = json_answer(error.body(), error.status)
            answer.headers.update(error.headers)
        except ClientDisconnect:
            return Response(status_code=400)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Pragma"] = "no-cache"
        return answer

    async def _grant(self, request: Request) -> dict[str, Any]:
        """Return the answer of RFC 6749 §5.1."""
        form = read_form(await _body(request), request.headers.get("content-type", ""))
        credentials = read_credentials(form, request.headers.get("authorization"))
        client = await self._client(credentials, request.client.host if request.client else "")
        if "grant_type" not in form:
            raise OAuthError("invalid_request", "The parameter grant_type is missing.")
        if form["grant_type"] != GRANT:
            raise OAuthError("unsupported_grant_type", f"The only grant type is {GRANT}.")
        scopes = _scopes(form, client)
        token, seconds = await self._clients.issue(client, scopes, self._lifetime)
        return {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": seconds,
            "scope": " ".join(scopes),
        }

    async def _client(self, credentials: Credentials, address: str) -> TokenRecord:
        """Return the client that the credentials prove (RFC 6749 §3.2.1)."""
        await self._failures.pause(address)
        client = await self._clients.check(credentials.client_id, credentials.secret)
        if client is None:
            wait = self._failures.note(address)
            if wait:
                raise _slow_down(wait, "Too many wrong client secrets came from your address.")
            raise OAuthError(
                "invalid_client", "The client is unknown, or its secret wrong, expired or revoked."
            )
        wait = self._rates.take(f"oauth:{client.id}")
        if wait:
            raise _slow_down(wait, f"This client may send {self._rates.rate:g} requests a second.")
        return client


def _slow_down(wait: float, what: str) -> OAuthError:
    seconds = seconds_of(wait)
    return OAuthError(
        "temporarily_unavailable",
        f"{what} Wait {seconds} s, then repeat.",
        429,
        {"Retry-After": seconds},
    )


async def _body(request: Request) -> bytes:
    try:
        body = await read_body(request.receive, LARGEST_BODY)
    except BodyTooSlowError:
        raise OAuthError("invalid_request", "The body did not arrive in time.", 408) from None
    if len(body) > LARGEST_BODY:
        raise OAuthError("invalid_request", f"The body is larger than {LARGEST_BODY} bytes.", 413)
    return body


def _scopes(form: Mapping[str, str], client: TokenRecord) -> list[str]:
    """Return the scopes that are granted (RFC 6749 §3.3): those asked for, or all."""
    asked = form.get("scope", "").split() or list(client.scopes)
    if not client.scopes.issuperset(asked):
        raise OAuthError(
            "invalid_scope", f"This client may ask for: {' '.join(_ordered(client.scopes))}."
        )
    return _ordered(asked)


def _ordered(scopes: Any) -> list[str]:
    return [scope for scope in SCOPES if scope in scopes]


def oauth_routes(endpoint: TokenEndpoint, base_url: str | None) -> list[Route]:
    """Return the routes of the token endpoint and of its metadata.

    Args:
        endpoint: the token endpoint.
        base_url: public URL of the gateway, or ``None`` for that of the request.
    """

    async def metadata(request: Request) -> Response:
        return json_answer(server_metadata(base_url or base_url_of(request.scope)))

    async def token(request: Request) -> Response:
        return await endpoint(request)

    return [
        Route(TOKEN_PATH, token, methods=["POST"]),
        Route(METADATA_PATH, metadata, methods=["GET"]),
    ]


def server_metadata(issuer: str) -> dict[str, Any]:
    """Return the metadata of the authorization server (RFC 8414 §2).

    ``response_types_supported`` is required although there is no authorization endpoint, and so
    it is empty.
    """
    return {
        "issuer": issuer,
        "token_endpoint": issuer + TOKEN_PATH,
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": list(SCOPES),
        "response_types_supported": [],
    }
