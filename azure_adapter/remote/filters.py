"""Filters that ask for several values at once (RFC 7644 §3.4.2.2). Pure."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

import orjson

MOST_VALUES: Final = 50
"""Values in one filter at most."""

MOST_BYTES: Final = 3_000
"""Length of a filter in a URL at most; many servers refuse URLs beyond 4 or 8 KiB."""

VALUE: Final = "{}"
"""Where a condition has its value."""


def quoted(value: str) -> str:
    """Return a string as filters write it: in JSON, with everything but ASCII as it is."""
    return orjson.dumps(value).decode()


def condition(template: str, value: str) -> str:
    """Return the condition for one value.

    Args:
        template: such as ``userName eq {}``.
        value: any text; quotes and backslashes are escaped.
    """
    return template.replace(VALUE, quoted(value))


def any_of(template: str, values: Sequence[str]) -> str:
    """Return the filter that holds for each of the values."""
    return " or ".join(condition(template, value) for value in values)


def portions(template: str, values: Sequence[str], most: int) -> Iterator[list[str]]:
    """Yield the values in portions that fit into one filter each.

    Args:
        template: what each is asked with.
        values: in this order.
        most: values in a portion at most.
    """
    portion: list[str] = []
    size = 0
    for value in values:
        cost = len(quote(condition(template, value))) + len("%20or%20")
        if portion and (len(portion) >= most or size + cost > MOST_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(value)
        size += cost
    if portion:
        yield portion
