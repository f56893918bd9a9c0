"""A machine that matches in time proportional to the text: all ways are followed at once.

Source: R. Cox, "Regular Expression Matching: the Virtual Machine Approach" (Pike's machine). The
preferred way is the one that backtracking would find first, so results are those of ``re``.
"""

import re
from collections.abc import Callable
from typing import Final

from azure_adapter.mapping.expressions.regex.tree import (
    Anchor,
    Char,
    Choice,
    Group,
    Repeat,
    Sequence,
    Tree,
)

Spans = tuple[int, ...]
"""Where groups begin and end, two places each, from the whole match on; -1 for not at all."""

MAX_STEPS: Final = 300_000
"""How many steps all matches in one text may take together; about a quarter of a second."""

_WORD: Final = re.compile(r"\w")


class TooManySteps(Exception):
    """A text is too long for the pattern."""


class Machine:
    """A pattern as a program.

    Args:
        tree: The pattern.
        groups: How many groups keep what they match.
        flags: Python's flags.
    """

    def __init__(self, tree: Tree, groups: int, flags: re.RegexFlag) -> None:
        self._flags = flags
        self._slots = 2 * (groups + 1)
        self._program: list[tuple[str, int, int]] = []
        self._tests: list[Callable[[str], bool]] = []
        self._emit(Group(tree, 0))
        self._program.append(("match", 0, 0))

    # -- the program ----------------------------------------------------------

    def _emit(self, tree: Tree) -> None:
        match tree:
            case Char(source):
                self._tests.append(_test(source, self._flags))
                self._program.append(("char", len(self._tests) - 1, 0))
            case Anchor(kind):
                self._program.append((f"at{kind}", 0, 0))
            case Sequence(parts):
                for part in parts:
                    self._emit(part)
            case Choice(options):
                self._emit_choice(options)
            case Group(body, index):
                self._emit_group(body, index)
            case Repeat():
                self._emit_repeat(tree)

    def _emit_choice(self, options: tuple[Tree, ...]) -> None:
        ends = []
        for option in options[:-1]:
            split = self._reserve()
            self._emit(option)
            ends.append(self._reserve())
            self._program[split] = ("split", split + 1, len(self._program))
        self._emit(options[-1])
        for end in ends:
            self._program[end] = ("jump", len(self._program), 0)

    def _emit_group(self, body: Tree, index: int) -> None:
        if index:
            self._program.append(("save", 2 * index, 0))
        self._emit(body)
        if index:
            self._program.append(("save", 2 * index + 1, 0))

    def _emit_repeat(self, repeat: Repeat) -> None:
        for _ in range(repeat.least):
            self._emit(repeat.body)
        if repeat.most is None:
            split = self._reserve()
            self._emit(repeat.body)
            self._program.append(("jump", split, 0))
            self._split(split, repeat.lazy)
            return
        splits = []
        for _ in range(repeat.most - repeat.least):
            splits.append(self._reserve())
            self._emit(repeat.body)
        for split in splits:
            self._split(split, repeat.lazy)

    def _reserve(self) -> int:
        self._program.append(("jump", 0, 0))
        return len(self._program) - 1

    def _split(self, split: int, lazy: bool) -> None:
        inside, outside = split + 1, len(self._program)
        first, second = (outside, inside) if lazy else (inside, outside)
        self._program[split] = ("split", first, second)

    # -- running it -----------------------------------------------------------

    def find(self, text: str, start: int, steps: int, *, advance: bool) -> tuple[Spans | None, int]:
        """Find the first match from a position on.

        Args:
            text: The text.
            start: Where to begin.
            steps: How many steps are left.
            advance: Whether an empty match at ``start`` does not count.

        Returns:
            The spans or None, and the steps left.

        Raises:
            TooManySteps: there are none left.
        """
        found: Spans | None = None
        threads: list[tuple[int, Spans]] = []
        for at in range(start, len(text) + 1):
            if found is None:
                fresh = (at, *(-1 for _ in range(self._slots - 1)))
                threads.append((0, fresh))
            ready, visited = self._follow(threads, text, at)
            steps -= visited
            if steps < 0:
                raise TooManySteps
            threads = []
            for pc, spans in ready:
                operation, operand, _ = self._program[pc]
                if operation == "match":
                    if advance and at == start and spans[0] == start:
                        continue
                    found = (spans[0], at, *spans[2:])
                    break
                if at < len(text) and self._tests[operand](text[at]):
                    threads.append((pc + 1, spans))
            if found is not None and not threads:
                break
        return found, steps

    def _follow(
        self, threads: list[tuple[int, Spans]], text: str, at: int
    ) -> tuple[list[tuple[int, Spans]], int]:
        """Follow threads to where they need a character or have matched, the preferred first.

        Returns:
            The threads, and how many instructions were visited.
        """
        ready: list[tuple[int, Spans]] = []
        seen: set[int] = set()
        stack = threads[::-1]
        while stack:
            pc, spans = stack.pop()
            if pc in seen:
                continue
            seen.add(pc)
            operation, first, second = self._program[pc]
            if operation in ("char", "match"):
                ready.append((pc, spans))
            elif operation == "jump":
                stack.append((first, spans))
            elif operation == "split":
                stack += [(second, spans), (first, spans)]
            elif operation == "save":
                stack.append((pc + 1, (*spans[:first], at, *spans[first + 1 :])))
            elif self._is_at(operation[2:], text, at):
                stack.append((pc + 1, spans))
        return ready, len(seen) + 1

    def _is_at(self, kind: str, text: str, at: int) -> bool:
        lines = bool(self._flags & re.MULTILINE)
        if kind in ("b", "B"):
            before = at > 0 and _WORD.match(text[at - 1]) is not None
            after = at < len(text) and _WORD.match(text[at]) is not None
            return (before != after) == (kind == "b")
        if kind in ("^", "A"):
            return at == 0 or (kind == "^" and lines and text[at - 1] == "\n")
        if at == len(text):
            return True
        if kind == "$" and lines:
            return text[at] == "\n"
        return kind != "z" and at == len(text) - 1 and text[at] == "\n"


def _test(source: str, flags: re.RegexFlag) -> Callable[[str], bool]:
    """Return a test of one character that means the same as in Python's ``re``."""
    matches = re.compile(source, flags).fullmatch
    known: dict[str, bool] = {}

    def test(letter: str) -> bool:
        answer = known.get(letter)
        if answer is None:
            answer = matches(letter) is not None
            if len(known) < 1_000:
                known[letter] = answer
        return answer

    return test
