"""Reads a regular expression of .NET into its tree.

Source: .NET: "Regular expression language - quick reference", grouping constructs, miscellaneous
constructs. Groups are numbered as there: those without a name first, then the named ones.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from azure_adapter.mapping.expressions.regex.classes import (
    ESCAPED_CLASSES,
    RegexError,
    read_class,
    read_escape,
)
from azure_adapter.mapping.expressions.regex.tree import (
    Anchor,
    Char,
    Choice,
    Group,
    Repeat,
    Sequence,
    Tree,
)

MAX_DEPTH: Final = 30
"""How deeply groups may be nested."""

MAX_REPEAT: Final = 1_000
"""Largest number of repetitions that a pattern may ask for."""

_REPEAT: Final = re.compile(r"\{([0-9]{1,9})(,([0-9]{0,9}))?\}")
_NAME: Final = re.compile(r"\(\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')")
_FLAGS: Final = re.compile(r"\(\?([a-zA-Z]+)\)")
_ANCHORS: Final = frozenset("AZzbB")
_KNOWN_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
_REFUSED: Final = {
    "(?=": "look-ahead",
    "(?!": "look-ahead",
    "(?<=": "look-behind",
    "(?<!": "look-behind",
    "(?>": "an atomic group",
    "(?(": "a condition",
    "(?#": "a comment",
}


@dataclass(slots=True)
class Reader:
    """Reads one pattern.

    Attributes:
        text: The pattern.
        at: Where reading is.
        count: How many groups that keep something were met.
        names: Index of a named group.
        flags: Python's flags.
    """

    text: str
    at: int = 0
    count: int = 0
    names: dict[str, int] = field(default_factory=dict)
    flags: re.RegexFlag = re.NOFLAG
    deep: int = 0

    def read(self) -> Tree:
        """Read the whole pattern."""
        if found := _FLAGS.match(self.text):
            self._read_flags(found)
        tree = self._choice()
        if self.at < len(self.text):
            raise RegexError("This parenthesis is not opened.", self.at)
        return tree

    def _read_flags(self, found: re.Match[str]) -> None:
        for letter in found[1]:
            if letter not in _KNOWN_FLAGS:
                raise RegexError(f"The option {letter} is not supported; i, m and s are.", 0)
            self.flags |= _KNOWN_FLAGS[letter]
        self.at = found.end()

    def _choice(self) -> Tree:
        options = [self._sequence()]
        while self.text.startswith("|", self.at):
            self.at += 1
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            start = self.at
            atom = self._atom()
            parts.append(self._repeated(atom, start))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Tree:
        letter = self.text[self.at]
        special = _ATOMS.get(letter)
        if special is not None:
            return special(self)
        if letter in "*+?" or (letter == "{" and _REPEAT.match(self.text, self.at)):
            raise RegexError(f"There is nothing that {letter} could repeat.", self.at)
        self.at += 1
        return Char(re.escape(letter))

    def _dot(self) -> Tree:
        self.at += 1
        return Char(".")

    def _edge(self) -> Tree:
        self.at += 1
        return Anchor(self.text[self.at - 1])

    def _class(self) -> Tree:
        source, self.at = read_class(self.text, self.at)
        return Char(source)

    def _escape(self) -> Tree:
        letter = self.text[self.at + 1 : self.at + 2]
        if letter in _ANCHORS and letter:
            self.at += 2
            return Anchor(letter)
        if letter in ESCAPED_CLASSES and letter:
            self.at += 2
            return Char("\\" + letter)
        source, self.at = read_escape(self.text, self.at)
        return Char(source)

    def _group(self) -> Tree:
        start, index = self.at, self._opened()
        self.deep += 1
        if self.deep > MAX_DEPTH:
            raise RegexError(f"Groups are nested more than {MAX_DEPTH} deep.", start)
        body = self._choice()
        self.deep -= 1
        if not self.text.startswith(")", self.at):
            raise RegexError("This parenthesis is not closed.", start)
        self.at += 1
        return Group(body, index)

    def _opened(self) -> int:
        """Pass what opens a group; returns its index, 0 when it keeps nothing."""
        start = self.at
        if self.text.startswith("(?:", start):
            self.at += 3
            return 0
        named = _NAME.match(self.text, start)
        if named is None and self.text.startswith("(?", start):
            raise RegexError(f"{self._odd(start)} is not supported.", start)
        self.count += 1
        self.at = start + 1
        if named is not None:
            name = named[1] or named[2]
            if name in self.names:
                raise RegexError(f"Two groups have the name {name}.", start)
            self.names[name] = self.count
            self.at = named.end()
        return self.count

    def _odd(self, start: int) -> str:
        for opening, name in _REFUSED.items():
            if self.text.startswith(opening, start):
                return name.capitalize()
        return f"The group {self.text[start : start + 4]}"

    def _repeated(self, atom: Tree, start: int) -> Tree:
        found = self._quantifier()
        if found is None:
            return atom
        least, most = found
        if isinstance(atom, Anchor):
            raise RegexError("A place between characters cannot be repeated.", start)
        if most is not None and least > most:
            raise RegexError("The repetition has a minimum above its maximum.", start)
        if max(least, most or 0) > MAX_REPEAT:
            raise RegexError(f"At most {MAX_REPEAT} repetitions can be asked for.", start)
        lazy = self.text.startswith("?", self.at)
        self.at += lazy
        if self.text[self.at : self.at + 1] in ("*", "+", "?") or self._counted():
            raise RegexError("A repetition cannot be repeated; use a group.", self.at)
        return Repeat(atom, least, most, lazy)

    def _counted(self) -> bool:
        return _REPEAT.match(self.text, self.at) is not None

    def _quantifier(self) -> tuple[int, int | None] | None:
        simple = _SIMPLE.get(self.text[self.at : self.at + 1])
        if simple is not None:
            self.at += 1
            return simple
        found = _REPEAT.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        least = int(found[1])
        if found[2] is None:
            return least, least
        return least, int(found[3]) if found[3] else None


_SIMPLE: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_ATOMS: Final[dict[str, Callable[[Reader], Tree]]] = {
    ".": Reader._dot,
    "^": Reader._edge,
    "$": Reader._edge,
    "[": Reader._class,
    "\\": Reader._escape,
    "(": Reader._group,
}
