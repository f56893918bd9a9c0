"""Error bodies of throttling and outages.

Source: Microsoft Graph: throttling guidance, error responses and resource types.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import orjson

_OUTAGES: Final = {
    500: ("InternalServerError", "An internal server error occurred."),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The gateway timed out."),
}


def throttled_body(request_id: str) -> bytes:
    """Build the documented body of a 429 answer."""
    error = {
        "code": "TooManyRequests",
        "innerError": {
            "code": "429",
            "date": _now(),
            "message": "Please retry after",
            "request-id": request_id,
            "status": "429",
        },
        "message": "Please retry again later.",
    }
    return orjson.dumps({"error": error})


def unavailable_body(status: int, request_id: str) -> bytes:
    """Build the body of a 5xx answer."""
    code, message = _OUTAGES.get(status, ("UnknownError", "An unknown error occurred."))
    inner = {"date": _now(), "request-id": request_id, "client-request-id": request_id}
    return orjson.dumps({"error": {"code": code, "message": message, "innerError": inner}})


def html_body(status: int) -> bytes:
    """Build the page of a proxy in front of the service, which knows nothing of JSON."""
    text = {502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}.get(
        status, "Error"
    )
    return f"<html><head><title>{status} {text}</title></head><body>{text}</body></html>".encode()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
