"""What a resource may hold, beyond its schema: lengths, and characters that databases refuse."""

from typing import Any

import orjson
from scim2_models import InvalidValueException

from storage.filters.values import storable

LONGEST = 500
"""Characters of a userName, displayName, externalId or e-mail address."""

LONGEST_KEY = 2_000
"""Bytes of the folded form of those: PostgreSQL indexes no more than 2,704 bytes of one row."""


def check_text(attribute: str, value: str | None, key: str | None = None) -> None:
    """Refuse a value that is too long for an index.

    Raises:
        InvalidValueException: (400) naming the attribute and the limit.
    """
    if value is None:
        return
    if len(value) > LONGEST or (key is not None and len(key.encode()) > LONGEST_KEY):
        raise InvalidValueException(
            attribute=attribute,
            detail=f"{attribute} is too long: at most {LONGEST} characters are kept.",
        )


def check_characters(document: dict[str, Any]) -> bytes:
    """Return a document as JSON, or refuse it for characters that no database keeps.

    Raises:
        InvalidValueException: (400) naming the attribute that holds NUL, a lone surrogate or an
            integer of more than 64 bits.
    """
    try:
        encoded = orjson.dumps(document)
        if b"\\u0000" not in encoded:
            return encoded
    except TypeError:
        encoded = b""
    for name, value in document.items():
        if not _in_range(value):
            raise InvalidValueException(
                attribute=name,
                detail=f"{name} holds an integer of more than 64 bits, which cannot be stored.",
            )
        if not _storable(value):
            raise InvalidValueException(
                attribute=name,
                detail=f"{name} holds a character that cannot be stored (NUL or a lone surrogate).",
            )
    return encoded


def _in_range(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_in_range(item) for item in value.values())
    if isinstance(value, list):
        return all(_in_range(item) for item in value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _storable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_storable(key) and _storable(item) for key, item in value.items())
    if isinstance(value, list):
        return all(_storable(item) for item in value)
    return storable(value)
