"""The settings of a user sync, read strictly one by one: from a form, the API or the database."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from azure_adapter.mapping import (
    DEFAULT_TABLE,
    MappingTable,
    MappingTableError,
    table_from_json,
)
from azure_adapter.mapping.targets import Target
from azure_adapter.sync.config import DeletionPolicy, Enrollment, SafeguardLimits
from azure_adapter.sync.nesting import NestedGroups, nested_from_json
from azure_adapter.sync.scope import Scope, ScopeInvalid
from gateway.mail.address import check_address
from scim.provisioning.records import UniqueField

E = TypeVar("E", bound=StrEnum)

LONGEST_NAME: Final = 128
"""How many characters a user sync's name has at most."""

LONGEST_ADDRESS: Final = 320

LIMITS: Final = ("percent", "at_least", "enabled")


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one setting, so that a form can say it beside the field.

    Attributes:
        field: path to the value, such as ``name``, ``safeguard.percent``,
            ``scope.users.rules[0].clauses[1].operator`` or ``mapping.user[3]``.
        message: what is wrong.
        advice: what to do, "" when the message says it.
    """

    field: str
    message: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.message} {self.advice}".strip()


class FieldsInvalid(ValueError):
    """Settings that cannot be used.

    Attributes:
        problems: everything that is wrong, in the order of the fields.
    """

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def _refuse(field: str, message: str, advice: str = "") -> FieldsInvalid:
    return FieldsInvalid([FieldProblem(field, message, advice)])


def read_name(value: object) -> str:
    """Read a user sync's name.

    Raises:
        FieldsInvalid: it is empty, too long, or has control characters in it.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= LONGEST_NAME or not text.isprintable():
        raise _refuse(
            "name",
            f"The name has to have 1 to {LONGEST_NAME} characters.",
            "Choose one by which people tell this user sync from others.",
        )
    return text


def read_report_email(value: object) -> str:
    """Read the address that sync reports go to; "" for nobody.

    Raises:
        FieldsInvalid: it is none.
    """
    text = value.strip() if isinstance(value, str) else None
    if text == "":
        return ""
    try:
        if text is None or len(text) > LONGEST_ADDRESS:
            raise ValueError("it has to be one mail address, such as admin@example.com")
        return check_address(text)
    except ValueError as error:
        raise _refuse("report_email", f"The address cannot be used: {error}.") from None


def _word(field: str, words: type[E]) -> Callable[[object], E]:
    def read(value: object) -> E:
        found = next((word for word in words if word.value == value), None)
        if found is None:
            raise _refuse(
                field,
                f"{str(value)[:40]!r} is not known.",
                f"Choose one of {', '.join(word.value for word in words)}.",
            )
        return found

    return read


read_enrollment = _word("enrollment", Enrollment)
"""Reads the Enrollment Type."""

read_unique_field = _word("unique_field", UniqueField)
"""Reads the Unique field."""

read_deletion_policy = _word("deletion_policy", DeletionPolicy)
"""Reads what a deletion in Azure does to a user."""


def read_nested(value: object) -> NestedGroups:
    """Read what becomes of groups in groups.

    Raises:
        FieldsInvalid: it is neither kept nor flattened.
    """
    try:
        return nested_from_json(value)
    except ValueError as error:
        raise _refuse("nested", str(error)) from None


def read_safeguard(value: object, present: SafeguardLimits | None = None) -> SafeguardLimits:
    """Read the limits of what a run may do without a person.

    Args:
        value: an object with some of ``percent``, ``at_least``, ``enabled``.
        present: what those are that are not given; the defaults, unless said otherwise.

    Raises:
        FieldsInvalid: with every problem.
    """
    if not isinstance(value, Mapping):
        raise _refuse("safeguard", "It is not an object.", f"Give {', '.join(LIMITS)}.")
    problems = list(_limit_problems(value))
    if problems:
        raise FieldsInvalid(problems)
    return replace(present or SafeguardLimits(), **value)


def limits_to_json(limits: SafeguardLimits) -> dict[str, Any]:
    """Return limits as :func:`read_safeguard` reads them."""
    return {name: getattr(limits, name) for name in LIMITS}


def _limit_problems(value: Mapping[str, Any]) -> Iterator[FieldProblem]:
    for key in value:
        if key not in LIMITS:
            yield FieldProblem(
                f"safeguard.{str(key)[:40]}", "There is no such limit.", f"Use {', '.join(LIMITS)}."
            )
    percent, at_least = value.get("percent", 1), value.get("at_least", 0)
    if not _is_number(percent) or not 1 <= percent <= 100:
        yield FieldProblem("safeguard.percent", "It has to be a whole number from 1 to 100.")
    if not _is_number(at_least) or not 0 <= at_least <= 1_000_000:
        yield FieldProblem("safeguard.at_least", "It has to be a whole number from 0 to 1,000,000.")
    if not isinstance(value.get("enabled", True), bool):
        yield FieldProblem("safeguard.enabled", "It has to be true or false.")


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def read_scope(value: object) -> Scope:
    """Read the scope.

    Raises:
        FieldsInvalid: with every problem.
    """
    try:
        return Scope.from_json(value)
    except ScopeInvalid as error:
        raise FieldsInvalid(
            [FieldProblem(_below("scope", p.where), p.message, p.remedy) for p in error.problems]
        ) from None


def _below(field: str, where: str) -> str:
    return field if where == field else f"{field}.{where}"


def read_mapping(value: object, extensions: Iterable[Target] = ()) -> MappingTable:
    """Read the mapping table; ``None`` and ``{}`` are the default.

    Args:
        value: the table.
        extensions: custom attributes that may be mapped to.

    Raises:
        FieldsInvalid: with every problem.
    """
    if value is None or value == {}:
        return DEFAULT_TABLE
    try:
        return table_from_json(value, extensions)
    except MappingTableError as error:
        raise FieldsInvalid(
            [
                FieldProblem(
                    f"mapping.{p.kind.value}" + (f"[{p.row}]" if p.row else ""), p.message, p.advice
                )
                for p in error.problems
            ]
        ) from None
