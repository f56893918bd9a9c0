"""The pure decision about one user: what holds whatever the facts are."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from azure_adapter.mapping import DEFAULT_TABLE, Apply, MappingTable, Row
from azure_adapter.sync.config import DeletionPolicy, Enrollment
from azure_adapter.sync.facts import Decision, NameHolder, UserFacts
from azure_adapter.sync.linking import link_after
from scim.provisioning.authority import DASHBOARD, Source
from scim.provisioning.operations import Action, Operation
from scim.provisioning.records import (
    Candidate,
    Choice,
    LinkRecord,
    LinkState,
    Resolution,
    UniqueField,
)
from scim.provisioning.source import Presence
from tests.sync.persons import OKTA, SYNC, actions, attributes, facts, first, link, plan, stored

ONLY = Enrollment.only_sync

tables = st.sampled_from(
    [
        DEFAULT_TABLE,
        MappingTable(
            tuple(row for row in DEFAULT_TABLE.users if row.target != "title"),
            DEFAULT_TABLE.groups,
        ),
        MappingTable(
            (*DEFAULT_TABLE.users, Row("nickName", "mailNickname", apply=Apply.only_on_create)),
            DEFAULT_TABLE.groups,
        ),
    ]
)
told = st.fixed_dictionaries(
    {
        "accountEnabled": st.sampled_from([True, False, None]),
        "jobTitle": st.sampled_from([None, "Buyer", "Boss"]),
        "mailNickname": st.sampled_from([None, "annie"]),
        "mail": st.sampled_from([None, "ann@contoso.com", "ann.k@contoso.com"]),
        "userPrincipalName": st.sampled_from(
            ["ann@contoso.com", "ann@contoso.com", "eve@contoso.com", None]
        ),
    }
)
resolutions = st.none() | st.builds(
    Resolution, st.just("ann"), st.sampled_from(Choice), st.sampled_from(["r-1", ""])
)
holders = st.none() | st.builds(
    NameHolder,
    st.just(Candidate("r-2", DASHBOARD, "ann@contoso.com")),
    st.sampled_from(["", "bob"]),
    leaves=st.booleans(),
    joined=st.booleans(),
    gives_up=st.booleans(),
)


KINDS = ["linked", "unlinked", "tombstone", "gone", "matched", "new"]

MANY = settings(max_examples=250)
"""What matters is rare among all that could be."""


def creates(resolution: Resolution | None) -> bool:
    """Tell whether a person chose a new user: then nobody is looked for."""
    return resolution is not None and resolution.choice is Choice.create


@st.composite
def situations(draw: st.DrawFn) -> UserFacts:
    """Return facts as they can be: linked, let go of, deleted, matched or new."""
    now, before = draw(told), draw(told)
    table = draw(tables)
    authority = draw(st.sampled_from([SYNC, OKTA, DASHBOARD]))
    user = stored(
        attributes(**{**before, "userPrincipalName": "ann@contoso.com"}),
        active=draw(st.booleans()),
        nickName="Kept",
    )
    kind = draw(st.sampled_from([*KINDS, "linked", "linked", "matched"]))
    where = draw(st.sampled_from(["here", "here", "here", "here", "left", "out of scope"]))
    more: dict[str, Any] = {
        "resolution": draw(resolutions),
        "name_holder": draw(holders),
        "table": table,
        "authority": authority,
        "blocked": draw(st.booleans()),
    }
    if kind in ("linked", "unlinked"):
        linked = link(
            LinkState(kind), joined=draw(st.booleans()), kept_disabled=draw(st.booleans())
        )
        more |= {"linked": linked, "current": user}
    elif kind == "tombstone":
        more |= {"linked": link(LinkState.tombstone), "restorable": user}
    elif kind == "gone":
        more |= {"linked": link()}
    elif kind == "matched" and not creates(more["resolution"]):
        more |= {"current": user, "candidates": (Candidate("r-1", authority, "ann@contoso.com"),)}
    if more.get("current") and more["resolution"] and more["resolution"].resource_id == "r-1":
        more["chosen"] = Candidate("r-1", authority, "ann@contoso.com")
    if kind in ("matched", "new") and draw(st.booleans()):
        more["rivals"] = ("bob",)
    return facts(
        attributes(**now),
        presence=Presence.soft_deleted if where == "left" else Presence.present,
        in_scope=where != "out of scope",
        scope_reason="guest",
        **more,
    )


def writes(decision: Decision) -> list[Operation]:
    """Return what is sent to the target about the user itself."""
    return [
        each
        for each in decision.operations
        if each.method and each.action is not Action.release_name
    ]


SETTINGS = {
    "deletion_policy": st.sampled_from(DeletionPolicy),
    "unique_field": st.sampled_from(UniqueField),
    "enrollment": st.just(ONLY),
}


@MANY
@given(situations(), st.fixed_dictionaries(SETTINGS))
def test_a_user_of_another_source_is_written_only_when_a_person_says_so(
    of: UserFacts, chosen: dict[str, Any]
) -> None:
    decision = plan(of, **chosen)
    if of.authority is None or of.authority.source in (SYNC, DASHBOARD):
        return
    if not of.chose(Choice.take_over, "r-1"):
        assert [each for each in writes(decision) if "r-1" in each.path] == []
    if not of.record.is_wanted:
        assert writes(decision) == []


@MANY
@given(situations(), st.fixed_dictionaries(SETTINGS))
def test_a_joined_user_is_never_deleted_and_a_leaver_never_gets_anything_else(
    of: UserFacts, chosen: dict[str, Any]
) -> None:
    decision = plan(of, **chosen)
    if of.link is not None and of.link.joined:
        assert Action.delete not in actions(decision)
    if not of.record.is_wanted:
        assert set(actions(decision)) <= {Action.delete, Action.disable, Action.unlink}
        assert len(decision.operations) <= 1
        assert decision.problem is None
    else:
        assert Action.delete not in actions(decision)


@MANY
@given(situations(), st.fixed_dictionaries(SETTINGS))
def test_joining_turns_nobody_on_and_a_block_beats_everything(
    of: UserFacts, chosen: dict[str, Any]
) -> None:
    decision = plan(of, **chosen)
    before = of.before
    if before is None or decision.document is None or before.get("active") is not False:
        return
    on = decision.document.get("active") is not False
    if of.blocked or Action.take_over in actions(decision):
        assert not on
    if of.link is not None and of.link.kept_disabled:
        assert not on
    if decision.frees:
        assert of.mapped.document.get("active") is False


@MANY
@given(situations(), st.fixed_dictionaries(SETTINGS))
def test_only_what_the_table_decides_about_is_written(
    of: UserFacts, chosen: dict[str, Any]
) -> None:
    decision = plan(of, **chosen)
    for each in writes(decision):
        if each.method != "PATCH" or each.body is None:
            continue
        paths = {step["path"] for step in each.body["Operations"]}
        assert "nickName" not in paths, "it applies only on create, or is not mapped"
        if "title" not in of.mapped.coverage.simple:
            assert "title" not in paths
        for path in (each.after or {}).keys() - {"authority"}:
            assert path in paths or path == "active"


@MANY
@given(situations(), st.fixed_dictionaries(SETTINGS))
def test_there_is_either_something_to_do_or_a_reason_or_nothing_differs(
    of: UserFacts, chosen: dict[str, Any]
) -> None:
    decision = plan(of, **chosen)
    if decision.problem is not None:
        assert decision.problem.code
        assert decision.problem.message
        assert decision.problem.advice
        assert decision.problem.source_id == "ann"
    assert all(each.stamp == "stamp" for each in decision.operations if each.source_id == "ann")
    if of.record.is_wanted and of.record.link is None:
        assert bool(decision.operations) is (decision.problem is None)


@MANY
@given(situations(), st.fixed_dictionaries(SETTINGS))
def test_applied_and_planned_again_there_is_nothing_left_to_do(
    of: UserFacts, chosen: dict[str, Any]
) -> None:
    """What the plan says becomes of the user, the link and the authority is where it ends."""
    decision = plan(of, **chosen)
    if decision.document is None or decision.problem is not None or not of.record.is_wanted:
        return
    done = [each for each in decision.operations if each.source_id == "ann"]
    links = [link_after(each, "r-1", invites=False) for each in done]
    linked = next((each for each in links if each is not None), of.record.link)
    assert linked is not None
    later = facts(
        dict(of.record.attributes),
        linked=linked,
        current={**decision.document, "id": "r-1"},
        authority=SYNC,
        blocked=of.blocked,
        mapped=of.mapped,
        arriving=of.arriving,
    )
    again = plan(later, **chosen)
    assert writes(again) == []
    assert again.problem is None


def test_a_block_keeps_a_linked_user_disabled() -> None:
    blocked = facts(linked=link(), current=stored(active=False), blocked=True)
    assert plan(blocked, enrollment=ONLY).operations == []
    lifted = facts(linked=link(), current=stored(active=False))
    assert first(plan(lifted, enrollment=ONLY)).after == {"active": True}


# -- names ------------------------------------------------------------------------------


def holder(**changes: Any) -> NameHolder:
    given = {"candidate": Candidate("r-2", SYNC, "eve@contoso.com"), "source_id": "bob"}
    return NameHolder(**{**given, **changes})


def renamed(of: NameHolder, **settings: Any) -> Decision:
    moved = attributes(userPrincipalName="eve@contoso.com", jobTitle="Buyer")
    return plan(
        facts(moved, linked=link(), current=stored(), name_holder=of), enrollment=ONLY, **settings
    )


def test_who_gives_a_name_up() -> None:
    deactivate = DeletionPolicy.deactivate
    cases = [
        (holder(leaves=True), {}, [Action.update], ["bob"]),
        (holder(leaves=True, joined=True), {}, [Action.release_name, Action.update], []),
        (
            holder(leaves=True),
            {"deletion_policy": deactivate},
            [Action.release_name, Action.update],
            [],
        ),
        (holder(gives_up=True), {}, [Action.release_name, Action.update], []),
        (holder(), {}, [Action.update], []),
        (holder(source_id=""), {}, [Action.update], []),
    ]
    for of, given_settings, wanted, promoted in cases:
        decision = renamed(of, **given_settings)
        assert (actions(decision), decision.promote) == (wanted, promoted), of
        kept = not (of.leaves or of.gives_up)
        assert (decision.problem is not None) is kept
        own = decision.operations[-1]
        assert ("userName" in (own.after or {})) is not kept
        assert (own.after or {})["title"] == "Buyer"


def test_the_log_of_both_tells_where_a_name_went() -> None:
    decision = renamed(holder(gives_up=True))
    release, own = decision.operations
    assert (release.source_id, release.path) == ("bob", "/Users/r-2")
    assert (release.after or {})["userName"].startswith("eve@contoso.com.released-bob")
    assert "ann" in release.message
    assert "bob" in own.message


def test_a_new_user_waits_for_a_name_that_somebody_keeps() -> None:
    decision = plan(facts(name_holder=holder(source_id="")), enrollment=ONLY)
    assert (decision.operations, decision.problem is None) == ([], False)


def test_the_user_who_is_joined_has_the_name_already() -> None:
    found = Candidate("r-1", DASHBOARD, "ann@contoso.com")
    own = NameHolder(found)
    joined = facts(current=stored(), candidates=(found,), authority=DASHBOARD, name_holder=own)
    assert actions(plan(joined, enrollment=ONLY)) == [Action.take_over]


def test_the_reason_of_who_is_out_of_scope_stands_in_the_log() -> None:
    leaving = facts(linked=link(), current=stored(), in_scope=False, scope_reason="guest")
    for policy in DeletionPolicy:
        operation = first(plan(leaving, deletion_policy=policy))
        assert "guests are left out" in operation.message


def test_whose_link_leads_nowhere_is_made_anew_and_a_choice_is_no_link() -> None:
    gone = facts(linked=link())
    assert actions(plan(gone, enrollment=ONLY)) == [Action.create]
    other: dict[str, Any] = {**stored(), "id": "r-9"}
    chosen = facts(
        linked=link(),
        current=other,
        authority=OKTA,
        chosen=Candidate("r-9", OKTA, "ann@contoso.com"),
        resolution=Resolution("ann", Choice.contribute, "r-9"),
    )
    decision = plan(chosen, enrollment=ONLY)
    assert (actions(decision), first(decision).path) == ([Action.contribute], "/Users/r-9")


def test_what_an_operation_makes_of_the_link() -> None:
    def after(action: Action, **told: Any) -> LinkRecord | None:
        operation = Operation(action, first(plan(facts())).kind, "ann", "ann", path="/Users/r-1")
        from dataclasses import replace

        return link_after(replace(operation, **told), "", invites=True)

    def moved(old: Source) -> dict[str, Any]:
        return {"before": {"authority": str(old)}, "after": {"authority": str(SYNC)}}

    created = after(Action.create)
    assert created is not None
    assert (created.joined, created.enrollment, created.resource_id) == (False, "due", "r-1")
    joined = after(Action.take_over, **moved(DASHBOARD))
    assert joined is not None
    assert (joined.joined, joined.enrollment, joined.kept_disabled) == (True, "due", False)
    back = after(Action.take_over, **moved(SYNC))
    assert back is not None
    assert (back.joined, back.enrollment) == (False, "")
    off = after(
        Action.take_over,
        before={"authority": "dashboard", "active": False},
        after={"authority": str(SYNC), "active": False},
    )
    assert off is not None
    assert off.kept_disabled is True
    for action in (Action.update, Action.disable, Action.invite, Action.release_name):
        assert after(action) is None
    let_go = after(Action.unlink)
    assert let_go is not None
    assert (let_go.state, let_go.joined) == (LinkState.unlinked, True)
