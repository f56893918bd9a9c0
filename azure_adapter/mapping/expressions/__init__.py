"""Entra's expression functions: read with a grammar, compiled, evaluated without ``eval``; pure.

``compile_expression`` reads and checks a text once; ``Expression.evaluate`` gives its value for an
object. Whatever goes wrong is an ``ExpressionError`` that points at the character.

Source: Entra: "Reference for writing expressions for attribute mappings in Microsoft Entra ID".
"""

from azure_adapter.mapping.expressions.compiler import compile_expression
from azure_adapter.mapping.expressions.context import EvaluationContext
from azure_adapter.mapping.expressions.errors import ExpressionError, Failure, suggestion
from azure_adapter.mapping.expressions.expression import (
    IGNORED,
    Expression,
    Ignored,
    Resolve,
    SourceAttribute,
)
from azure_adapter.mapping.expressions.functions import FUNCTIONS, Function
from azure_adapter.mapping.expressions.nodes import quoted, render
from azure_adapter.mapping.expressions.parser import MAX_DEPTH, MAX_LENGTH, parse
from azure_adapter.mapping.expressions.values import MAX_ITEMS, MAX_TEXT, Kind, Value, to_text

__all__ = [
    "FUNCTIONS",
    "IGNORED",
    "MAX_DEPTH",
    "MAX_ITEMS",
    "MAX_LENGTH",
    "MAX_TEXT",
    "EvaluationContext",
    "Expression",
    "ExpressionError",
    "Failure",
    "Function",
    "Ignored",
    "Kind",
    "Resolve",
    "SourceAttribute",
    "Value",
    "compile_expression",
    "parse",
    "quoted",
    "render",
    "suggestion",
    "to_text",
]
