"""What is wrong with a scope: where, what, and what to do."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from azure_adapter.mapping.expressions.errors import suggestion

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ScopeProblem:
    """One problem.

    Attributes:
        where: path to the value, such as ``users.rules[0].clauses[1].operator``.
        message: what is wrong with it.
        remedy: what to do.
    """

    where: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} {self.remedy}"


class ScopeInvalid(ValueError):
    """A scope cannot be used.

    Attributes:
        problems: every problem, in the order of the scope.
    """

    def __init__(self, problems: Collection[ScopeProblem]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(slots=True)
class Problems:
    """Collects problems while a scope is read; the readers return a usable stand-in and go on.

    Attributes:
        found: what was found so far.
        path: where reading is.
    """

    found: list[ScopeProblem] = field(default_factory=list)
    path: list[str] = field(default_factory=list)

    @contextmanager
    def at(self, *steps: str | int) -> Iterator[None]:
        """Read something deeper; an index becomes ``[n]``."""
        before = len(self.path)
        self.path += [f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps]
        try:
            yield
        finally:
            del self.path[before:]

    def add(self, message: str, remedy: str) -> None:
        """Note a problem of what is being read."""
        where = "".join(self.path).lstrip(".") or "scope"
        self.found.append(ScopeProblem(where, message, remedy))

    def mapping(self, value: object, keys: Collection[str]) -> Mapping[str, Any]:
        """Read an object that may have these keys only; ``None`` is an empty one."""
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.add("It is not an object.", f"Give an object with {_listed(keys)}.")
            return {}
        for key in value:
            if key not in keys:
                hint = suggestion(str(key), keys) or f" Known here: {_listed(keys)}."
                self.add(f"The key {str(key)[:64]!r} is not known.", f"Remove it.{hint}")
        return value

    def items(self, value: object, most: int) -> list[Any]:
        """Read a list of at most so many items; ``None`` is an empty one."""
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.add("It is not a list.", "Put the value into brackets, even a single one.")
            return []
        if len(value) > most:
            self.add(f"It has {len(value)} entries; at most {most} are allowed.", "Shorten it.")
            return []
        return list(value)

    def flag(self, value: object, default: bool) -> bool:
        """Read true or false."""
        if value is None:
            return default
        if not isinstance(value, bool):
            self.add(f"{_shown(value)} is neither true nor false.", "Give true or false.")
            return default
        return value

    def text(self, value: object, most: int) -> str:
        """Read a text of at most so many characters; ``None`` is an empty one."""
        if value is None:
            return ""
        if not isinstance(value, str):
            self.add(f"{_shown(value)} is not a text.", "Put it into quotation marks.")
            return ""
        if len(value) > most:
            self.add(f"It has {len(value)} characters; at most {most} are allowed.", "Shorten it.")
            return ""
        return value

    def word(self, value: object, words: type[E], default: E) -> E:
        """Read one of the words of an enumeration, in any case."""
        if value is None:
            return default
        for word in words:
            if isinstance(value, str) and value.strip().lower() == word.value.lower():
                return word
        hint = suggestion(value, [*words]) if isinstance(value, str) else ""
        self.add(f"{_shown(value)} is not known.", f"Give one of {_listed([*words])}.{hint}")
        return default


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _listed(words: Collection[str]) -> str:
    return ", ".join(str(word) for word in words)
