"""A compiled expression, and what it is compiled from and evaluated with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from azure_adapter.mapping.expressions.context import EvaluationContext, Scope
from azure_adapter.mapping.expressions.errors import ExpressionError, Failure
from azure_adapter.mapping.expressions.functions.logic import FlowIgnored
from azure_adapter.mapping.expressions.nodes import Node
from azure_adapter.mapping.expressions.values import Value, to_text

Evaluate = Callable[[Scope], Value]
"""A compiled part of an expression."""


class Ignored:
    """The type of ``IGNORED``."""

    def __repr__(self) -> str:
        return "IGNORED"


IGNORED: Final = Ignored()
"""What an expression gives whose target is to keep what it has (IgnoreFlowIfNullOrEmpty)."""


class SourceAttribute(Protocol):
    """An attribute that expressions may read."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def many(self) -> bool:
        """Whether it is multi-valued."""

    def read(self, attributes: Mapping[str, Any]) -> Value:
        """Return an object's value; null when it has none or one of a wrong type."""


Resolve = Callable[[str], SourceAttribute]
"""Finds an attribute by its name; raises ``Failure`` when there is none."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        source: Its text.
        node: Its syntax tree.
        attributes: The attributes that it reads, in the order met.
        many: Whether it may give several values.
        only_on_create: Whether it calls a function that is for creations only; its name.
        redacted: Whether what it gives must not be shown.
        rules: The compiled arguments of SelectUniqueValue, when it is one.
    """

    source: str
    node: Node
    attributes: tuple[SourceAttribute, ...]
    many: bool
    only_on_create: str
    redacted: bool
    rules: tuple[Evaluate, ...]
    _evaluate: Evaluate

    def evaluate(
        self,
        attributes: Mapping[str, Any],
        context: EvaluationContext | None = None,
        target: str = "",
    ) -> Value | Ignored:
        """Evaluate the expression for one object.

        Args:
            attributes: The object's properties by name.
            context: The clock, chance, and what is taken.
            target: Path of the attribute that the value is for.

        Returns:
            The value, or ``IGNORED``.

        Raises:
            ExpressionError: it has no value for this object.
        """
        try:
            return self._evaluate(Scope(attributes, context or EvaluationContext(), target))
        except FlowIgnored:
            return IGNORED

    def candidates(
        self, attributes: Mapping[str, Any], context: EvaluationContext | None = None
    ) -> tuple[str, ...]:
        """Return the values that SelectUniqueValue would try; one that fails is left out."""
        found: list[str] = []
        for rule in self.rules:
            try:
                value = to_text(rule(Scope(attributes, context or EvaluationContext())))
            except (ExpressionError, Failure, FlowIgnored):
                continue
            found += [value] if value else []
        return tuple(dict.fromkeys(found))
