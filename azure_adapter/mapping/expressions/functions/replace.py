"""Replace: by a text, by a template, or by a regular expression.

Source: Entra: "Reference for writing expressions for attribute mappings", Replace.
"""

from typing import Final

from azure_adapter.mapping.expressions.errors import Failure
from azure_adapter.mapping.expressions.functions.spec import Example, Function, Parameter
from azure_adapter.mapping.expressions.regex import (
    Pattern,
    RegexError,
    TooManySteps,
    compile_pattern,
)
from azure_adapter.mapping.expressions.regex.pattern import expand
from azure_adapter.mapping.expressions.values import Value, check_length

_OLD, _PATTERN, _GROUP = 1, 2, 3


def _replace(
    source: str | None,
    old: str | None,
    pattern: str | None,
    group: str | None,
    new: str | None,
    other: str | None,
    template: str | None,
) -> Value:
    if pattern:
        return _by_pattern(source, pattern, group, new, other)
    if not source or not old:
        return source
    if template is not None:
        return _exchanged(template, old, source)
    return source if new is None else _exchanged(source, old, new)


def _exchanged(text: str, old: str, new: str) -> str:
    check_length(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _by_pattern(
    source: str | None, text: str, group: str | None, new: str | None, other: str | None
) -> Value:
    pattern, index = _compiled(text, group)
    try:
        if new is None:
            return source if source else _extracted(pattern, index, other)
        if source is None:
            return None
        return _substituted(source, pattern, index, new)
    except TooManySteps:
        length = len(source or other or "")
        raise Failure(
            f"The regular expression takes too many steps on a text of {length} characters. Make "
            "it simpler, or shorten the text with Left.",
            _PATTERN,
        ) from None


def _compiled(text: str, group: str | None) -> tuple[Pattern, int | None]:
    try:
        pattern = compile_pattern(text)
    except RegexError as error:
        at = error.at + 1
        raise Failure(
            f"{error.message} (character {at} of the regular expression)", _PATTERN
        ) from None
    if not group:
        return pattern, None
    if group not in pattern.names:
        raise Failure(f"The regular expression has no group {group[:40]!r}.", _GROUP)
    return pattern, pattern.names[group]


def _extracted(pattern: Pattern, index: int | None, other: str | None) -> str | None:
    return None if other is None else pattern.first(other, index or 0)


def _substituted(source: str, pattern: Pattern, index: int | None, new: str) -> str:
    """Replace each match, or in each match what the group matched."""
    parts: list[str] = []
    at = size = 0
    for spans in pattern.matches(source):
        begin, end = spans[2 * (index or 0)], spans[2 * (index or 0) + 1]
        if begin < 0:
            continue
        parts += [source[at:begin], new if index else expand(new, pattern, source, spans)]
        at = end
        size += len(parts[-1])
        check_length(size)
    return "".join([*parts, source[at:]])


def _check(arguments: list[Value]) -> None:
    pattern, group = arguments[2:4] if len(arguments) > _GROUP else (*arguments[2:3], None)
    if isinstance(pattern, str) and pattern:
        _compiled(pattern, group if isinstance(group, str) else None)


def _optional(name: str) -> Parameter:
    return Parameter(name, required=False)


FUNCTIONS: Final = (
    Function(
        "Replace",
        (
            Parameter("source"),
            _optional("oldValue"),
            _optional("regexPattern"),
            _optional("regexGroupName"),
            _optional("replacementValue"),
            _optional("replacementAttributeName"),
            _optional("template"),
        ),
        _replace,
        "The source with something replaced; case counts. A source that is null gives null.\n\n"
        "- oldValue and replacementValue: each oldValue in the source.\n"
        "- oldValue and template: each oldValue in the template, by the source.\n"
        "- regexPattern and replacementValue: each match in the source; ${name} and $1 stand for "
        "what a group matched.\n"
        "- regexPattern, regexGroupName and replacementValue: in each match, what the group "
        "matched.\n"
        "- regexPattern, regexGroupName and replacementAttributeName: the source when it has a "
        "value, otherwise what the group matches in the other attribute.",
        Example('Replace([mail], "@contoso.com", , , "", ,)', "ann", {"mail": "ann@contoso.com"}),
        check=_check,
    ),
)
"""The one function that replaces."""
