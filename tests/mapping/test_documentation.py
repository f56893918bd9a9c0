"""docs/mapping.md says what the code does."""

from __future__ import annotations

import json
import re

import pytest

from azure_adapter.mapping import import_schema, table_from_json
from azure_adapter.mapping.expressions import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_LENGTH,
    MAX_TEXT,
    ExpressionError,
    compile_expression,
)
from azure_adapter.mapping.expressions.dates import INTERVALS
from azure_adapter.mapping.expressions.functions import FUNCTIONS
from azure_adapter.mapping.expressions.regex import MAX_PATTERN
from azure_adapter.mapping.sources import find_source
from azure_adapter.mapping.table import MAX_ROWS
from tests.mapping.documentation import PAGE, filled_in
from tests.mapping.test_entra import SCHEMA

TEXT = PAGE.read_text("utf-8")


def test_the_generated_parts_are_those_of_the_code() -> None:
    assert filled_in(TEXT) == TEXT, "run python -m tests.mapping.documentation"
    assert TEXT.count("<!-- generated:") == 5


def test_every_function_is_described() -> None:
    part = TEXT.partition("\n## Functions\n")[2]
    assert set(re.findall(r"^### (\w+)$", part, re.MULTILINE)) == {
        one.name for one in FUNCTIONS.values()
    }


def test_the_limits_are_those_of_the_code() -> None:
    for limit in (MAX_LENGTH, MAX_DEPTH, MAX_TEXT, MAX_ITEMS, MAX_PATTERN, MAX_ROWS):
        assert f"{limit:,}" in TEXT


def test_the_stored_form_that_is_shown_is_a_table() -> None:
    [shown] = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    table = table_from_json(json.loads(shown))
    assert len(table.users) >= 4


def test_the_errors_that_are_shown_are_real() -> None:
    shown = re.findall(r"```text\n(.*?)\n```", TEXT, re.DOTALL)
    assert shown
    for one in shown:
        expression = one.split("\n")[0]
        with pytest.raises(ExpressionError) as caught:
            compile_expression(expression, find_source)
        assert caught.value.render() == one


def test_the_expressions_that_are_shown_can_be_used() -> None:
    recipes = re.findall(r"^\| [^|]+ \| `([A-Z][^`]+)` \|$", TEXT, re.MULTILINE)
    assert len(recipes) >= 6
    for one in recipes:
        compile_expression(one, find_source)


def test_intervals_and_the_import_are_described() -> None:
    for interval, name in INTERVALS.items():
        assert f"{interval} ({name})" in TEXT
    left_out = {one.target for one in import_schema(SCHEMA).left_out}
    for name in ("externalId", "members"):
        assert name in left_out
        assert f"`{name}`" in TEXT
