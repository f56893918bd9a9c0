"""Filters that differ in their strings only, so that they can share one plan.

``userName eq "ann"`` and ``userName eq "bob"`` have one shape. A shape is a filter whose strings
stand for themselves: each is compared by ``eq``, and none of them is empty or escaped. The string
that ``type`` is compared with belongs to the shape: there are few types.
"""

import re
from functools import lru_cache

from pydantic import EmailStr, TypeAdapter, ValidationError

from scim.provisioning.keys import comparison_key

_EQUAL = re.compile(r"\s+eq\s+$", re.I)
_TYPE = re.compile(r"(?<![\w$-])type\s+eq\s+$", re.I)
LONGEST = 500

Shape = tuple[str, ...]
"""The text between the strings of a filter."""


def taken_apart(text: str) -> tuple[Shape, tuple[str, ...]]:
    """Return the shape of a filter and its strings; without strings where it has no such shape."""
    parts = text.split('"')
    if len(parts) % 2 == 0 or "\\" in text or not text.isprintable():
        return (text,), ()
    shape: list[str] = [parts[0]]
    literals: list[str] = []
    for literal, rest in zip(parts[1::2], parts[2::2], strict=True):
        before = shape[-1]
        if not _EQUAL.search(before) or not literal or len(literal) > LONGEST:
            return (text,), ()
        if _TYPE.search(before):
            shape[-1] = f'{before}"{literal}"{rest}'
        else:
            literals.append(literal)
            shape.append(rest)
    return tuple(shape), tuple(literals)


def sample(shape: Shape, *, addresses: bool) -> tuple[str, tuple[str, ...]]:
    """Return a filter of a shape, and the strings in it, which nothing else holds.

    Args:
        shape: the shape.
        addresses: the strings are e-mail addresses: an address is compared with nothing else.
    """
    form = "Zq{}eQz@zq.example" if addresses else "Zq\u00c9{}\u00ebQz"
    strings = tuple(form.format(index) for index in range(len(shape) - 1))
    text = shape[0]
    for literal, rest in zip(strings, shape[1:], strict=True):
        text += f'"{literal}"{rest}'
    return text, strings


_ADDRESS = TypeAdapter(EmailStr)


@lru_cache(maxsize=4_096)
def is_address(text: str) -> bool:
    """Return whether a string is an e-mail address that is compared as it stands."""
    try:
        return comparison_key(str(_ADDRESS.validate_python(text))) == comparison_key(text)
    except ValidationError:
        return False
