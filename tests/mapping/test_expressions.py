"""Expressions as a language: what is written, what it means, where it is wrong, and its limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from azure_adapter.mapping.expressions import (
    FUNCTIONS,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_LENGTH,
    MAX_TEXT,
    ExpressionError,
    compile_expression,
    parse,
    render,
)
from azure_adapter.mapping.expressions.nodes import (
    Attribute,
    Call,
    Comparison,
    Literal,
    Missing,
    Node,
    Word,
)
from azure_adapter.mapping.sources import SOURCES, find_source
from scim.provisioning.source import ObjectKind
from tests.mapping.support import CONTEXT, OBJECT_ID, evaluate
from tests.mapping.test_users import ANN, JSON

# -- syntax ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("[mail]", Attribute("mail")),
        ("[ employeeOrgData.division ]", Attribute("employeeOrgData.division")),
        ('"a \\"b\\" \\\\ c"', Literal('a "b" \\ c')),
        ('"two\nlines"', Literal("two\nlines")),
        ("-7", Literal(-7)),
        ("&Hff", Literal(255)),
        ("1.5e3", Literal(1500.0)),
        ("TRUE", Literal(True)),
        ("Guid( )", Call("Guid")),
        ("tolower([mail])", Call("ToLower", (Attribute("mail"),))),
        ("nosuch(1)", Call("nosuch", (Literal(1),))),
        (
            'Switch([a], , "x", "")',
            Call("Switch", (Attribute("a"), Missing(), Literal("x"), Literal(""))),
        ),
        ("Replace([a],,)", Call("Replace", (Attribute("a"), Missing(), Missing()))),
        (
            "InStr([a], [b], 1, vbtextcompare)",
            Call("InStr", (Attribute("a"), Attribute("b"), Literal(1), Word("vbTextCompare"))),
        ),
        (
            'IIF([a]<>"b",1,2)',
            Call("IIF", (Comparison("<>", Attribute("a"), Literal("b")), Literal(1), Literal(2))),
        ),
        ("  Left (\n [a] ,\t1\u00a0) ", Call("Left", (Attribute("a"), Literal(1)))),
    ],
)
def test_what_is_written(text: str, node: Node) -> None:
    assert parse(text) == node
    assert parse(render(node)) == node


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name.lower() not in FUNCTIONS
)
LITERALS = st.builds(
    Literal,
    st.text(st.characters(codec="utf-8"), max_size=8)
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans(),
)
ATTRIBUTE_NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters='[]"\r\n'), min_size=1, max_size=8
).map(str.strip)
OPERANDS = (
    LITERALS
    | st.builds(Attribute, ATTRIBUTE_NAMES.filter(bool))
    | st.sampled_from([Word("vbTextCompare"), Word("vbBinaryCompare")])
)
FUNCTION_NAMES = st.sampled_from([one.name for one in FUNCTIONS.values()]) | NAMES


def operand(node: Any) -> bool:
    return not isinstance(node, Comparison)


OPERATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


@st.composite
def calls(draw: Callable[..., Any], inner: st.SearchStrategy[Any]) -> Any:
    if draw(st.booleans()):
        sides = inner.filter(operand)
        return Comparison(draw(OPERATORS), draw(sides), draw(sides))
    arguments = tuple(draw(st.lists(inner | st.just(Missing()), max_size=4)))
    return Call(draw(FUNCTION_NAMES), () if arguments == (Missing(),) else arguments)


NODES = st.recursive(OPERANDS, calls, max_leaves=12)


@settings(deadline=None)
@given(NODES)
def test_what_is_written_is_read_back(node: Node) -> None:
    assert parse(render(node)) == node


ERRORS = [
    ("", 0, "empty"),
    (" \n ", 0, "empty"),
    ('Append([mail], "x', 15, "no closing quotation mark"),
    ("Append([mail, 1)", 7, "no closing bracket"),
    ("Left([mail])", 0, "Left was given 1 argument. It is written Left(String, NumChars)."),
    ('Join(",")', 0, "It is written Join(separator, source, …)"),
    ('Switch([mail], "a", "b")', 0, "was given 3 arguments"),
    ("Now(1)", 0, "Now was given 1 argument"),
    ("Left([mail], )", 13, "Left needs a value for NumChars here"),
    ("Left(, 1)", 5, "needs a value for String"),
    ("Left([mail], 1", 14, "ends too early; expected is ) or a comma"),
    ("Left([mail] 1)", 12, "1 is not expected here; expected is ) or a comma or a comparison"),
    ("Left([mail], 1))", 15, ") is not expected here; expected is the end"),
    ('[mail] = "a" = "b"', 13, "= is not expected here; expected is the end"),
    ("ToLowr([mail])", 0, "There is no function ToLowr. Did you mean ToLower?"),
    ("Xyzzy([mail])", 0, "There is no function Xyzzy."),
    ("Left([maill], 1)", 5, "have no attribute maill. Did you mean mail?"),
    ("Left([Postal Code], 1)", 5, "Did you mean postalCode?"),
    ("[manager]", 0, "The manager is a reference"),
    ("[extension_abc_costCenter]", 0, "is no directory extension"),
    ("Append([mail], mail)", 15, "mail is no value. Texts are written"),
    ("Append([mail], ToLower)", 15, "ToLower is a function: write ToLower(…)."),
    ("Append([mail], vbTextCompare)", 15, "vbTextCompare has no meaning here"),
    ("InStr([mail], [mail], 1, 5)", 25, "none of vbTextCompare, vbBinaryCompare"),
    ("[mail] & [mail]", 7, "There is no operator &. Use Append or Join."),
    ("[mail] + [mail]", 7, "There is no operator +"),
    ("Append([mail], “x”)", 15, "straight double quotation marks"),
    ("Append([mail], 'x')", 15, "straight double quotation marks"),
    ("Append([mail], ;)", 15, "The character ; cannot stand here"),
    ('Append([mail], "a\\d")', 17, "A backslash in a text is written \\\\"),
    ("[]", 0, "An attribute needs a name"),
    ("99999999999999999999", 0, "too large"),
    ("&HFFFFFFFFFFFFFFFFF", 0, "too large"),
    ("1e999", 0, "too large"),
    ("ToLower([otherMails])", 8, "ToLower takes a single value for source, but [otherMails]"),
    ('ToLower(Split([mail], ","))', 8, "but this may have several"),
    ('IIF([otherMails] = "a", 1, 2)', 4, "must be single"),
    ('Append(SelectUniqueValue("a", "b"), "c")', 7, "stands at the top of an expression"),
    ("SingleAppRoleAssignment([appRoleAssignments])", 0, "App role assignments are not read"),
    ("AppRoleAssignmentsComplex([appRoleAssignments])", 0, "App role assignments are not read"),
    ('Mid("abc", 0, 1)', 11, "The start must be 1 or more"),
    ("Mid([mail], 0, 1)", 12, "The start must be 1 or more"),
    ("Item([otherMails], 0)", 19, "The index must be 1 or more"),
    ("RandomString(3, 2, 2, 0, 0)", 13, "more than the length"),
    ('DateAdd("w", 1, [employeeHireDate])', 8, "'w' is no interval"),
    ('DateAdd("d", "x", [employeeHireDate])', 13, "A number is needed here, not 'x'"),
    ('Left([mail], "three")', 13, "A number is needed here, not 'three'"),
    ('FormatDateTime([mail], , "Q", "yyyy")', 25, "There is no standard format Q"),
    ('FormatDateTime([mail], , "yyyy", "\'x")', 33, "not closed"),
    ('ToLower([mail], "English")', 16, "no name of a culture"),
    ('Replace([mail], , "a(", , "")', 18, "not closed. (character 2 of the regular expression)"),
    ('Replace([mail], , "a", "g", "")', 23, "The regular expression has no group 'g'"),
]


@pytest.mark.parametrize(("text", "offset", "message"), ERRORS, ids=[one[0] for one in ERRORS])
def test_errors_point_at_the_character(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, find_source)
    assert message in caught.value.message
    assert caught.value.offset == offset
    rendered = caught.value.render().split("\n")
    assert rendered[1] == " " * (caught.value.column - 1) + "^"
    assert caught.value.message in rendered[2:]


def test_the_caret_stands_in_the_right_line() -> None:
    text = 'Join(",",\n\t[mail],\n  Lft([mail], 1))'
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, find_source)
    error = caught.value
    assert (error.line, error.column) == (3, 3)
    assert error.render() == (
        "  Lft([mail], 1))\n  ^\nThere is no function Lft. Did you mean Left?"
    )
    assert str(error).endswith("(line 3, character 3)")


def test_a_long_line_is_shown_around_the_character() -> None:
    text = f'Join(",", "{"x" * 500}", Lft([mail], 1), "{"y" * 500}")'
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, find_source)
    shown, caret, _ = caught.value.render().split("\n")
    assert len(shown) <= 102
    assert shown[len(caret) - 1 :].startswith("Lft(")


# -- limits ---------------------------------------------------------------------------------------


def nested(depth: int) -> str:
    return "ToLower(" * depth + "[mail]" + ")" * depth


def test_limits_of_an_expression() -> None:
    assert evaluate(nested(MAX_DEPTH), {"mail": "A"}) == "a"
    with pytest.raises(ExpressionError, match="nested more than 32 deep"):
        parse(nested(MAX_DEPTH + 1))
    with pytest.raises(ExpressionError, match="nested more than 32 deep"):
        parse(nested(1_000))
    assert evaluate(f'"{"x" * (MAX_LENGTH - 2)}"') == "x" * (MAX_LENGTH - 2)
    with pytest.raises(ExpressionError, match="at most 10000"):
        parse(f'"{"x" * MAX_LENGTH}"')
    with pytest.raises(ExpressionError, match="More than 255 arguments"):
        parse(f"Join({','.join('1' * 300)})")


GROWING = [
    "ConvertToUTF8Hex(ConvertToUTF8Hex([x]))",
    'Join([x], Split([x], "a"))',
    'Replace([x], "a", , , [x], , )',
    'Replace([x], , "a", , [x], , )',
    'Replace([x], "a", , , , , [x])',
]


@pytest.mark.parametrize("expression", GROWING)
def test_results_do_not_grow_without_bound(expression: str) -> None:
    with pytest.raises(ExpressionError, match=f"at most ({MAX_TEXT}|{MAX_ITEMS})"):
        evaluate(expression, {"x": "ab" * 3_000})


HANGING = [
    "(a+)+$",
    "(a|aa)+$",
    "(a*)*b",
    "(.*)(.*)(.*)(.*)(.*)(.*)x",
    "(\\\\w+\\\\s?)+!",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(?:a{0,20}){0,20}b",
]


@pytest.mark.parametrize("pattern", HANGING)
def test_no_regular_expression_hangs(pattern: str) -> None:
    with suppress(ExpressionError):
        text = "a" * 5_000
        assert isinstance(evaluate(f'Replace([x], , "{pattern}", , "", , )', {"x": text}), str)


# -- evaluation -----------------------------------------------------------------------------------

ODD_TEXTS = st.text(st.characters(codec=None, categories=None), max_size=12) | st.sampled_from(
    [
        *("", " ", "0", "-1", "&HF", "1.5", "True", "tr", "m", "ww", "yyyy-MM-dd"),
        *("2024-02-29T01:02:03+14:00", "3/4/2024 1:00 PM"),
        *("(a+)+", "(?<n>.)", "n", "[", "${n}", "\\", "x" * 9_999, "9" * 30),
    ]
)
KNOWN = st.sampled_from([one.name for one in SOURCES[ObjectKind.user].values()])
VALID = (
    st.builds(Attribute, KNOWN)
    | st.builds(Literal, ODD_TEXTS | st.integers(-3, 300) | st.floats(-9, 9) | st.booleans())
    | st.just(Word("vbTextCompare"))
)


@st.composite
def well_formed(draw: Callable[..., Any], inner: st.SearchStrategy[Any]) -> Any:
    """Calls with the right number of arguments, of any kind."""
    function = FUNCTIONS[draw(st.sampled_from(sorted(FUNCTIONS)))]
    count = draw(st.integers(function.fewest, len(function.parameters) + function.repeat))
    if not function.takes(count):
        count = function.fewest
    arguments = []
    for index in range(count):
        parameter = function.parameter(index)
        kinds = inner if parameter.required else inner | st.just(Missing())
        arguments.append(draw(kinds))
    if arguments == [Missing()]:
        arguments = []
    operand = draw(st.sampled_from(["=", "<", ">="])) if draw(st.booleans()) else ""
    call = Call(function.name, tuple(arguments))
    other = draw(VALID)
    return Comparison(operand, call, other) if operand else call


EXPRESSIONS = st.recursive(VALID, well_formed, max_leaves=8)
VALUES = st.dictionaries(
    KNOWN.map(lambda name: find_source(name).select or "id"),
    ODD_TEXTS | JSON | st.lists(ODD_TEXTS, max_size=3),
    max_size=8,
)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS, VALUES)
@example(parse('Replace([mail], , "(a+)+$", , "")'), {"mail": "a" * 9_000 + "b"})
@example(parse("Left([mail], 99999999999999999)"), {"mail": "a"})
@example(parse('DateAdd("d", 9223372036854775807, "2024-01-01")'), {})
@example(parse('DateDiff("ww", "0001-01-01", "9999-12-31")'), {})
@example(parse("ConvertToBase64([mail])"), {"mail": "\ud800"})
@example(parse("CStr(BitAnd([mail], -1))"), {"mail": "9" * 19})
def test_evaluation_raises_nothing_else(node: Node, attributes: dict[str, Any]) -> None:
    values = {"id": OBJECT_ID, **attributes}
    with suppress(ExpressionError):
        expression = compile_expression(render(node), find_source)
        result = expression.evaluate(values, CONTEXT, "userName")
        assert expression.evaluate(values, CONTEXT, "userName") == result
        assert expression.many or not isinstance(result, tuple)
        assert not isinstance(result, tuple) or len(result) <= MAX_ITEMS
        assert not isinstance(result, str) or len(result) <= MAX_TEXT


@settings(deadline=None)
@given(st.text(max_size=40) | st.text('()[],"\\=<>&H1.-eaL \n', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ExpressionError):
        node = parse(text)
        assert parse(render(node)) == node


def test_attributes_by_graph_s_and_by_entra_s_names() -> None:
    person = {
        **ANN,
        "id": OBJECT_ID,
        "userPrincipalName": "ann_fabrikam.com#EXT#@contoso.com",
        "accountEnabled": False,
        "onPremisesExtensionAttributes": {"extensionAttribute3": "three"},
        "onPremisesSyncEnabled": True,
        "employeeHireDate": "2020-03-16T00:00:00Z",
        "extension_0123456789abcdef0123456789ABCDEF_badge": 7,
    }
    values = {
        "[id]": OBJECT_ID,
        "[objectId]": OBJECT_ID,
        "[userPrincipalName]": "ann@fabrikam.com",
        "[originalUserPrincipalName]": "ann_fabrikam.com#EXT#@contoso.com",
        "[IsSoftDeleted]": True,
        "[accountEnabled]": False,
        "[dirSyncEnabled]": True,
        "[extensionAttribute3]": "three",
        "[onPremisesExtensionAttributes.extensionAttribute3]": "three",
        "[extensionAttribute4]": None,
        "[employeeOrgData.division]": "North",
        "[employeeorgdata/division]": "North",
        "[telephoneNumber]": "+1 555 1",
        "[businessPhones]": ("+1 555 1",),
        "[mobile]": "+1 555 2",
        "[facsimileTelephoneNumber]": "+1 555 3",
        "[physicalDeliveryOfficeName]": "Building 7",
        "[extension_0123456789abcdef0123456789ABCDEF_badge]": 7,
        "[otherMails]": ("ann@home.example", "ANN@contoso.com"),
        'DateDiff("yyyy", [employeeHireDate], "2024-01-01")': 4,
    }
    for text, value in values.items():
        expression = compile_expression(text, find_source)
        assert expression.evaluate(person) == value, text
    assert json.dumps(person)


@settings(deadline=None)
@given(JSON)
def test_values_of_a_wrong_type_are_null(value: Any) -> None:
    for source in SOURCES[ObjectKind.user].values():
        name = source.select or "id"
        read = source.read({name: {source.member: value} if source.member else value})
        assert read is None or isinstance(read, tuple) == source.many
