"""The administrators' documentation knows every error code, setting and command."""

from __future__ import annotations

import re
from pathlib import Path

from azure_adapter.graph import CLOUD_NAMES, SCOPES, codes, error_table
from azure_adapter.graph.outcomes import OTHERWISE, TABLE
from azure_adapter.graph.signin_errors import BY_ERROR, BY_NUMBER, TRANSIENT_NUMBERS
from gateway.signin.service import OURS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "azure.md").read_text()
SOURCES = ROOT / "azure_adapter" / "graph"


def test_the_table_is_the_programs() -> None:
    assert error_table() in TEXT


def test_every_code_of_the_tables_is_documented() -> None:
    documented = {one.code for one in codes.known_codes()}
    assert {row.code for row in (*TABLE, OTHERWISE)} <= documented
    assert {one.code for one in (*BY_NUMBER.values(), *BY_ERROR.values())} <= documented
    for number in (*BY_NUMBER, *TRANSIENT_NUMBERS):
        assert f"AADSTS{number}" in TEXT
    for error in BY_ERROR:
        assert f"`{error}`" in TEXT
    for row in TABLE:
        assert row.graph_code in TEXT
    assert all(
        one.meaning.endswith(".") and one.advice.endswith(".") for one in codes.known_codes()
    )


def test_every_code_that_is_raised_is_documented() -> None:
    documented = {one.code for one in codes.known_codes()}
    raised = set[str]()
    for file in SOURCES.glob("*.py"):
        found = re.findall(
            r"(?:Source\w+|Damaged|LoginFailed|super\(\).__init__)\(\s*\"(\w+)\"", file.read_text()
        )
        raised.update(found)
    assert raised
    assert raised <= documented


def test_clouds_permissions_and_states_are_named() -> None:
    for word in (*CLOUD_NAMES, *SCOPES, *OURS, "EZTO_AZURE_CLIENT_ID", "EZTO_AZURE_CERTIFICATE"):
        assert word in TEXT
