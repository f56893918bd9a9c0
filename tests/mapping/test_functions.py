"""Every expression function: Microsoft's own examples, null, and what the reference leaves open."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.mapping.expressions import (
    FUNCTIONS,
    IGNORED,
    EvaluationContext,
    ExpressionError,
)
from tests.mapping.support import CONTEXT, evaluate

DOCUMENTED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "documented.json").read_text("utf-8")
)
LISTED = (
    "Append BitAnd CBool CDate Coalesce ConvertToBase64 ConvertToUTF8Hex Count CStr DateAdd "
    "DateDiff DateFromNum FormatDateTime Guid IgnoreFlowIfNullOrEmpty IIF InStr IsNull "
    "IsNullOrEmpty IsPresent IsString Item Join Left Mid NormalizeDiacritics Not Now NumFromDate "
    "PCase RandomString Redact RemoveDuplicates Replace SelectUniqueValue SingleAppRoleAssignment "
    "Split StripSpaces Switch ToLower ToUpper Word"
)


def test_every_function_of_the_reference_is_there() -> None:
    known = {one.name for one in FUNCTIONS.values()}
    assert set(LISTED.split()) <= known
    documented = json.dumps(DOCUMENTED["examples"])
    without = {name for name in LISTED.split() if f"{name}(" not in documented}
    assert without == {"Guid", "IsString", "RandomString", "SingleAppRoleAssignment"}


@pytest.mark.parametrize(
    "example", DOCUMENTED["examples"], ids=lambda one: f"{one['source']}: {one['expression'][:30]}"
)
def test_documented_examples(example: Mapping[str, Any]) -> None:
    context = CONTEXT
    if "taken" in example:
        context = replace(CONTEXT, taken={"userName": frozenset(example["taken"])})
    result = evaluate(example["expression"], example.get("attributes"), context)
    expected = example.get("result")
    if example.get("ignored"):
        assert result is IGNORED
    elif isinstance(expected, list):
        assert result == tuple(expected)
    else:
        assert result == expected
        assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("letter", "plain"),
    [(one, plain) for row, plain in DOCUMENTED["diacritics"] for one in row.split(", ")],
)
def test_documented_diacritics(letter: str, plain: str) -> None:
    assert evaluate("NormalizeDiacritics([x])", {"x": f"a{letter}b"}) == f"a{plain}b"


@pytest.mark.parametrize(
    "name", [one.name for one in FUNCTIONS.values() if one.example], ids=lambda name: name
)
def test_the_example_of_each_function(name: str) -> None:
    example = FUNCTIONS[name.lower()].example
    assert example is not None
    assert evaluate(example.expression, example.attributes) == example.result


NULLS = {
    'Append([no], ".x")': None,
    'Append("a", [no])': "a",
    "BitAnd([no], 1)": None,
    "CBool([no])": False,
    "CDate([no])": None,
    'Coalesce([no], "")': "",
    "ConvertToBase64([no])": None,
    "ConvertToUTF8Hex([no])": None,
    "Count([no])": 0,
    "CStr([no])": None,
    'DateAdd("d", 1, [no])': None,
    'DateAdd("d", [no], "2020-01-01")': None,
    'DateDiff("d", [no], "2020-01-01")': None,
    "DateFromNum([no])": None,
    "NumFromDate([no])": None,
    'FormatDateTime([no], , "yyyy", "yyyy")': None,
    'IIF([no], "yes", "no")': "no",
    'InStr([no], "a")': 0,
    'InStr("a", [no])': 0,
    "IsNull([no])": True,
    "IsNullOrEmpty([no])": True,
    "IsPresent([no])": False,
    "IsString([no])": False,
    "Item([no], 1)": None,
    'Join(",", [no], "a", "", [no], "b")': "a,b",
    'Join(",", [no])': "",
    "Left([no], 1)": "",
    "Mid([no], 1, 1)": None,
    "NormalizeDiacritics([no])": None,
    "Not([no])": True,
    "PCase([no])": None,
    "Redact([no])": None,
    "RemoveDuplicates([no])": (),
    'Replace([no], "a", , , "b")': None,
    'Replace("a", [no], , , "b")': "a",
    'Replace([no], "a", , , , , "<a>")': None,
    'Replace([no], , "a", , "b")': None,
    'Replace([no], , "(?<x>a)", "x", , [no])': None,
    'Split([no], ",")': (),
    "StripSpaces([no])": None,
    'Switch([no], "d", "a", "1")': "d",
    'Switch([no], , "a", "1")': None,
    "ToLower([no])": None,
    "ToUpper([no])": None,
    'Word([no], 1, " ")': "",
    "[no]": None,
}


@pytest.mark.parametrize(("expression", "result"), NULLS.items())
def test_null(expression: str, result: Any) -> None:
    assert evaluate(expression) == result


MORE = {
    # texts
    'Left("héé", 2)': "hé",
    'Mid("abc", 2, 9)': "bc",
    'Mid("abc", 9, 1)': "",
    'InStr("ABC", "b")': 0,
    'InStr("ABC", "b", , vbTextCompare)': 2,
    'InStr("ABC", "b", 1, VBTEXTCOMPARE)': 2,
    'InStr("abcabc", "a", 2)': 4,
    'Join("-", [otherMails], "z")': "a@x.de-b@x.de-z",
    'ConvertToBase64("é")': "6QA=",
    'ConvertToUTF8Hex("é")': "C3A9",
    "CStr(True)": "True",
    "CStr(1.50)": "1.5",
    "CStr(-7)": "-7",
    'CStr(CDate("2024-02-29T13:00:00Z"))': "2/29/2024 1:00:00 PM",
    'BitAnd("&HFF", 15)': 15,
    # letters
    'ToLower("ÀÉ İ ΑΣ")': "àé İ ας".replace("ς", "σ"),
    'ToUpper("straße ı ǆ")': "STRAßE ı Ǆ",
    'ToLower("Iİ", "tr-TR")': "ıi",
    'ToUpper("iı", "az")': "İI",
    'ToLower("I", "en-US")': "i",
    'PCase("ann-marie o\'neil of e.on")': "Ann-Marie O'neil Of E.On",
    'PCase("1st STREET")': "1St Street",
    'PCase("mCDONALD smith", " ")': "Mcdonald Smith",
    'PCase("a b", "")': "A b",
    'NormalizeDiacritics("Ünal Đoković")': "Unal Đokovic",
    'NormalizeDiacritics("ガ ß")': "ガ ss",
    # lists
    "Item([otherMails], 3)": None,
    'Item("single", 1)': "single",
    'Item(Split("a,,b", ","), 2)': "",
    'Count(Split("a, b ,c", ","))': 3,
    'Count("single")': 1,
    'Split("a--b", "--")': ("a", "b"),
    'Split("", ",")': (),
    'Word("a,,b", 2, ",")': "b",
    'Word("abc", 1, "")': "abc",
    # conditions
    'IIF("a" <> "A", 1, 2)': 1,
    "IIF(2 >= 2, True, False)": True,
    'IIF("10" > 9, "number", "text")': "number",
    'IIF("10" > "9", "number", "text")': "text",
    'IIF([no] = "", "same", "other")': "same",
    'IIF("a" > [no], "after", "before")': "after",
    'IIF([accountEnabled] = "true", "on", "off")': "on",
    'IIF([accountEnabled] = "x", "on", "off")': "off",
    'IIF([IsSoftDeleted] = "", "same", "other")': "other",
    'IIF(0 = "", "same", "other")': "other",
    'IIF(CDate("2020-01-02") > "1/1/2020", "later", "earlier")': "later",
    'IIF(IsNullOrEmpty([no]), "Other", [no])': "Other",
    'IIF(True, "taken", Mid("x", [zero], 1))': "taken",
    'Switch([accountEnabled], "d", "true", "lower", "True", "upper")': "upper",
    'Switch(1, "d", "1", "one")': "one",
    'Switch("b", Mid("x", [zero], 1), "b", "found", Mid("x", [zero], 1), "y")': "found",
    'Coalesce("a", Mid("x", [zero], 1))': "a",
    "Coalesce([no], [otherMails])": ("a@x.de", "b@x.de"),
    'CBool("TRUE")': True,
    "CBool(0)": False,
    'CBool("2")': True,
    'Not("true ")': False,
    'Not("no")': True,
    "Not(True)": False,
    "IsString(1)": False,
    'IsString("")': True,
    "IsString([otherMails])": False,
    "IsPresent([otherMails])": True,
    'Coalesce([no], IgnoreFlowIfNullOrEmpty([no]), "x")': IGNORED,
    # dates
    'CStr(DateAdd("m", 1, CDate("2023-01-31")))': "2/28/2023 12:00:00 AM",
    'CStr(DateAdd("YYYY", -1, CDate("2024-02-29")))': "2/28/2023 12:00:00 AM",
    'CStr(DateAdd("h", "2", "2024-01-01"))': "1/1/2024 2:00:00 AM",
    'DateDiff("d", "2024-01-02T00:00:00Z", "2024-01-01T01:00:00Z")': 0,
    'DateDiff("ww", "2024-01-06", "2024-01-07")': 1,
    'DateDiff("ww", "2024-01-07", "2024-01-13")': 0,
    'DateDiff("yyyy", "2023-12-31", "2024-01-01")': 1,
    'FormatDateTime("2024-03-05", "None", "yyyy-MM-dd", "d MMM yy")': "5 Mar 24",
    'FormatDateTime(" 5/3/2024 ", , "d/M/yyyy", "D")': "Tuesday, 05 March 2024",
    'FormatDateTime("2020-12-31+08:00", , "yyyy-MM-ddzzz", "yyyy-MM-dd")': "2020-12-30",
    'FormatDateTime("2024-03-05T10:00:00Z", , "yyyy-MM-ddTHH:mm:ssK", "u")': "2024-03-05 10:00:00Z",
    'NumFromDate(CDate("1601-01-01"))': 0,
    # replace
    'Replace("aXbX", "X", , , "-")': "a-b-",
    'Replace("axbX", "X", , , "-")': "axb-",
    'Replace("a", "", , , "b")': "a",
    'Replace("a", "a")': "a",
    'Replace("John Doe", , "(\\\\w+) (\\\\w+)", , "$2, $1 $$ ${9}")': "Doe, John $ ${9}",
    'Replace("a1b22", , "(?<n>[0-9]+)", "n", "#")': "a#b#",
    'Replace("ABC", , "(?i)b", , "-")': "A-C",
    'Replace("", , "(?<a>y)", "a", , "no match")': None,
}
ATTRIBUTES = {
    "otherMails": ["a@x.de", "b@x.de"],
    "accountEnabled": True,
    "zero": 0,
}


@pytest.mark.parametrize(("expression", "result"), MORE.items())
def test_what_the_reference_leaves_open(expression: str, result: Any) -> None:
    assert evaluate(expression, ATTRIBUTES) == result


def test_chance_is_the_same_for_the_same_object() -> None:
    guid = evaluate("Guid()")
    assert guid == evaluate("Guid()")
    assert guid != evaluate("Guid()", {"id": "another"})
    assert guid != evaluate("Guid()", target="nickName")
    assert guid != evaluate("Guid()", context=replace(CONTEXT, seed=b"other"))
    twice = evaluate('Join(" ", Guid(), Guid())')
    assert isinstance(twice, str)
    first, second = twice.split()
    assert first == guid
    assert second != guid
    assert first[14] == "4"


@settings(deadline=None)
@given(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.integers(0, 20), st.binary())
def test_random_strings_have_what_is_asked_for(
    numbers: int, specials: int, capitals: int, lowers: int, seed: bytes
) -> None:
    length = min(numbers + specials + capitals + lowers + 5, 256)
    context = replace(CONTEXT, seed=seed + b"x")
    text = evaluate(
        f'RandomString({length}, {numbers}, {specials}, {capitals}, {lowers}, "?,aB1")',
        context=context,
    )
    assert isinstance(text, str)
    assert len(text) == length
    assert sum(one.isdigit() for one in text) >= numbers
    assert sum(one.isupper() for one in text) >= capitals
    assert sum(one.islower() for one in text) >= lowers
    special = [one for one in text if not one.isalnum()]
    assert len(special) >= specials
    if not specials and numbers + capitals + lowers:
        assert special == []
    assert not set(text) & set("?,aB1")


def test_without_a_context_chance_fails() -> None:
    for expression in ("Guid()", "RandomString(5, 1, 1, 1, 1)", "Now()"):
        with pytest.raises(ExpressionError):
            evaluate(expression, context=EvaluationContext())
    with pytest.raises(ExpressionError, match="taken"):
        evaluate('SelectUniqueValue("a", "b")', target="title")


def test_unique_values() -> None:
    assert evaluate('SelectUniqueValue("ANNB", [no], "", "free")') == "free"
    assert evaluate("SelectUniqueValue([no], [no])") is None
    with pytest.raises(ExpressionError, match="taken already: 'annb', 'J"):
        evaluate('SelectUniqueValue("annb", "annb", "J.Smith@contoso.com")')


WRONG = {
    'Mid("abc", [zero], 1)': "start must be 1",
    'Mid("abc", 1, [minus])': "length must be 0",
    "Item([otherMails], [zero])": "index must be 1",
    'Split("a", [no])': "delimiter is empty",
    'InStr("a", "a", [zero])': "start must be 1",
    "BitAnd([text], 1)": "A number is needed here, not 'abc'",
    "BitAnd(1.5, 1)": "whole number",
    "CBool([text])": "'abc' is no True or False",
    'IIF([text], "a", "b")': "'abc' is no True or False",
    "CDate([text])": "'abc' is no date",
    'CDate("2024-02-30")': "no such day",
    'CDate("2024-01-01+15:00")': "14 hours",
    'DateAdd("yyyy", 9000, "2024-01-01")': "year would not be 1 to 9999",
    'DateAdd([text], 1, "2024-01-01")': "'abc' is no interval. There are yyyy (year)",
    "DateFromNum([minus])": "not negative",
    'NumFromDate("1600-01-01")': "before 1601",
    'FormatDateTime([text], , "yyyy", "yyyy")': "'abc' cannot be read. It is not written as yyyy",
    'FormatDateTime("10:00", , "HH:mm", "yyyy")': "It has no year",
    'FormatDateTime("2024", "Bad", "yyyy", "yyyy")': "'Bad' is no style",
    'FormatDateTime("2024", , "yyyy", "Q")': "no standard format Q",
    'FormatDateTime("2024", , "yyyy yyyy", "yyyy")': "twice",
    "RandomString(3, 2, 2, 0, 0)": "4 characters, more than the length",
    "RandomString(300, 0, 0, 0, 0)": "1 to 256",
    'RandomString(3, 1, 0, 0, 0, "0123456789")': "leaves no numbers",
    'ToLower("a", "English")': "no name of a culture",
    'Replace("a", , "(", , "b")': "not closed",
    'Replace("a", , "a", "g", "b")': "no group 'g'",
    'IIF([otherMails] = "a", 1, 2)': "must be single",
    "ToLower(Coalesce([otherMails], [mail]))": "may have several",
    'Join(",", [long], [long])': "at most 10000",
    'Replace([long], "x", , , "yy")': "at most 10000",
    'Replace([long], , "x", , "yy")': "at most 10000",
    'Split([long], "x")': "at most 1000",
    "[longer]": "at most 10000",
}


@pytest.mark.parametrize(("expression", "message"), WRONG.items())
def test_what_fails_says_why(expression: str, message: str) -> None:
    attributes = {
        **ATTRIBUTES,
        "minus": -1,
        "text": "abc",
        "long": "x" * 6_000,
        "longer": "x" * 10_001,
    }
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, attributes)
    assert message in caught.value.message
    assert caught.value.source == expression
