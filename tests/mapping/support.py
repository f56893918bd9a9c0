"""What the tests of expressions share: attributes of any name, and a context that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure_adapter.mapping.expressions import (
    EvaluationContext,
    Failure,
    Ignored,
    Value,
    compile_expression,
)
from azure_adapter.mapping.sources import find_source

CONTEXT = EvaluationContext(
    now=datetime(2021, 7, 2, 15, 33, 38, tzinfo=UTC),
    seed=b"tests",
    taken={"userName": frozenset({"annb", "j.smith@contoso.com"})},
)
"""The context of examples."""

OBJECT_ID = "8f3107f2-7c2e-4a39-9f5e-0d8a6e3c1b42"


@dataclass(frozen=True)
class Named:
    """An attribute of any name, multi-valued when the object's value is a list."""

    name: str
    many: bool = False

    def read(self, attributes: Mapping[str, Any]) -> Value:
        value = attributes.get(self.name)
        return tuple(value) if isinstance(value, list) else value


def evaluate(
    expression: str,
    attributes: Mapping[str, Any] | None = None,
    context: EvaluationContext = CONTEXT,
    target: str = "userName",
) -> Value | Ignored:
    """Evaluate an expression; attributes that the catalogue does not know are read as they are."""
    values = {"id": OBJECT_ID, **(attributes or {})}

    def resolve(name: str) -> Any:
        try:
            known = find_source(name)
        except Failure:
            known = None
        if known is None or (name in values and known.select != name):
            return Named(name, isinstance(values.get(name), list))
        return known

    return compile_expression(expression, resolve).evaluate(values, context, target)
