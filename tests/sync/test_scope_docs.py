"""What administrators can read: every option, operator and reason is documented and labelled."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest

from azure_adapter.sync import nesting, scope_labels
from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.scope import (
    GroupInclusion,
    GroupType,
    Inclusion,
    Match,
    Operator,
    Scope,
    ScopeReason,
)
from azure_adapter.sync.scope_reasons import SENTENCES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "scope.md").read_text()
LABELS = {
    Inclusion: scope_labels.INCLUSIONS,
    GroupInclusion: scope_labels.GROUP_INCLUSIONS,
    GroupType: scope_labels.GROUP_TYPES,
    Match: scope_labels.MATCHES,
    Operator: scope_labels.OPERATORS,
    ScopeReason: scope_labels.REASONS,
    NestedGroups: nesting.LABELS,
}


@pytest.mark.parametrize("reason", list(ScopeReason))
def test_each_reason_is_documented_with_its_sentence(reason: ScopeReason) -> None:
    (row,) = [line for line in DOCUMENT.splitlines() if SENTENCES[reason] in line]
    word = f"`{reason.value}`" if reason else "(none)"
    assert row.startswith(f"| {word} |")


@pytest.mark.parametrize("words", [GroupInclusion, GroupType, Operator, NestedGroups, Inclusion])
def test_each_word_of_an_option_is_documented(words: type[StrEnum]) -> None:
    assert not [word.value for word in words if f"`{word.value}`" not in DOCUMENT]


def test_each_option_is_documented_and_labelled() -> None:
    options = {f"{part}.{name}" for part, told in Scope().to_json().items() for name in told}
    assert set(scope_labels.OPTIONS) == options
    for option, label in scope_labels.OPTIONS.items():
        assert f"| {label} | `{option}` |" in DOCUMENT
    for nested, label in nesting.LABELS.items():
        assert f"| {label} | `{nested.value}` |" in DOCUMENT


@pytest.mark.parametrize("words", LABELS)
def test_each_word_has_a_label_of_its_own(words: type[StrEnum]) -> None:
    labels = LABELS[words]
    assert set(labels) == set(words)
    assert len(set(labels.values())) == len(labels)
