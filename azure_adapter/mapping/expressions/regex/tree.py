"""What a regular expression is made of, and what it costs to match it.

A character class keeps the text that Python's ``re`` reads it from: both ways of matching then
mean the same by it.
"""

from dataclasses import dataclass
from typing import Final

MOST: Final = 10**9
"""A count that is as good as infinite."""


@dataclass(frozen=True, slots=True)
class Char:
    """One character of a class, in Python's syntax."""

    source: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place between characters: one of ``^ $ A Z z b B``."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other."""

    parts: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several, the first that fits."""

    options: tuple["Tree", ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Parentheses; ``index`` counts those that keep what they match, from 1; 0 keeps nothing."""

    body: "Tree"
    index: int = 0


@dataclass(frozen=True, slots=True)
class Repeat:
    """A number of repetitions; ``most`` None has no end."""

    body: "Tree"
    least: int
    most: int | None
    lazy: bool = False


Tree = Char | Anchor | Sequence | Choice | Group | Repeat
"""A regular expression or a part of one."""

_ANCHORS: Final = {
    "^": "^",
    "$": "$",
    "A": r"\A",
    "Z": r"(?=\n?\Z)",
    "z": r"\Z",
    "b": r"\b",
    "B": r"(?!\b)",
}


def to_python(tree: Tree) -> str:
    """Write a tree in the syntax of Python's ``re``; groups are numbered from left to right."""
    match tree:
        case Char(source):
            return source
        case Anchor(kind):
            return _ANCHORS[kind]
        case Sequence(parts):
            return "".join(map(to_python, parts))
        case Choice(options):
            return f"(?:{'|'.join(map(to_python, options))})"
        case Group(body, index):
            return f"({'' if index else '?:'}{to_python(body)})"
        case Repeat(body, least, most, lazy):
            count = f"{{{least},{'' if most is None else most}}}"
            return f"(?:{to_python(body)}){count}{'?' if lazy else ''}"


def instructions(tree: Tree) -> int:
    """Count the instructions that the machine needs for a tree, at most ``MOST``."""
    match tree:
        case Sequence(parts):
            return min(MOST, sum(map(instructions, parts)))
        case Choice(options):
            return min(MOST, sum(instructions(one) + 2 for one in options))
        case Group(body):
            return min(MOST, instructions(body) + 2)
        case Repeat(body, least, most):
            copies = least + 1 if most is None else max(most, 1)
            return min(MOST, copies * (instructions(body) + 2))
    return 1


def can_be_empty(tree: Tree) -> bool:
    """Say whether a tree can match no character at all."""
    match tree:
        case Char():
            return False
        case Sequence(parts):
            return all(map(can_be_empty, parts))
        case Choice(options):
            return any(map(can_be_empty, options))
        case Group(body):
            return can_be_empty(body)
        case Repeat(body, least):
            return least == 0 or can_be_empty(body)
    return True


def begins_at_start(tree: Tree) -> bool:
    """Say whether a tree begins with an anchor of the beginning (of a line or of the text)."""
    match tree:
        case Anchor(kind):
            return kind in ("^", "A")
        case Group(body):
            return begins_at_start(body)
        case Sequence(parts):
            return bool(parts) and begins_at_start(parts[0])
    return False


def ways(tree: Tree, length: int) -> int:
    """Bound the number of ways in which backtracking can match a tree from one position.

    A repetition of single characters has as many ways as it has lengths. One of anything else
    may divide the text between its rounds in exponentially many ways, unless it has few rounds.

    Args:
        tree: What is matched.
        length: Characters of the text.

    Returns:
        The bound, at most ``MOST``.
    """
    match tree:
        case Sequence(parts):
            total = 1
            for part in parts:
                total = min(MOST, total * ways(part, length))
            return total
        case Choice(options):
            return min(MOST, sum(ways(one, length) for one in options))
        case Group(body):
            return ways(body, length)
        case Repeat(body, least, most):
            if can_be_empty(body) and most != 1:
                return MOST
            return _ways_of_repeat(body, least, length if most is None else most, length)
    return 1


def _ways_of_repeat(body: Tree, least: int, most: int, length: int) -> int:
    if isinstance(body, Group) and not can_be_empty(body):
        inner = body.body
        body = inner if isinstance(inner, Char) else body
    if isinstance(body, Char):
        return max(1, min(most, length) - least + 1)
    if (least, most) == (0, 1):
        return min(MOST, 1 + ways(body, length))
    if most > 8:
        return MOST
    one = ways(body, length)
    total = 0
    for rounds in range(least, most + 1):
        total += one**rounds
    return min(MOST, total)
