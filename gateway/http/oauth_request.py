"""Reading the requests of OAuth 2.0 clients (RFC 6749 §2.3.1, §3.2, §5.2)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

LARGEST_BODY = 16_384
MOST_PARAMETERS = 32

FORM = "application/x-www-form-urlencoded"


class OAuthError(Exception):
    """The error of an OAuth 2.0 endpoint (RFC 6749 §5.2).

    Args:
        code: the RFC's word for it.
        description: what is wrong, in ASCII without quotation marks.
        status: HTTP status; by default what the RFC says for the code.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        code: str,
        description: str,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(description)
        self.code = code
        self.status = status or (401 if code == "invalid_client" else 400)
        self.headers = dict(headers or {})
        if self.status == 401:
            self.headers["WWW-Authenticate"] = 'Basic realm="ezto", charset="UTF-8"'

    def body(self) -> dict[str, Any]:
        """Return the answer's JSON."""
        return {"error": self.code, "error_description": str(self)}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client authenticates with."""

    client_id: str
    secret: str = field(repr=False)


def read_form(body: bytes, content_type: str) -> dict[str, str]:
    """Return the parameters of a request; those without a value count as left out (§3.2).

    Raises:
        OAuthError: it is no form, or a parameter comes twice.
    """
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"The body has to be {FORM}.")
    try:
        pairs = parse_qsl(
            body.decode(), max_num_fields=MOST_PARAMETERS, errors="strict", keep_blank_values=True
        )
    except ValueError:
        raise OAuthError("invalid_request", "The body cannot be read as a form.") from None
    form: dict[str, str] = {}
    for name, value in pairs:
        if name in form:
            raise OAuthError("invalid_request", "A parameter comes more than once.")
        form[name] = value
    return {name: value for name, value in form.items() if value}


def read_credentials(form: Mapping[str, str], authorization: str | None) -> Credentials:
    """Return what the client authenticates with: client_secret_basic or client_secret_post.

    Raises:
        OAuthError: it does not, in two ways at once, or in another way.
    """
    if authorization is None:
        if "client_id" not in form or "client_secret" not in form:
            raise OAuthError(
                "invalid_client", "Send client_id and client_secret, by HTTP Basic or in the body."
            )
        return Credentials(form["client_id"], form["client_secret"])
    if "client_secret" in form:
        raise OAuthError(
            "invalid_request", "Authenticate in one way only: by HTTP Basic, or in the body."
        )
    credentials = _basic(authorization)
    if form.get("client_id", credentials.client_id) != credentials.client_id:
        raise OAuthError("invalid_request", "client_id differs from that of the header.")
    return credentials


def _basic(authorization: str) -> Credentials:
    """Read HTTP Basic; both parts are form-encoded first (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError(scheme)
        client_id, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        if not colon:
            raise ValueError(colon)
        return Credentials(
            unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
        )
    except (ValueError, binascii.Error):
        raise OAuthError(
            "invalid_client", "The Authorization header is no readable HTTP Basic."
        ) from None
