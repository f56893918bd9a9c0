"""JSON text and digests as the tables of a user sync keep them."""

import hashlib
import json
from typing import Any

import orjson

from scim.provisioning.source import Presence


def to_json(value: Any) -> str:
    """Return canonical JSON: keys sorted, no spaces, so that equal values are equal texts.

    A string that is not valid Unicode (half a surrogate pair) gets ``?`` in that place: one bad
    value of a source must not stop its sync.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="replace").decode()


def to_json_or_null(value: Any) -> str | None:
    """Return canonical JSON, or ``None`` (NULL) for ``None``."""
    return None if value is None else to_json(value)


def from_json(text: Any, default: Any = None) -> Any:
    """Return what a JSON column holds, or the default for NULL."""
    return default if text is None else orjson.loads(text)


def to_text(text: str) -> str:
    """Return a text that both databases store: no NUL, no half surrogate pairs."""
    return text.replace("\0", "").encode(errors="replace").decode()


def stamp_of(presence: Presence, attributes: str) -> str:
    """Return the digest of a mirror object's presence and canonical attributes."""
    text = f"{presence.value}\n{attributes}".encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()
