"""How much one request may ask for. Every limit is told with what to do instead."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
from scim2_models import (
    InvalidFilterException,
    InvalidPathException,
    InvalidSyntaxException,
    PayloadTooLargeException,
)
from scim2_models.path import Comparison, FilterNode, LogicalExpr, Not, Present, ValuePath

MAX_DEPTH = 32
"""How deep arrays and objects of a body may nest (SCIM itself needs about eight)."""

MAX_PATCH_OPERATIONS = 1_000
MAX_VALUES = 30_000
"""The values of one array, such as the members in one request."""

_ODD_NUMBER = re.compile(rb"NaN|Infinity")
"""What JSON does not have, and the protocol engine's parser reads as numbers nevertheless."""

MAX_FILTER_LENGTH = 4_096
MAX_FILTER_TERMS = 200
"""The comparisons of one filter."""


def check_document(body: bytes, *, max_operations: int = MAX_PATCH_OPERATIONS) -> None:
    """Refuse a body that nests too deep or lists too much; one that is no JSON passes.

    Args:
        body: as it came. One with few brackets cannot be over any limit and is not read.
        max_operations: the most ``Operations`` it may hold.

    Raises:
        InvalidSyntaxException: (400) too deep.
        PayloadTooLargeException: (413) too many operations or values.
    """
    is_small = body.count(b"{") + body.count(b"[") <= MAX_DEPTH and body.count(b",") < MAX_VALUES
    if is_small and not _ODD_NUMBER.search(body):
        return
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "ecursion" in str(error):
            raise _too_deep() from None
        if _ODD_NUMBER.search(body):
            raise InvalidSyntaxException(
                detail="The body is not valid JSON: it has no NaN and no Infinity. Send one JSON "
                "object."
            ) from None
        return
    for name, values in _lists(document):
        most = max_operations if name.lower() == "operations" else MAX_VALUES
        if len(values) > most:
            raise PayloadTooLargeException(
                detail=f"{name}: has {len(values)} values, and one request takes at most {most}. "
                "Split it into several requests."
            )


def _lists(document: Any) -> Iterator[tuple[str, list[Any]]]:
    """Yield each array with its name, level by level.

    Raises:
        InvalidSyntaxException: the document nests too deep.
    """
    if not isinstance(document, list | dict):
        return
    level: list[tuple[str, Any]] = [("the body", document)]
    for _ in range(MAX_DEPTH):
        below: list[tuple[str, Any]] = []
        for name, node in level:
            if isinstance(node, list):
                yield name, node
                below += [(name, item) for item in node if isinstance(item, list | dict)]
            else:
                path = node.get("path")
                below += [
                    (path if k == "value" and isinstance(path, str) else k, v)
                    for k, v in node.items()
                    if isinstance(v, list | dict)
                ]
        if not below:
            return
        level = below
    raise _too_deep()


def _too_deep() -> InvalidSyntaxException:
    return InvalidSyntaxException(
        detail=f"The body nests deeper than {MAX_DEPTH} levels. No SCIM message does: send the "
        "attributes as their schemas declare them."
    )


def check_filter_text(text: Any) -> None:
    """Refuse a filter that is too long to be read.

    Raises:
        InvalidFilterException: (400) it names the limit.
    """
    if isinstance(text, str) and len(text) > MAX_FILTER_LENGTH:
        raise InvalidFilterException(
            detail=f"The filter has more than {MAX_FILTER_LENGTH} characters. Send several "
            "searches, or use paging."
        )


def check_path_text(text: Any) -> None:
    """Refuse a PATCH path that is too long to be read.

    Raises:
        InvalidPathException: (400) it names the limit.
    """
    if isinstance(text, str) and len(text) > MAX_FILTER_LENGTH:
        raise InvalidPathException(
            detail=f"The path has more than {MAX_FILTER_LENGTH} characters. Send several "
            "operations."
        )


def terms(node: FilterNode) -> Iterator[Comparison | Present | ValuePath]:
    """Yield the comparisons, presence tests and value paths of a filter, inner ones included."""
    stack: list[FilterNode] = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, LogicalExpr):
            stack += each.terms
        elif isinstance(each, Not):
            stack.append(each.expr)
        elif isinstance(each, Comparison | Present):
            yield each
        elif isinstance(each, ValuePath):
            yield each
            stack.append(each.val_filter)


def check_filter_terms(node: FilterNode) -> None:
    """Refuse a filter that compares too often.

    Raises:
        InvalidFilterException: (400) it names the limit.
    """
    if sum(1 for _ in terms(node)) > MAX_FILTER_TERMS:
        raise InvalidFilterException(
            detail=f"The filter has more than {MAX_FILTER_TERMS} comparisons. Send several "
            "searches."
        )
