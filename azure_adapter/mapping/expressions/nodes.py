"""The syntax tree of an expression: immutable values, and how they are written.

Positions (``at``, the offset of a node's first character) are no part of equality: two
expressions that say the same are equal however they are laid out.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the source object, ``[mail]``."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a number, or True or False."""

    value: str | int | float | bool
    at: int = field(default=0, compare=False, repr=False)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal)
            and type(self.value) is type(other.value)
            and self.value == other.value
        )

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Word:
    """A word with a meaning of its own, such as ``vbTextCompare``."""

    name: str
    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """An argument that was left empty, as the second one of ``Switch([a], , "b", "c")``."""

    at: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple["Argument", ...] = ()
    at: int = field(default=0, compare=False, repr=False)
    depth: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared: ``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``."""

    operator: str
    left: "Operand"
    right: "Operand"
    at: int = field(default=0, compare=False, repr=False)


Operand = Attribute | Literal | Word | Call
"""What may stand on a side of a comparison."""

Node = Operand | Comparison
"""A whole expression."""

Argument = Node | Missing
"""What may stand between the commas of a call."""


def depth(node: Argument) -> int:
    """Return how deeply calls are nested."""
    if isinstance(node, Call):
        return node.depth
    if isinstance(node, Comparison):
        return max(depth(node.left), depth(node.right))
    return 0


def render(node: Argument) -> str:
    """Write an expression; parsing the text gives an equal tree."""
    match node:
        case Attribute(name):
            return f"[{name}]"
        case Literal(value):
            return quoted(value) if isinstance(value, str) else repr(value)
        case Word(name):
            return name
        case Missing():
            return ""
        case Comparison(operator, left, right):
            return f"{render(left)} {operator} {render(right)}"
        case Call(name, arguments):
            return f"{name}({', '.join(map(render, arguments))})"


def quoted(text: str) -> str:
    """Write a text constant: backslash and quotation mark are escaped."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
