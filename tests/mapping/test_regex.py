"""Regular expressions: .NET's meaning, the same from both ways of matching, and bounded."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.mapping.expressions.regex import (
    MAX_PATTERN,
    RegexError,
    TooManySteps,
    compile_pattern,
)
from azure_adapter.mapping.expressions.regex.pattern import expand
from azure_adapter.mapping.expressions.regex.tree import MOST, to_python, ways

ATOMS = st.sampled_from(
    [
        *("a", "b", ".", "-", "é", "{", "^", "$"),
        *("[ab]", "[^a]", "[a-c\\d]", "[]a]", "[a\\-b]", "[\\s_-]"),
        *(r"\d", r"\w", r"\s", r"\.", r"\t", r"\x41", r"\u00e9", r"\b", r"\B"),
        *(r"\p{Lu}", r"[^\p{L}]"),
    ]
)
QUANTIFIERS = st.sampled_from(
    ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{0,3}", "{1,}", "{2,4}?"]
)


def repeated(pattern: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.builds("{}{})".format, st.sampled_from(["(", "(?:", "(?<n{}>"]), pattern)
    return st.builds("{}{}".format, group, QUANTIFIERS)


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        repeated(inner)
        | st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map("|".join)
    )


SIMPLE = st.builds("{}{}".format, ATOMS, QUANTIFIERS)
PATTERNS = st.recursive(SIMPLE, combined, max_leaves=6)
TEXTS = st.text("abcA1. -\t\né_", max_size=12)


def named(pattern: str) -> str:
    """Give the named groups of a pattern names that differ."""
    parts = pattern.split("n{}")
    return "".join(f"{part}n{number}" for number, part in enumerate(parts[:-1])) + parts[-1]


def compiled(pattern: str) -> Any:
    try:
        return compile_pattern(named(pattern))
    except RegexError:
        return None


@settings(max_examples=600, deadline=None)
@given(PATTERNS, TEXTS)
def test_both_ways_of_matching_find_the_same(pattern: str, text: str) -> None:
    regex = compiled(pattern)
    if regex is None or not regex.is_bounded(text):
        return
    assert list(regex.matches(text)) == list(regex.machine_matches(text))


@settings(max_examples=400, deadline=None)
@given(PATTERNS, TEXTS)
def test_where_it_matches_is_where_python_does(pattern: str, text: str) -> None:
    """The whole match is the same even where groups may differ (repeated empty matches)."""
    regex = compiled(pattern)
    if regex is None or ways(regex.tree, len(text)) >= MOST:
        return
    python = [one.span() for one in re.finditer(to_python(regex.tree), text)]
    assert [one[:2] for one in regex.machine_matches(text)] == python


@pytest.mark.parametrize(
    ("pattern", "text", "bounded"),
    [
        (r"\+(?<isdCode>\d* )(?<phoneNumber>\d{10})", "+91 9998887777", True),
        ("(?<Suffix>@(.)*)", "jsmith@contoso.com", True),
        ("[a-zA-Z_]*", "x" * 60, True),
        ("^(?<a>.*)-(?<b>.*)$", "x" * 60, True),
        ("(a+)+$", "a" * 30, False),
        ("(a|b)*", "a" * 30, False),
        (".*.*.*.*x", "a" * 60, False),
        ("(?:a?){9}", "a", False),
        ("a*x", "a" * 200, False),
        ("^a*x", "a" * 200, True),
        ("(?m)^a*x", "a" * 200, False),
        ("(a+)+$", "aa", True),
    ],
)
def test_what_backtracking_is_trusted_with(pattern: str, text: str, bounded: bool) -> None:
    assert compile_pattern(pattern).is_bounded(text) is bounded


def test_steps_are_limited() -> None:
    with pytest.raises(TooManySteps):
        list(compile_pattern("(?:[a-z]{0,20}){0,20}!").matches("a" * 10_000))


REFUSED = {
    "(?=a)": "Look-ahead",
    "a(?!b)": "Look-ahead",
    "(?<=a)": "Look-behind",
    "(?<!a)": "Look-behind",
    "(?>a)": "An atomic group",
    "(?(1)a|b)": "A condition",
    "(a)\\1": "back-reference",
    "(?<n>a)\\k<n>": "back-reference",
    "[a-z-[b]]": "taken off",
    "\\p{IsGreek}": "general categories are",
    "[\\P{L}]": "negate the brackets",
    "\\q": "The escape \\q",
    "\\ud800": "surrogate",
    "a**": "cannot be repeated",
    "a{2}{3}": "cannot be repeated",
    "*a": "nothing that *",
    "^*": "place between characters",
    "(a": "not closed",
    "a)": "not opened",
    "[a": "not closed",
    "[b-a]": "backwards",
    "[a-\\d]": "end of a range",
    "a\\": "ends with a backslash",
    "a{3,2}": "minimum above",
    "a{2000}": "At most 1000",
    "(?<n>a)(?<n>b)": "the name n",
    "(?x)a": "option x",
    "(?<1>a)": "not supported",
    "(" * 40 + ")" * 40: "nested",
    "((a{99}){99}){99}": "multiply",
    "a" * (MAX_PATTERN + 1): "at most 500",
}


@pytest.mark.parametrize(("pattern", "message"), REFUSED.items(), ids=lambda text: text[:20])
def test_what_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(RegexError, match=re.escape(message)) as caught:
        compile_pattern(pattern)
    assert 0 <= caught.value.at <= len(pattern)


@settings(deadline=None)
@given(st.text(max_size=20) | st.text("()[]{}?*+|\\^$.<>-abkpPLuxd1,=!:", max_size=20), TEXTS)
def test_any_pattern_is_used_or_refused(pattern: str, text: str) -> None:
    try:
        regex = compile_pattern(pattern)
    except RegexError:
        return
    for spans in regex.matches(text):
        assert len(spans) == 2 * (regex.count + 1)


@pytest.mark.parametrize(
    ("pattern", "text", "template", "result"),
    [
        (r"(?<y>\d+)-(\d+)", "24-05", "$1.${y}.$2", "05.24.24"),
        ("b", "abc", "[$`|$&|$'|$_|$$|$0]", "[a|b|c|abc|$|b]"),
        ("(a)(b)?", "a", "<$2$+>", "<>"),
        ("a", "a", "$9 ${nobody} $x $", "$9 ${nobody} $x $"),
    ],
)
def test_replacement_patterns(pattern: str, text: str, template: str, result: str) -> None:
    regex = compile_pattern(pattern)
    spans = next(iter(regex.matches(text)))
    assert expand(template, regex, text, spans) == result


def test_options_and_categories() -> None:
    assert list(compile_pattern("(?is)A.").matches("a\nA")) == [(0, 2)]
    assert list(compile_pattern("(?m)^b$").matches("a\nb\nc")) == [(2, 3)]
    assert list(compile_pattern(r"\p{Lu}\P{Lu}").matches("éÉé")) == [(1, 3)]
    assert list(compile_pattern(r"a\Z").matches("a\n")) == [(0, 1)]
    assert list(compile_pattern(r"a\z").matches("a\n")) == []
