"""Filters that differ in their strings only, so that they can share one plan.

``userName eq "ann"`` and ``userName eq "bob"`` have one shape. A shape is a filter whose strings
stand for themselves: each is compared by ``eq``, and none of them is empty or escaped.
"""

import re
from functools import lru_cache

_EQUAL = re.compile(r"\s+eq\s+$", re.I)
LONGEST = 500

Shape = tuple[str, ...]
"""The text between the strings of a filter."""


def taken_apart(text: str) -> tuple[Shape, tuple[str, ...]]:
    """Return the shape of a filter and its strings; without strings where it has no such shape."""
    if "\\" in text or not text.isprintable():
        return (text,), ()
    parts = text.split('"')
    if len(parts) % 2 == 0 or len(parts) == 1:
        return (text,), ()
    literals = tuple(parts[1::2])
    if not all(literals) or max(map(len, literals)) > LONGEST:
        return (text,), ()
    shape = tuple(parts[::2])
    return (shape, literals) if _only_equal(shape) else ((text,), ())


@lru_cache(maxsize=1_024)
def _only_equal(shape: Shape) -> bool:
    return all(_EQUAL.search(each) for each in shape[:-1])


def sample(shape: Shape) -> tuple[str, tuple[str, ...]]:
    """Return a filter of a shape, and the strings in it, which nothing else holds."""
    strings = tuple(f"Zq\u00c9{index}\u00ebQz" for index in range(len(shape) - 1))
    text = shape[0]
    for literal, rest in zip(strings, shape[1:], strict=True):
        text += f'"{literal}"{rest}'
    return text, strings
