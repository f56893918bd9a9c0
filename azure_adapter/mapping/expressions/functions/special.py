"""Functions of chance and uniqueness, of the logs, and those that need what is not read.

Source: Entra: "Reference for writing expressions for attribute mappings".
"""

from typing import Final
from uuid import UUID

from azure_adapter.mapping.expressions.context import Scope
from azure_adapter.mapping.expressions.errors import Failure
from azure_adapter.mapping.expressions.functions.logic import Later
from azure_adapter.mapping.expressions.functions.spec import Example, Function, Parameter
from azure_adapter.mapping.expressions.values import Kind, Value, shown, to_integer, to_text

MAX_RANDOM: Final = 256
"""Longest random text."""

_SETS: Final = (
    "0123456789",
    "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
)
_SET_NAMES: Final = ("numbers", "special characters", "capital letters", "lower case letters")


def _guid(scope: Scope) -> Value:
    return str(UUID(bytes=scope.dice().take(16), version=4))


def _random_string(
    scope: Scope,
    length: int | None,
    numbers: int | None,
    specials: int | None,
    capitals: int | None,
    lowers: int | None,
    avoid: str | None,
) -> Value:
    minimums = [numbers or 0, specials or 0, capitals or 0, lowers or 0]
    wanted = _checked_length(length, minimums)
    sets = ["".join(one for one in letters if one not in (avoid or "")) for letters in _SETS]
    for index, (least, letters) in enumerate(zip(minimums, sets, strict=True)):
        if least and not letters:
            raise Failure(f"CharactersToAvoid leaves no {_SET_NAMES[index]}.", 5)
    dice = scope.dice()
    picked = [
        dice.pick(letters)
        for least, letters in zip(minimums, sets, strict=True)
        for _ in range(least)
    ]
    rest = wanted - len(picked)
    filling = _filling(minimums, sets) if rest else ""
    return "".join(dice.shuffle([*picked, *(dice.pick(filling) for _ in range(rest))]))


def _checked_length(length: int | None, minimums: list[int]) -> int:
    if length is None or not 1 <= length <= MAX_RANDOM:
        raise Failure(f"The length must be 1 to {MAX_RANDOM}.", 0)
    for index, least in enumerate(minimums):
        if least < 0:
            raise Failure("A minimum must be 0 or more.", index + 1)
    if sum(minimums) > length:
        raise Failure(f"The minimums make {sum(minimums)} characters, more than the length.", 0)
    return length


def _check_random(arguments: list[Value]) -> None:
    length, *minimums = arguments[:5]
    told = [to_integer(one) or 0 for one in minimums]
    _checked_length(MAX_RANDOM if length is None else to_integer(length), told)


def _filling(minimums: list[int], sets: list[str]) -> str:
    """Return what the rest is drawn from: the kinds asked for, or letters and digits."""
    kinds = [letters for least, letters in zip(minimums, sets, strict=True) if least]
    letters = "".join(kinds or (sets[0], sets[2], sets[3]))
    if not letters:
        raise Failure("CharactersToAvoid leaves no character.", 5)
    return letters


def _select_unique_value(scope: Scope, *rules: Later) -> Value:
    tried: list[str] = []
    for rule in rules:
        value = to_text(rule())
        if not value or value in tried:
            continue
        if not scope.is_taken(value):
            return value
        tried.append(value)
    if not tried:
        return None
    raise Failure(f"Every value is taken already: {', '.join(map(shown, tried))}.")


def _redact(value: Value) -> Value:
    return value


def _refused(*_: Value) -> Value:
    raise Failure("This function cannot be used here.")


_ROLES: Final = (
    "App role assignments are not read by this user sync, which knows users, groups and "
    "memberships only. Use groups for roles, or a constant."
)

FUNCTIONS: Final = (
    Function(
        "Guid",
        (),
        _guid,
        "A new random GUID.",
        Example("Guid()", "68c5e32a-c192-469b-8bcc-d695e0d5547b"),
        scope=True,
        only_on_create=True,
    ),
    Function(
        "RandomString",
        (
            Parameter("Length", Kind.integer),
            Parameter("MinimumNumbers", Kind.integer),
            Parameter("MinimumSpecialCharacters", Kind.integer),
            Parameter("MinimumCapital", Kind.integer),
            Parameter("MinimumLowerCase", Kind.integer),
            Parameter("CharactersToAvoid", required=False),
        ),
        _random_string,
        f"A random text of up to {MAX_RANDOM} characters, with at least so many of each kind. The "
        "rest is drawn from the kinds whose minimum is not 0, or from letters and digits when all "
        "are.",
        Example("RandomString(6, 3, 0, 0, 3)", "7tw17z"),
        scope=True,
        only_on_create=True,
        check=_check_random,
    ),
    Function(
        "SelectUniqueValue",
        (Parameter("uniqueValueRule1", Kind.any), Parameter("uniqueValueRule2", Kind.any)),
        _select_unique_value,
        "The first of the values that no user has yet, compared without case. It stands at the "
        "top of an expression, for userName or the work e-mail address. When all are taken, an "
        "error on the user; null and empty values are passed over.",
        Example(
            'SelectUniqueValue([mailNickname], Join(".", [givenName], [surname]))',
            "Ann.Bell",
            {"mailNickname": "annb", "givenName": "Ann", "surname": "Bell"},
        ),
        repeat=1,
        lazy=True,
        scope=True,
        only_on_create=True,
        top_level=True,
    ),
    Function(
        "Redact",
        (Parameter("value", Kind.any),),
        _redact,
        'The value; plans, logs and reports show "[Redact]" instead of what the row gives.',
        Example("Redact([employeeId])", "000001", {"employeeId": "000001"}),
        Kind.any,
    ),
    Function(
        "SingleAppRoleAssignment",
        (Parameter("appRoleAssignments", Kind.any),),
        _refused,
        f"Cannot be used. {_ROLES}",
        refused=_ROLES,
    ),
    Function(
        "AppRoleAssignmentsComplex",
        (Parameter("appRoleAssignments", Kind.any),),
        _refused,
        f"Cannot be used. {_ROLES}",
        refused=_ROLES,
    ),
    Function(
        "AssertiveAppRoleAssignmentsComplex",
        (Parameter("appRoleAssignments", Kind.any),),
        _refused,
        f"Cannot be used. {_ROLES}",
        refused=_ROLES,
    ),
)
"""Functions with a rule of their own."""
