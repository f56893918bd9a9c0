"""Turns the syntax tree of an expression into a function of an object; nothing is ``eval``-ed.

Everything that can be checked without an object is checked here: names, numbers of arguments,
constants, regular expressions and formats, and single texts fed by several values.
"""

from collections.abc import Callable
from typing import Final

from azure_adapter.mapping.expressions.context import EvaluationContext, Scope
from azure_adapter.mapping.expressions.errors import ExpressionError, Failure, suggestion
from azure_adapter.mapping.expressions.expression import (
    Evaluate,
    Expression,
    Resolve,
    SourceAttribute,
)
from azure_adapter.mapping.expressions.functions import FUNCTIONS
from azure_adapter.mapping.expressions.functions.logic import FlowIgnored
from azure_adapter.mapping.expressions.functions.spec import Function
from azure_adapter.mapping.expressions.nodes import (
    Argument,
    Attribute,
    Call,
    Comparison,
    Literal,
    Missing,
    Word,
)
from azure_adapter.mapping.expressions.parser import parse
from azure_adapter.mapping.expressions.values import (
    Kind,
    Value,
    bounded,
    ordered,
    same,
    to_boolean,
    to_integer,
    to_many,
    to_moment,
    to_number,
    to_text,
    to_texts,
    to_word,
)


def compile_expression(source: str, resolve: Resolve) -> Expression:
    """Compile an expression.

    Args:
        source: Its text.
        resolve: Finds attributes.

    Raises:
        ExpressionError: what is wrong, and where.
    """
    node = parse(source)
    compiler = _Compiler(source, resolve)
    evaluate = compiler.node(node, top=True)
    return Expression(
        source,
        node,
        tuple(compiler.attributes.values()),
        compiler.many(node),
        compiler.only_on_create,
        compiler.redacted,
        tuple(compiler.rules),
        evaluate,
    )


_CONVERT: Final[dict[Kind, Callable[[Value], Value]]] = {
    Kind.text: to_text,
    Kind.number: to_number,
    Kind.integer: to_integer,
    Kind.boolean: to_boolean,
    Kind.moment: to_moment,
    Kind.many: to_many,
    Kind.texts: to_texts,
    Kind.word: to_word,
}
_SINGLE: Final = frozenset(
    {Kind.text, Kind.number, Kind.integer, Kind.boolean, Kind.moment, Kind.word}
)
_COMPARE: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "=": same,
    "<>": lambda left, right: not same(left, right),
    "<": lambda left, right: ordered(left, right) < 0,
    "<=": lambda left, right: ordered(left, right) <= 0,
    ">": lambda left, right: ordered(left, right) > 0,
    ">=": lambda left, right: ordered(left, right) >= 0,
}


class _Compiler:
    def __init__(self, source: str, resolve: Resolve) -> None:
        self._source = source
        self._resolve = resolve
        self.attributes: dict[str, SourceAttribute] = {}
        self.only_on_create = ""
        self.redacted = False
        self.rules: list[Evaluate] = []

    def _error(self, message: str, at: int) -> ExpressionError:
        return ExpressionError(message, self._source, at)

    # -- nodes ------------------------------------------------------------------

    def node(self, node: Argument, *, top: bool = False) -> Evaluate:
        match node:
            case Literal(value):
                return lambda _: value
            case Attribute():
                return self._attribute(node)
            case Comparison():
                return self._comparison(node)
            case Call():
                return self._call(node, top)
            case Word(name):
                raise self._error(f"{name} has no meaning here.", node.at)
        return lambda _: None

    def _attribute(self, node: Attribute) -> Evaluate:
        attribute = self._found(node)
        self.attributes.setdefault(attribute.name, attribute)
        read = attribute.read

        def evaluate(scope: Scope) -> Value:
            try:
                return bounded(read(scope.attributes))
            except Failure as failure:
                raise self._error(f"{attribute.name}: {failure.message}", node.at) from None

        return evaluate

    def _found(self, node: Attribute) -> SourceAttribute:
        try:
            return self._resolve(node.name)
        except Failure as failure:
            raise self._error(failure.message, node.at) from None

    def _comparison(self, node: Comparison) -> Evaluate:
        for side in (node.left, node.right):
            if self.many(side):
                raise self._error("Values that are compared must be single.", side.at)
        left, right = self.node(node.left), self.node(node.right)
        compare = _COMPARE[node.operator]

        def evaluate(scope: Scope) -> Value:
            first, second = left(scope), right(scope)
            try:
                return compare(first, second)
            except Failure as failure:
                raise self._error(failure.message, node.at) from None

        return evaluate

    # -- calls ------------------------------------------------------------------

    def _call(self, node: Call, top: bool) -> Evaluate:
        function = self._function(node, top)
        self._check_arguments(function, node)
        arguments = [
            self._argument(function, index, argument)
            for index, argument in enumerate(node.arguments)
        ]
        if function.top_level:
            self.rules = arguments
        missing = max(0, len(function.parameters) - len(arguments))
        evaluate = self._calling(function, node, arguments, missing)
        self._try(function, node, evaluate)
        return evaluate

    def _function(self, node: Call, top: bool) -> Function:
        function = FUNCTIONS.get(node.name.lower())
        if function is None:
            names = (one.name for one in FUNCTIONS.values())
            hint = suggestion(node.name, names)
            raise self._error(f"There is no function {node.name[:60]}.{hint}", node.at)
        if function.refused:
            raise self._error(f"{function.name}: {function.refused}", node.at)
        if function.top_level and not top:
            raise self._error(
                f"{function.name} stands at the top of an expression, not inside another function.",
                node.at,
            )
        if function.only_on_create:
            self.only_on_create = function.name
        self.redacted = self.redacted or function.name == "Redact"
        return function

    def _check_arguments(self, function: Function, node: Call) -> None:
        count = len(node.arguments)
        if not function.takes(count):
            plural = "" if count == 1 else "s"
            raise self._error(
                f"{function.name} was given {count or 'no'} argument{plural}. It is written "
                f"{function.signature}.",
                node.at,
            )
        for index, argument in enumerate(node.arguments):
            parameter = function.parameter(index)
            if isinstance(argument, Missing) and parameter.required:
                raise self._error(
                    f"{function.name} needs a value for {parameter.name} here. It is written "
                    f"{function.signature}.",
                    argument.at,
                )
            if parameter.kind in _SINGLE and self.many(argument):
                raise self._error(_several(function, parameter.name, argument), argument.at)

    def _argument(self, function: Function, index: int, argument: Argument) -> Evaluate:
        kind = function.parameter(index).kind
        if kind is Kind.word and isinstance(argument, Word):
            word = argument.name
            return lambda _: word
        evaluate = self.node(argument)
        convert = _CONVERT.get(kind)
        if convert is None or isinstance(argument, Missing):
            return evaluate
        if isinstance(argument, Literal):
            return self._constant(function, convert, argument)
        return self._converting(function, convert, evaluate, argument.at)

    def _constant(
        self, function: Function, convert: Callable[[Value], Value], argument: Literal
    ) -> Evaluate:
        try:
            value = convert(argument.value)
        except Failure as failure:
            raise self._error(f"{function.name}: {failure.message}", argument.at) from None
        return lambda _: value

    def _converting(
        self, function: Function, convert: Callable[[Value], Value], evaluate: Evaluate, at: int
    ) -> Evaluate:
        def converted(scope: Scope) -> Value:
            value = evaluate(scope)
            try:
                return convert(value)
            except Failure as failure:
                raise self._error(f"{function.name}: {failure.message}", at) from None

        return converted

    def _calling(
        self, function: Function, node: Call, arguments: list[Evaluate], missing: int
    ) -> Evaluate:
        run = function.run
        rest = (None,) * missing

        def call(scope: Scope) -> Value:
            first = (scope,) if function.scope else ()
            if function.lazy:
                later = [_later(one, scope) for one in (*arguments, *(_nothing,) * missing)]
                return run(*first, *later)
            return run(*first, *[one(scope) for one in arguments], *rest)

        def evaluate(scope: Scope) -> Value:
            try:
                return bounded(call(scope))
            except Failure as failure:
                raise self._blamed(function, node, failure) from None

        return evaluate

    def _blamed(self, function: Function, node: Call, failure: Failure) -> ExpressionError:
        index = failure.argument
        known = index is not None and index < len(node.arguments)
        at = node.arguments[index].at if known and index is not None else node.at
        return self._error(f"{function.name}: {failure.message}", at)

    def _try(self, function: Function, node: Call, evaluate: Evaluate) -> None:
        """Find errors that every object would meet: those that come from constants alone."""
        constants = [one.value if isinstance(one, Literal) else None for one in node.arguments]
        if function.check is not None:
            filled = [*constants, *[None] * (len(function.parameters) - len(constants))]
            try:
                function.check(list(filled))
            except Failure as failure:
                raise self._blamed(function, node, failure) from None
        if not function.scope and all(
            isinstance(one, (Literal, Missing)) for one in node.arguments
        ):
            try:
                evaluate(Scope({}, EvaluationContext()))
            except FlowIgnored:
                return

    # -- several values ---------------------------------------------------------

    def many(self, node: Argument) -> bool:
        """Say whether a part may have several values."""
        if isinstance(node, Attribute):
            return self._found(node).many
        function = FUNCTIONS.get(node.name.lower()) if isinstance(node, Call) else None
        if function is None or not isinstance(node, Call):
            return False
        if function.returns is Kind.any:
            return any(map(self.many, _results(function, node)))
        return function.returns is Kind.many


def _results(function: Function, node: Call) -> list[Argument]:
    """Return the arguments of which a function returns one."""
    arguments = list(node.arguments)
    if function.name == "IIF":
        return arguments[1:]
    return arguments[1:2] + arguments[3::2] if function.name == "Switch" else arguments


def _several(function: Function, parameter: str, argument: Argument) -> str:
    what = f"[{argument.name}]" if isinstance(argument, Attribute) else "this"
    return (
        f"{function.name} takes a single value for {parameter}, but {what} may have several. Take "
        "one with Item, or put them together with Join."
    )


def _later(evaluate: Evaluate, scope: Scope) -> Callable[[], Value]:
    return lambda: evaluate(scope)


def _nothing(_: Scope) -> Value:
    return None
