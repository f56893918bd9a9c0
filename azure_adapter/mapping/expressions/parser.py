"""Reads the text of an expression into its syntax tree.

Source: Entra: "Reference for writing expressions for attribute mappings", syntax overview. Beyond
it: function names in any case, and the comparison operators and hexadecimal numbers that its
examples use.
"""

from functools import cache
from typing import Any, Final

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from azure_adapter.mapping.expressions.errors import ExpressionError, suggestion
from azure_adapter.mapping.expressions.functions import FUNCTIONS
from azure_adapter.mapping.expressions.nodes import (
    Argument,
    Attribute,
    Call,
    Comparison,
    Literal,
    Missing,
    Node,
    Word,
    depth,
)
from azure_adapter.mapping.expressions.values import WORDS

MAX_LENGTH: Final = 10_000
"""Longest expression, in characters."""

MAX_DEPTH: Final = 32
"""How deeply calls may be nested."""

MAX_ARGUMENTS: Final = 255
"""How many arguments a call may have."""

GRAMMAR: Final = r"""
start: expression
?expression: operand | comparison
comparison: operand COMPARE operand
?operand: call | ATTRIBUTE | STRING | HEX | NUMBER | WORD
call: WORD LPAR [expression] (COMMA [expression])* RPAR

LPAR: "("
RPAR: ")"
COMMA: ","
COMPARE: "<>" | "<=" | ">=" | "=" | "<" | ">"
ATTRIBUTE: /\[[^\[\]"\r\n]*\]/
STRING: /"(?:[^"\\]|\\[\s\S])*"/
HEX: /&[Hh][0-9A-Fa-f]+/
NUMBER: /-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/
WORD: /[A-Za-z_][A-Za-z0-9_]*/
%ignore /[ \t\r\n\u00a0]+/
"""

_WORDS: Final = {"true": True, "false": False}
_EXPECTED: Final = {
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "COMPARE": "a comparison",
    "$END": "the end",
}
_VALUES: Final = frozenset({"ATTRIBUTE", "STRING", "HEX", "NUMBER", "WORD"})
_ODD: Final = {
    '"': "The text that begins here has no closing quotation mark. A quotation mark inside a text "
    'is written \\".',
    "[": "The attribute that begins here has no closing bracket.",
    "&": "There is no operator &. Use Append or Join.",
    "+": "There is no operator +. Use Append or Join.",
    "'": "Texts are written between straight double quotation marks.",
} | dict.fromkeys("“”„‟«»", "Texts are written between straight double quotation marks.")


class _Unreadable(Exception):
    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at


def parse(text: str) -> Node:
    """Read an expression.

    Functions and attributes need not exist; ``compile_expression`` checks them.

    Raises:
        ExpressionError: it is no expression, is too long, or nests too deeply.
    """
    if len(text) > MAX_LENGTH:
        message = f"The expression has {len(text)} characters; at most {MAX_LENGTH} are allowed."
        raise ExpressionError(message, text, MAX_LENGTH)
    if not text.strip():
        raise ExpressionError("The expression is empty.", text, 0)
    try:
        tree: Any = _lark().parse(text)
    except UnexpectedInput as error:
        raise ExpressionError(_explain(error), text, _position(error, text)) from None
    except VisitError as error:
        if isinstance(error.orig_exc, _Unreadable):
            raise ExpressionError(error.orig_exc.message, text, error.orig_exc.at) from None
        raise
    except _Unreadable as error:
        raise ExpressionError(error.message, text, error.at) from None
    node: Node = tree
    return node


@cache
def _lark() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=True, transformer=_Builder())


def _position(error: UnexpectedInput, text: str) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return len(text.rstrip())
    return error.pos_in_stream or 0


def _explain(error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedCharacters):
        return _ODD.get(error.char, f"The character {error.char} cannot stand here.")
    expected = set(error.accepts or error.expected) if isinstance(error, UnexpectedToken) else set()
    wanted = [name for key, name in _EXPECTED.items() if key in expected]
    if _VALUES & expected:
        wanted.insert(0, "a value")
    ends = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    found = "The expression ends too early" if ends else f"{_shown(error)} is not expected here"
    return f"{found}; expected is {' or '.join(wanted)}." if wanted else f"{found}."


def _shown(error: UnexpectedInput) -> str:
    text = str(error.token) if isinstance(error, UnexpectedToken) else ""
    return text if len(text) <= 40 else f"{text[:40]}…"


class _Builder(Transformer[Token, Node]):
    """Makes nodes while the text is read, so that nothing recurses."""

    def start(self, children: list[Any]) -> Any:
        return _operand(children[0])

    def ATTRIBUTE(self, token: Token) -> Attribute:  # noqa: N802
        name = token[1:-1].strip()
        if not name:
            raise _Unreadable("An attribute needs a name: [mail].", _at(token))
        return Attribute(name, _at(token))

    def STRING(self, token: Token) -> Literal:  # noqa: N802
        return Literal(_unescaped(token), _at(token))

    def HEX(self, token: Token) -> Literal:  # noqa: N802
        return Literal(_integer(token, int(token[2:18], 16), len(token) <= 18), _at(token))

    def NUMBER(self, token: Token) -> Literal:  # noqa: N802
        if token.lstrip("-").isdigit():
            few = len(token) <= 20
            return Literal(_integer(token, int(token[:20]), few), _at(token))
        value = float(token)
        if value in (float("inf"), float("-inf")):
            raise _Unreadable("The number is too large.", _at(token))
        return Literal(value, _at(token))

    def comparison(self, children: list[Any]) -> Comparison:
        left, operator, right = children
        left, right = _operand(left), _operand(right)
        return Comparison(str(operator), left, right, left.at)

    def call(self, children: list[Any]) -> Call:
        name, _, *rest = children
        arguments = tuple(
            Missing(_at(after)) if one is None else _operand(one)
            for one, after in zip(rest[::2], rest[1::2], strict=True)
        )
        if len(arguments) > MAX_ARGUMENTS:
            raise _Unreadable(f"More than {MAX_ARGUMENTS} arguments.", _at(name))
        if len(arguments) == 1 and isinstance(arguments[0], Missing):
            arguments = ()
        return _call(name, arguments)


def _call(name: Token, arguments: tuple[Argument, ...]) -> Call:
    deep = 1 + max(map(depth, arguments), default=0)
    if deep > MAX_DEPTH:
        raise _Unreadable(f"Calls are nested more than {MAX_DEPTH} deep.", _at(name))
    known = FUNCTIONS.get(name.lower())
    return Call(known.name if known else str(name), arguments, _at(name), deep)


def _operand(child: Any) -> Any:
    """Return a node; a word that stands alone is True, False or a word with a meaning."""
    if not isinstance(child, Token):
        return child
    key = child.lower()
    if key in _WORDS:
        return Literal(_WORDS[key], _at(child))
    if key in WORDS:
        return Word(WORDS[key], _at(child))
    if key in FUNCTIONS:
        name = FUNCTIONS[key].name
        raise _Unreadable(f"{name} is a function: write {name}(…).", _at(child))
    hint = suggestion(child, WORDS.values())
    raise _Unreadable(
        f'{child[:40]} is no value. Texts are written "…", attributes […].{hint}', _at(child)
    )


def _integer(token: Token, value: int, few: bool) -> int:
    if not few or not -(2**63) <= value < 2**63:
        raise _Unreadable("The number is too large; at most 64 bits are kept.", _at(token))
    return value


def _unescaped(token: Token) -> str:
    parts: list[str] = []
    body, index = token[1:-1], 0
    while (found := body.find("\\", index)) >= 0:
        if body[found + 1] not in '"\\':
            raise _Unreadable(
                'A backslash in a text is written \\\\ (and a quotation mark \\").',
                _at(token) + 1 + found,
            )
        parts += [body[index:found], body[found + 1]]
        index = found + 2
    return "".join([*parts, body[index:]])


def _at(token: Token) -> int:
    return token.start_pos or 0
