"""A compiled regular expression: its matches in a text, and .NET's replacement patterns.

Source: .NET: "Substitutions in regular expressions", ``Regex.Replace``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from azure_adapter.mapping.expressions.regex.classes import RegexError
from azure_adapter.mapping.expressions.regex.machine import MAX_STEPS, Machine, Spans, TooManySteps
from azure_adapter.mapping.expressions.regex.reader import Reader
from azure_adapter.mapping.expressions.regex.tree import (
    Tree,
    begins_at_start,
    instructions,
    to_python,
    ways,
)

__all__ = ["MAX_PATTERN", "Pattern", "RegexError", "TooManySteps", "compile_pattern"]

MAX_PATTERN: Final = 500
"""Longest pattern, in characters."""

MAX_INSTRUCTIONS: Final = 2_000
"""Largest program that a pattern may become."""

MAX_BACKTRACKING: Final = 1_000_000
"""How many steps Python's ``re`` may take for all matches in a text; some milliseconds."""

_SUBSTITUTION: Final = re.compile(r"\$(?:([0-9]{1,3})|\{(\w+)\}|([$&`'_+]))")


@dataclass(frozen=True)
class Pattern:
    """A regular expression.

    Attributes:
        tree: What it is made of.
        count: How many groups keep what they match.
        names: Index of a group by its name, or by its number as .NET counts.
        flags: Python's flags.
    """

    tree: Tree
    count: int
    names: dict[str, int]
    flags: re.RegexFlag

    @cached_property
    def _python(self) -> re.Pattern[str]:
        return re.compile(to_python(self.tree), self.flags)

    @cached_property
    def _machine(self) -> Machine:
        return Machine(self.tree, self.count, self.flags)

    @cached_property
    def _size(self) -> int:
        return instructions(self.tree)

    @cached_property
    def _is_anchored(self) -> bool:
        """Whether it can match from the beginning of a text only."""
        return begins_at_start(self.tree) and not self.flags & re.MULTILINE

    def is_bounded(self, text: str) -> bool:
        """Say whether backtracking takes few steps on a text, whatever is in it."""
        length = len(text) + 1
        starts = 1 if self._is_anchored else length
        return ways(self.tree, length) * starts * (length + self._size) <= MAX_BACKTRACKING

    def matches(self, text: str) -> Iterator[Spans]:
        """Yield where the pattern and its groups match, from left to right.

        Raises:
            TooManySteps: the text is too long for the pattern.
        """
        if not self.is_bounded(text):
            yield from self.machine_matches(text)
            return
        for found in self._python.finditer(text):
            yield _spans(found)

    def machine_matches(self, text: str) -> Iterator[Spans]:
        """Yield the same, always with the machine."""
        at, advance, steps = 0, False, MAX_STEPS
        while at <= len(text):
            found, steps = self._machine.find(text, at, steps, advance=advance)
            if found is None:
                return
            yield found
            at, advance = found[1], found[0] == found[1]

    def first(self, text: str, group: int) -> str | None:
        """Return what a group matches in the first match; None when there is none."""
        for spans in self.matches(text):
            return piece(text, spans, group)
        return None


def _spans(found: re.Match[str]) -> Spans:
    groups = range((found.re.groups or 0) + 1)
    return tuple(place for index in groups for place in found.span(index))


def piece(text: str, spans: Spans, group: int) -> str | None:
    """Return what a group matched."""
    begin, end = spans[2 * group], spans[2 * group + 1]
    return None if begin < 0 else text[begin:end]


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Pattern:
    """Compile a regular expression of .NET.

    Raises:
        RegexError: it is none, is too large, or uses what is not supported.
    """
    if len(text) > MAX_PATTERN:
        message = f"The pattern has {len(text)} characters; at most {MAX_PATTERN} are allowed."
        raise RegexError(message, MAX_PATTERN)
    reader = Reader(text)
    tree = reader.read()
    if instructions(tree) > MAX_INSTRUCTIONS:
        raise RegexError("The repetitions of the pattern multiply to too many.", 0)
    return Pattern(tree, reader.count, _numbered(reader), reader.flags)


def _numbered(reader: Reader) -> dict[str, int]:
    """Number groups as .NET does: the unnamed ones first, then the named ones."""
    named = list(reader.names.values())
    unnamed = [index for index in range(1, reader.count + 1) if index not in named]
    numbers = {str(number): index for number, index in enumerate([0, *unnamed, *named])}
    return {**numbers, **reader.names}


def expand(template: str, pattern: Pattern, text: str, spans: Spans) -> str:
    """Fill in a replacement pattern: ``$1``, ``${name}``, ``$$``, ``$&`` and the like.

    What names no group stays as it is written, as in .NET.
    """

    def fill(found: re.Match[str]) -> str:
        if found[3]:
            return _special(found[3], pattern, text, spans)
        index = pattern.names.get(found[1] or found[2])
        return found[0] if index is None else piece(text, spans, index) or ""

    return _SUBSTITUTION.sub(fill, template)


def _special(letter: str, pattern: Pattern, text: str, spans: Spans) -> str:
    match letter:
        case "$":
            return "$"
        case "&":
            return piece(text, spans, 0) or ""
        case "`":
            return text[: spans[0]]
        case "'":
            return text[spans[1] :]
        case "_":
            return text
    return piece(text, spans, pattern.count) or ""
