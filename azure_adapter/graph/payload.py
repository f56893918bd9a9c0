"""Reading the JSON that Graph sends: strictly where it matters, without losing a page.

Sources: Microsoft Graph: "error responses and resource types"; RFC 8259 §8.2 (lone surrogates).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

_SUSPICIOUS: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_REFUSED: Final = re.compile("[\x00\ud800-\udfff]")
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")


class Damaged(Exception):
    """An answer that cannot be used, and may be better next time.

    Attributes:
        code: Stable word.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class GraphError:
    """The error that Graph describes in a body.

    Attributes:
        code: ``error.code``, or empty.
        message: ``error.message`` in one line, or empty.
    """

    code: str = ""
    message: str = ""


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    NUL and lone surrogates, which no database and no strict encoder accept, become U+FFFD, so
    that one odd name does not cost the page; the mapping strips and notes them.

    Raises:
        Damaged: not JSON, or not an object.
    """
    odd = _SUSPICIOUS.search(body) is not None
    try:
        value = _clean(_parse_leniently(body)) if odd else orjson.loads(body)
    except (ValueError, RecursionError) as error:
        raise Damaged("damaged_answer", "not valid JSON") from error
    if not isinstance(value, dict):
        raise Damaged("damaged_answer", "not a JSON object")
    return value


def describe_error(body: bytes) -> GraphError:
    """Read an error body; an empty description when it is none of Graph's."""
    try:
        error = parse_object(body).get("error")
    except Damaged:
        return GraphError()
    if not isinstance(error, dict):
        return GraphError()
    code, message = error.get("code"), error.get("message")
    known = code if isinstance(code, str) and _WORD.fullmatch(code) else ""
    return GraphError(known, " ".join(message.split()) if isinstance(message, str) else "")


def _parse_leniently(body: bytes) -> Any:
    return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _REFUSED.sub("\ufffd", value)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in value.items()}
    return value
