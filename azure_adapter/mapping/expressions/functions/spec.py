"""How a function of expressions is described: its parameters, what it means, and what it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from azure_adapter.mapping.expressions.values import Kind, Value

REFERENCE: Final = (
    "https://learn.microsoft.com/entra/identity/app-provisioning/"
    "functions-for-customizing-application-data"
)
"""Microsoft's page; a function's anchor in it is its name in lower case."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function.

    Attributes:
        name: Its name in Microsoft's reference.
        kind: What it takes; arguments are converted to it.
        required: Whether it may not be left out.
    """

    name: str
    kind: Kind = Kind.text
    required: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """An expression and what it gives.

    Attributes:
        expression: What is written.
        result: What it evaluates to.
        attributes: Attributes of the object.
    """

    expression: str
    result: Value
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of expressions.

    Attributes:
        name: Its name.
        parameters: Its parameters.
        run: What it does. It takes the converted arguments, None for one that is left out; a
            ``lazy`` function takes callables instead, one with ``scope`` takes a ``Scope`` first.
        meaning: What it does, for an administrator, null included.
        example: One example, for the documentation.
        returns: What it returns.
        repeat: How many of the last parameters may be repeated together.
        least: How often those must be given.
        lazy: Arguments are evaluated only when they are needed.
        scope: It needs the clock, chance, or what is taken.
        only_on_create: It may stand only in rows that apply only on create.
        top_level: It may not stand inside another function.
        refused: Why it cannot be used here; empty when it can.
        check: Checks arguments that are constants; it takes them, None for any other, and raises
            ``Failure``.
    """

    name: str
    parameters: tuple[Parameter, ...]
    run: Callable[..., Value]
    meaning: str
    example: Example | None = None
    returns: Kind = Kind.text
    repeat: int = 0
    least: int = 1
    lazy: bool = False
    scope: bool = False
    only_on_create: bool = False
    top_level: bool = False
    refused: str = ""
    check: Callable[[list[Value]], None] | None = None

    @property
    def signature(self) -> str:
        """The function as it is written: optional parameters in brackets, repetition as dots."""
        names = [one.name if one.required else f"[{one.name}]" for one in self.parameters]
        return f"{self.name}({', '.join([*names, '…'] if self.repeat else names)})"

    @property
    def fewest(self) -> int:
        """The least number of arguments."""
        required = [index for index, one in enumerate(self.parameters, 1) if one.required]
        extra = (self.least - 1) * self.repeat
        return (required[-1] if required else 0) + extra

    def parameter(self, index: int) -> Parameter:
        """Return the parameter that an argument is for."""
        if index < len(self.parameters):
            return self.parameters[index]
        first = len(self.parameters) - self.repeat
        return self.parameters[first + (index - first) % self.repeat]

    def takes(self, count: int) -> bool:
        """Say whether it can be called with a number of arguments."""
        if count < self.fewest:
            return False
        if not self.repeat:
            return count <= len(self.parameters)
        return (count - (len(self.parameters) - self.repeat)) % self.repeat == 0
