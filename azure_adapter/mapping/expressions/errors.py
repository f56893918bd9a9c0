"""What is wrong with an expression, and where: errors that point at the character."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_WINDOW: Final = 100
"""How much of a long line is shown around the character."""


class ExpressionError(Exception):
    """An expression that cannot be read, or that cannot be evaluated for an object.

    Attributes:
        message: What is wrong and what to do, in sentences for a person.
        source: The whole expression.
        offset: Index of the character in it, from 0.
        line: Line of the character, from 1.
        column: Character in that line, from 1.
    """

    def __init__(self, message: str, source: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.source = source
        self.offset = min(max(offset, 0), len(source))
        before = source[: self.offset]
        self.line = before.count("\n") + 1
        self.column = self.offset - (before.rfind("\n") + 1) + 1

    def __str__(self) -> str:
        return f"{self.message} (line {self.line}, character {self.column})"

    def render(self) -> str:
        """Show the line, a caret under the character, and the message below it."""
        text = self.source.split("\n")[self.line - 1]
        start = max(0, self.column - 1 - _WINDOW // 2)
        shown = "".join(one if one.isprintable() else " " for one in text[start : start + _WINDOW])
        lead = "…" if start else ""
        tail = "…" if start + _WINDOW < len(text) else ""
        indent = " " * (len(lead) + self.column - 1 - start)
        return f"{lead}{shown}{tail}\n{indent}^\n{self.message}"


class Failure(Exception):
    """What a function says of its arguments; becomes an ``ExpressionError`` with a position.

    Attributes:
        message: What is wrong, in a sentence.
        argument: Index of the argument that is to blame; None blames the function.
    """

    def __init__(self, message: str, argument: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.argument = argument


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean …?" for the nearest of the known words, or nothing."""
    by_key = {one.lower(): one for one in known}
    near = get_close_matches(word[:100].lower(), by_key, n=1, cutoff=0.6)
    return f" Did you mean {by_key[near[0]]}?" if near else ""
