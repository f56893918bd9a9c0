"""Functions of conditions: they choose, and they tell what is there.

Source: Entra: "Reference for writing expressions for attribute mappings". Where the reference
lists a known limitation of the service (IIF with empty attributes), the function does what it
says without the limitation.
"""

from collections.abc import Callable
from typing import Final

from azure_adapter.mapping.expressions.functions.spec import Example, Function, Parameter
from azure_adapter.mapping.expressions.values import Kind, Value, same, to_boolean

Later = Callable[[], Value]
"""An argument that is evaluated when it is called."""


class FlowIgnored(Exception):
    """The expression has no value, and what the target has is to stay."""


def _iif(condition: Later, when_true: Later, when_false: Later) -> Value:
    return when_true() if to_boolean(condition()) else when_false()


def _switch(source: Later, default: Later, *pairs: Later) -> Value:
    value = source()
    for key, result in zip(pairs[::2], pairs[1::2], strict=True):
        if same(_as_word(value), _as_word(key())):
            return result()
    return default()


def _as_word(value: Value) -> Value:
    """Keys are compared as texts, with their case: true is not True."""
    if isinstance(value, bool):
        return "True" if value else "False"
    return value


def _coalesce(*sources: Later) -> Value:
    for source in sources:
        value = source()
        if value is not None and value != ():
            return value
    return None


def _is_null(value: Value) -> Value:
    return value is None or value == ()


def _is_null_or_empty(value: Value) -> Value:
    return value is None or value in ("", ())


def _is_present(value: Value) -> Value:
    return not _is_null_or_empty(value)


def _is_string(value: Value) -> Value:
    return isinstance(value, str)


def _not(source: str | None) -> Value:
    return (source or "").strip().lower() != "true"


def _c_bool(value: bool) -> Value:
    return value


def _ignore_flow(value: Value) -> Value:
    if _is_null_or_empty(value):
        raise FlowIgnored
    return value


def _any(name: str, *, required: bool = True) -> Parameter:
    return Parameter(name, Kind.any, required)


_EXPRESSION: Final = (_any("expression"),)

FUNCTIONS: Final = (
    Function(
        "IIF",
        (
            Parameter("condition", Kind.any),
            _any("valueIfTrue"),
            _any("valueIfFalse"),
        ),
        _iif,
        'One of two values, by a condition such as [country] = "USA". The operators are =, <>, '
        "<, <=, >, >=; case counts, and null is the same as an empty text. For AND and OR, nest "
        "IIF. Only the value that is chosen is evaluated.",
        Example('IIF([country] = "USA", [state], [city])', "Prague", {"city": "Prague"}),
        Kind.any,
        lazy=True,
    ),
    Function(
        "Switch",
        (
            _any("source"),
            _any("defaultValue", required=False),
            _any("key"),
            _any("value"),
        ),
        _switch,
        "The value behind the key that is equal to the source; without one, the default value, or "
        'null when that is left out. Case counts. The key "" stands for a source that is null or '
        "empty.",
        Example(
            'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
            "True",
            {"accountEnabled": True},
        ),
        Kind.any,
        repeat=2,
        lazy=True,
    ),
    Function(
        "Coalesce",
        (_any("source"),),
        _coalesce,
        "The first of the sources that is not null; null when all are. An empty text is not null.",
        Example(
            "Coalesce([mail], [userPrincipalName])",
            "ann@contoso.com",
            {"userPrincipalName": "ann@contoso.com"},
        ),
        Kind.any,
        repeat=1,
        lazy=True,
    ),
    Function(
        "IsNull",
        _EXPRESSION,
        _is_null,
        "True when the value is null: an attribute that the object does not have.",
        Example("IsNull([displayName])", True),
        Kind.boolean,
    ),
    Function(
        "IsNullOrEmpty",
        _EXPRESSION,
        _is_null_or_empty,
        "True when the value is null or an empty text.",
        Example('IsNullOrEmpty("")', True),
        Kind.boolean,
    ),
    Function(
        "IsPresent",
        _EXPRESSION,
        _is_present,
        "True when the value is neither null nor an empty text.",
        Example("IsPresent([displayName])", True, {"displayName": "Ann"}),
        Kind.boolean,
    ),
    Function(
        "IsString",
        _EXPRESSION,
        _is_string,
        "True when the value is a single text, and not null, a number, True or False, a date or "
        "several values.",
        Example("IsString([displayName])", True, {"displayName": "Ann"}),
        Kind.boolean,
    ),
    Function(
        "Not",
        (Parameter("source"),),
        _not,
        "False when the source is True, in any case; otherwise True, also for null.",
        Example("Not([IsSoftDeleted])", True, {"accountEnabled": True}),
        Kind.boolean,
    ),
    Function(
        "CBool",
        (Parameter("expression", Kind.boolean),),
        _c_bool,
        "True for True and for any number but 0, False for False, 0, null and an empty text. Any "
        "other text is an error.",
        Example(
            "CBool([city] = [state])",
            True,
            {"city": "Berlin", "state": "Berlin"},
        ),
        Kind.boolean,
    ),
    Function(
        "IgnoreFlowIfNullOrEmpty",
        _EXPRESSION,
        _ignore_flow,
        "The value. When it is null or empty, the whole row is left out and the target keeps what "
        "it has.",
        Example("IgnoreFlowIfNullOrEmpty([department])", "Sales", {"department": "Sales"}),
        Kind.any,
    ),
)
"""Functions that choose and ask."""
