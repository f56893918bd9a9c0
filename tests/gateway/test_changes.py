"""Plan operations as lines that a person reads."""

import pytest

from gateway.cli.changes import VERBS, operation_line, told
from gateway.cli.console import harmless
from scim.provisioning.operations import Action, Operation, OperationStatus, PlannedOperation
from scim.provisioning.source import ObjectKind


def row(action: Action, seq: int = 1, **values: object) -> PlannedOperation:
    kind = ObjectKind.group if "members" in action else ObjectKind.user
    operation = Operation(action, kind, "id", "ann", **values)  # type: ignore[arg-type]
    return PlannedOperation(seq, operation, OperationStatus.done)


def test_every_action_has_a_line() -> None:
    for action in Action:
        assert "ann" in operation_line(row(action))
    assert set(VERBS) == set(Action) - {Action.add_members, Action.remove_members}


def test_an_update_tells_old_and_new() -> None:
    name = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
    changed = row(
        Action.update,
        before={"title": "Clerk", "emails": [{"value": "a@b.c"}]},
        after={"title": None, "emails": [{"value": "d@e.f"}, {"type": "x"}], name: "Law"},
    )
    assert operation_line(changed) == (
        '~ user ann changed: title Clerk → (none), emails a@b.c → d@e.f, {"type":"x"}, '
        "department (none) → Law"
    )


def test_what_is_too_long_to_differ_is_only_named() -> None:
    long = "x" * 100
    changed = row(Action.update, before={"title": long + "a"}, after={"title": long + "b"})
    assert operation_line(changed) == "~ user ann changed: title"


@pytest.mark.parametrize(("number", "words"), [(1, "1 member added"), (2, "2 members added")])
def test_memberships_are_counted(number: int, words: str) -> None:
    line = operation_line(row(Action.add_members, after={"members": ["id"] * number}))
    assert line == f"~ group ann: {words}"


def test_what_came_is_told_before_what_left() -> None:
    rows = [
        row(Action.remove_members, 1, before={"members": []}),
        row(Action.delete, 2),
        row(Action.create, 3),
    ]
    assert [line[0] for line in told(rows)] == ["+", "-", "~"]


def test_names_steer_no_terminal() -> None:
    assert harmless("a\x1b[2Jb\r\n\u202ec") == "a�[2Jb���c"
    assert harmless("Zoë 👩‍🔬 \u200d ह") == "Zoë 👩‍🔬 \u200d ह"
