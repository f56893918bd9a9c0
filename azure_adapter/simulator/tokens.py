"""Opaque paging and delta tokens: everything a next page needs, sealed so that edits show.

Source: Microsoft Graph: delta query overview (state tokens encode the query's options).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any, Final

import orjson

_KEY: Final = b"azure_adapter.simulator.tokens"
_MAC_BYTES: Final = 12


class BadTokenError(ValueError):
    """A token that this simulator did not issue, or that was changed."""


def seal(state: dict[str, Any]) -> str:
    """Encode a JSON-able state as a URL-safe opaque token."""
    body = orjson.dumps(state, option=orjson.OPT_SORT_KEYS)
    mac = _mac(body)
    masked = _mask(body, mac)
    return base64.urlsafe_b64encode(mac + masked).rstrip(b"=").decode()


def unseal(token: str) -> dict[str, Any]:
    """Decode a token made by ``seal``.

    Raises:
        BadTokenError: The token is malformed or not authentic.
    """
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise BadTokenError("Badly formed token.") from error
    mac, masked = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    body = _mask(masked, mac)
    if not hmac.compare_digest(mac, _mac(body)):
        raise BadTokenError("Badly formed token.")
    state = orjson.loads(body)
    assert isinstance(state, dict)  # noqa: S101 - authentic tokens hold objects
    return state


def _mac(body: bytes) -> bytes:
    return hmac.digest(_KEY, body, "sha256")[:_MAC_BYTES]


def _mask(body: bytes, nonce: bytes) -> bytes:
    stream = hashlib.shake_128(_KEY + nonce).digest(len(body))
    return bytes(a ^ b for a, b in zip(body, stream, strict=True))
