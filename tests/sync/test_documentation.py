"""The guide of the user sync: every state, action, status and code is in it, drawn as in code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from azure_adapter.sync import refusals
from azure_adapter.sync.approvals import REVIEWABLE
from azure_adapter.sync.config import DeletionPolicy, Enrollment
from azure_adapter.sync.dependents import DEPENDS
from azure_adapter.sync.discarded import DISCARDED
from azure_adapter.sync.executor import ADVICE
from azure_adapter.sync.explained_steps import MATCH_CODES
from azure_adapter.sync.safeguards import FIRST_INVITATIONS, GUARDED, Load, reason
from azure_adapter.sync.states import BESIDE, ENDS, PHASES, SYNC, check_phase, drawn
from azure_adapter.sync.steps import StepName, StepStatus
from scim.provisioning.operations import Action, OperationStatus
from scim.provisioning.records import (
    LinkState,
    RunKind,
    RunMode,
    RunPhase,
    RunStatus,
    UniqueField,
)
from storage.sync.replans import CHANGED
from tests.sync.plans import LIMITS

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "user-sync.md").read_text()
REFUSALS = [
    each.code
    for each in vars(refusals).values()
    if isinstance(each, type)
    and issubclass(each, refusals.SyncRefused)
    and each is not refusals.SyncRefused
]
CODES = {
    *(guarded.code for guarded in GUARDED),
    *MATCH_CODES,
    *ADVICE,
    *REFUSALS,
    *(DEPENDS, DISCARDED, CHANGED, "cannot_undo", "cancelled", "interrupted", "no_enrollment"),
}
WORDS: dict[str, Iterable[str]] = {
    "kinds": RunKind,
    "statuses of runs": RunStatus,
    "phases": RunPhase,
    "actions": Action,
    "statuses of operations": OperationStatus,
    "states of links": LinkState,
    "steps": StepName,
    "statuses of steps": StepStatus,
    "enrollment types": Enrollment,
    "unique fields": UniqueField,
    "deletion policies": DeletionPolicy,
    "states of a sync": {*SYNC, *BESIDE, *(new for ways in SYNC.values() for new in ways)},
    "codes": CODES,
}


@pytest.mark.parametrize("what", sorted(WORDS))
def test_every_word_is_explained(what: str) -> None:
    missing = [
        str(word)
        for word in WORDS[what]
        if f"`{word}`" not in GUIDE
        and not re.search(rf"^{word}\b", GUIDE, re.MULTILINE)
        and f"──▶ {word}" not in GUIDE
    ]
    assert not missing
    assert all(mode.value in GUIDE for mode in RunMode)


def test_the_states_are_drawn_from_the_tables() -> None:
    for table in (PHASES, SYNC):
        assert "\n".join(drawn(table)) in GUIDE
    for table in (ENDS, BESIDE):
        for word, meaning in table.items():
            assert f"| `{word}` | {meaning} |" in GUIDE


def test_a_run_goes_one_way() -> None:
    assert set(ENDS) == set(RunStatus)
    for old in PHASES:
        check_phase(old, RunPhase.done)
        for new in RunPhase:
            if new in PHASES[old] or new is RunPhase.done:
                check_phase(old, new)
            else:
                with pytest.raises(ValueError, match="does not go"):
                    check_phase(old, new)


def test_the_message_of_the_guide_is_the_real_one() -> None:
    told = reason(LIMITS, GUARDED[0], Load(planned=20, recent=0, linked=40))
    quoted = " ".join(
        line.removeprefix("> ") for line in GUIDE.splitlines() if line.startswith("> ")
    )
    assert quoted == told
    assert f"may send {FIRST_INVITATIONS};" in GUIDE


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([a-z-]+\.md)\)", GUIDE):
        assert (DOCS / target).exists(), target


def test_every_kind_of_preview_can_be_applied() -> None:
    assert {RunKind.cycle, RunKind.draft, RunKind.drift, RunKind.undo} == REVIEWABLE
