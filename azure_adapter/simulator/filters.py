"""``$filter`` of plain listings: parsed, checked, and applied.

Sources: Microsoft Graph: "Use the $filter query parameter", "Advanced query capabilities on
Microsoft Entra ID objects", property tables of user and group.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from azure_adapter.simulator.model import Entry
from azure_adapter.simulator.properties import KNOWN

Test = Callable[[Entry], bool]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_][\w/]*)|(?P<sign>[(),]))"
)
_ADVANCED_OPERATORS: Final = frozenset({"ne", "not", "endswith"})
_NO_FILTER: Final[dict[str, frozenset[str]]] = {
    "user": frozenset({"ageGroup", "faxNumber", "showInAddressList", "onPremisesDomainName"}),
    "group": frozenset({"creationOptions", "classification"}),
}
_UNINDEXED: Final = frozenset({"businessPhones", "mobilePhone"})
_MOST_IN: Final = 15


class FilterError(ValueError):
    """A filter that Graph would not take."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter.

    Attributes:
        test: Whether an object fits.
        advanced: Whether it needs ``ConsistencyLevel: eventual`` and ``$count=true``.
        ids: The only ids that can fit, when the filter says so; None otherwise.
        upns: The same for user principal names, lower-case.
    """

    test: Test
    advanced: bool = False
    ids: frozenset[str] | None = None
    upns: frozenset[str] | None = None


def parse_filter(text: str, kind: str) -> Filter:
    """Parse a filter.

    Args:
        text: Value of ``$filter``.
        kind: ``user`` or ``group``.

    Raises:
        FilterError: It is malformed, or names something that cannot be filtered.
    """
    parser = _Parser(_tokens(text), kind)
    test = parser.disjunction()
    if parser.peek() is not None:
        raise FilterError("Syntax error in $filter.")
    single = parser.single
    return Filter(
        test,
        parser.advanced,
        frozenset(single["id"]) if single is not None and "id" in single else None,
        frozenset(single["userPrincipalName"])
        if single is not None and "userPrincipalName" in single
        else None,
    )


def _tokens(text: str) -> list[str]:
    found, position, end = list[str](), 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterError("Syntax error in $filter.")
        found.append(match[0].strip())
        position = match.end()
    return found


class _Parser:
    """Recursive descent over ``or``, ``and``, ``not``, parentheses and comparisons."""

    def __init__(self, tokens: list[str], kind: str) -> None:
        self._tokens = tokens
        self._kind = kind
        self._at = 0
        self._comparisons = 0
        self._found: dict[str, list[str]] = {}
        self.advanced = False

    @property
    def single(self) -> dict[str, list[str]] | None:
        """Property to wanted values, when the filter is one comparison for equality."""
        return self._found if self._comparisons == 1 and not self.advanced else None

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def disjunction(self) -> Test:
        return self._joined("or", self._conjunction, any)

    def _conjunction(self) -> Test:
        return self._joined("and", self._term, all)

    def _joined(self, word: str, part: Callable[[], Test], fold: Callable[[Any], bool]) -> Test:
        tests = [part()]
        while (self.peek() or "").lower() == word:
            self._next()
            tests.append(part())
        if len(tests) == 1:
            return tests[0]
        return lambda entry: fold(test(entry) for test in tests)

    def _term(self) -> Test:
        token = self._next()
        if token == "(":  # noqa: S105
            test = self.disjunction()
            self._expect(")")
            return test
        name = token.lower()
        if name == "not":
            self.advanced = True
            negated = self._term()
            return lambda entry: not negated(entry)
        if name in ("startswith", "endswith"):
            return self._function(name)
        return self._comparison(token)

    def _function(self, name: str) -> Test:
        self._comparisons += 1
        self.advanced = self.advanced or name in _ADVANCED_OPERATORS
        self._expect("(")
        prop = self._property(self._next())
        self._expect(",")
        wanted = self._literal(self._next())
        self._expect(")")
        if not isinstance(wanted, str):
            raise FilterError("A string is wanted.")
        method = "startswith" if name == "startswith" else "endswith"
        return lambda entry: any(
            getattr(value, method)(wanted) for value in _values(entry, prop) if _is_text(value)
        )

    def _comparison(self, token: str) -> Test:
        self._comparisons += 1
        prop = self._property(token)
        operator = self._next().lower()
        if operator == "in":
            wanted = self._list()
        elif operator in ("eq", "ne"):
            wanted = [self._literal(self._next())]
        else:
            raise FilterError(f"The operator '{operator}' is not supported.")
        if operator == "ne":
            self.advanced = True
            return lambda entry: all(value not in wanted for value in _values(entry, prop))
        if None in wanted:
            self.advanced = self.advanced or self._kind == "user"
        self._found[prop] = [one for one in wanted if isinstance(one, str)]
        return lambda entry: any(value in wanted for value in _values(entry, prop))

    def _list(self) -> list[Any]:
        self._expect("(")
        found = [self._literal(self._next())]
        while self.peek() == ",":
            self._next()
            found.append(self._literal(self._next()))
        self._expect(")")
        if len(found) > _MOST_IN:
            raise FilterError(f"Too many child clauses specified in search filter: {len(found)}.")
        return found

    def _property(self, name: str) -> str:
        if name not in KNOWN[self._kind]:
            raise FilterError(f"Invalid filter clause: no property '{name}'.")
        if name in _NO_FILTER[self._kind]:
            raise FilterError(f"Unsupported property filter clause for '{name}'.")
        self.advanced = self.advanced or name in _UNINDEXED
        return name

    def _literal(self, token: str) -> Any:
        if token.startswith("'"):
            return token[1:-1].replace("''", "'").lower()
        try:
            return {"true": True, "false": False, "null": None}[token.lower()]
        except KeyError:
            raise FilterError(f"'{token}' is no value.") from None

    def _next(self) -> str:
        token = self.peek()
        if token is None:
            raise FilterError("Syntax error in $filter: it ends too early.")
        self._at += 1
        return token

    def _expect(self, wanted: str) -> None:
        if self._next() != wanted:
            raise FilterError(f"Syntax error in $filter: '{wanted}' is wanted.")


def _values(entry: Entry, prop: str) -> list[Any]:
    """Return a property's values for comparison: text without case, collections one by one."""
    value = entry.id if prop == "id" else entry.attrs.get(prop)
    found = value if isinstance(value, list) else [value]
    return [one.lower() if isinstance(one, str) else one for one in found]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
