"""The one gate that every request to Graph passes: reads only.

Sources: Microsoft Graph: "Use the Microsoft Graph API" (GET reads), "Combine multiple HTTP requests
using JSON batching" (``$batch`` is a POST whose inner requests have methods of their own).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import httpx
import orjson

BATCH_PATH: Final = "/v1.0/$batch"
"""The only path that is sent a POST."""

MOST_STEPS: Final = 20
"""Requests in one batch at most. Source: JSON batching, "Batch size limitations"."""


class WriteRefused(RuntimeError):
    """Somebody tried to send something else than a read to Graph: a defect in this program."""


def batch_body(urls: Sequence[str]) -> bytes:
    """Build the body of a batch of reads.

    Args:
        urls: Relative to the version, such as ``/users/1?$select=id``; at most 20.
    """
    steps = [{"id": str(at), "method": "GET", "url": url} for at, url in enumerate(urls)]
    return orjson.dumps({"requests": steps})


def check_outgoing(method: str, url: str, content: bytes) -> None:
    """Let nothing but GET leave, and ``$batch`` holding only GETs.

    Raises:
        WriteRefused: it is anything else.
    """
    path = httpx.URL(url).path
    reads = method == "GET" and not content
    if not reads and not (method == "POST" and path == BATCH_PATH and _only_reads(content)):
        raise WriteRefused(f"refused to send {method} to {path}")


def _only_reads(content: bytes) -> bool:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    steps = body.get("requests") if isinstance(body, dict) and len(body) == 1 else None
    return isinstance(steps, list) and 0 < len(steps) <= MOST_STEPS and all(map(_is_read, steps))


def _is_read(step: Any) -> bool:
    if not isinstance(step, dict) or step.keys() != {"id", "method", "url"}:
        return False
    url = step["url"]
    return step["method"] == "GET" and isinstance(url, str) and url[:1] == "/" != url[1:2]
