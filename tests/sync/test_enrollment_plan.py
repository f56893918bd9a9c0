"""Who is invited and whose address counts as verified, as the plan decides it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_adapter.sync import phases
from azure_adapter.sync.config import Enrollment
from azure_adapter.sync.linking import link_after
from scim.ezto import EMAIL_VERIFIED
from scim.provisioning.authority import DASHBOARD
from scim.provisioning.operations import Action, Operation
from scim.provisioning.records import (
    Candidate,
    Choice,
    EnrollmentState,
    LinkRecord,
    LinkState,
    Resolution,
    UniqueField,
)
from scim.provisioning.source import Presence
from tests.sync.persons import OKTA, actions, attributes, facts, first, link, plan, stored

SEND, TRUST, ONLY = Enrollment.send_email, Enrollment.trust_email, Enrollment.only_sync
USERNAME = UniqueField.username
VERIFIED = EnrollmentState(True, "accepted", "ann@contoso.com")
INVITED = EnrollmentState(False, "sent", "ann@contoso.com")
NOTHING = EnrollmentState(None, None, "ann@contoso.com")


def invitations(decision: Any) -> list[Operation]:
    return [each for each in decision.operations if each.action is Action.invite]


def invited(of: Any, **changes: Any) -> list[str]:
    """Return the addresses that are invited."""
    found = invitations(plan(of, enrollment=SEND, **changes))
    assert all(each.after is not None for each in found)
    return [str((each.after or {})["address"]) for each in found]


def verified(of: Any, enrollment: Enrollment = TRUST) -> list[Action]:
    """Return the actions that say that an address is verified."""
    decision = plan(of, enrollment=enrollment)
    return [each.action for each in decision.operations if (each.after or {}).get(EMAIL_VERIFIED)]


# -- Send Enrollment Email --------------------------------------------------------------


def test_a_new_user_is_invited_once_in_the_plan_that_creates_it() -> None:
    (operation,) = invitations(plan(facts(), enrollment=SEND))
    assert operation.path == "/Users/bulkId:ann"
    assert (operation.method, operation.body) == ("", None)
    assert operation.after == {"inviteStatus": "sent", "address": "ann@contoso.com"}
    assert operation.phase == phases.INVITATIONS
    assert phases.ADD_MEMBERS < phases.INVITATIONS < phases.DELETE_USERS


def test_a_user_who_arrives_disabled_is_invited_when_first_active() -> None:
    off = attributes(accountEnabled=False)
    assert invited(facts(off)) == []
    later = facts(linked=link(enrollment="due"), current=stored(off), enrollment=NOTHING)
    assert invited(later) == ["ann@contoso.com"]
    assert actions(plan(later, enrollment=SEND)) == [Action.update, Action.invite]


def test_a_user_without_address_is_invited_when_there_is_one() -> None:
    bare = attributes(mail=None)
    assert actions(plan(facts(bare), enrollment=SEND, unique_field=USERNAME)) == [Action.create]
    later = facts(linked=link(enrollment="due"), current=stored(bare))
    assert invited(later) == ["ann@contoso.com"]


def test_the_primary_address_is_invited_and_else_that_of_work() -> None:
    current = stored(emails=[{"value": "home@example.com", "type": "home", "primary": True}])
    kept = attributes(mail=None)
    assert invited(facts(kept, linked=link(enrollment="due"), current=current)) == [
        "home@example.com"
    ]


def test_what_was_sent_is_not_sent_again() -> None:
    for state in (INVITED, VERIFIED, EnrollmentState(False, "undelivered", "ann@contoso.com")):
        changed = facts(
            attributes(jobTitle="Buyer"),
            linked=link(enrollment="sent"),
            current=stored(),
            enrollment=state,
        )
        decision = plan(changed, enrollment=SEND)
        assert actions(decision) == [Action.update]
        assert not decision.renews


@pytest.mark.parametrize("status", ["expired", "voided", None])
def test_an_invitation_that_ran_out_or_was_withdrawn_is_not_sent_again_by_itself(
    status: str | None,
) -> None:
    state = EnrollmentState(False, status, "ann@contoso.com")
    assert invited(facts(linked=link(enrollment="sent"), current=stored(), enrollment=state)) == []


def test_a_changed_address_is_invited_although_the_old_one_was() -> None:
    for state in (INVITED, VERIFIED):
        moved = facts(
            attributes(mail="ann.k@contoso.com"),
            linked=link(enrollment="sent"),
            current=stored(),
            enrollment=state,
        )
        decision = plan(moved, enrollment=SEND)
        assert actions(decision) == [Action.update, Action.invite]
        assert (decision.operations[-1].before or {})["address"] == "ann@contoso.com"
        assert decision.renews, "the link is due again, whatever becomes of the invitation"


def test_another_spelling_of_the_address_is_no_other_address() -> None:
    spelled = facts(
        attributes(mail="ANN@contoso.com"),
        linked=link(enrollment="sent"),
        current=stored(),
        enrollment=VERIFIED,
    )
    decision = plan(spelled, enrollment=SEND)
    assert actions(decision) == [Action.update]
    assert not decision.renews


def test_a_changed_address_of_a_disabled_user_waits_until_the_user_is_active() -> None:
    moved = facts(
        attributes(mail="ann.k@contoso.com", accountEnabled=False),
        linked=link(enrollment="sent"),
        current=stored(),
        enrollment=VERIFIED,
    )
    decision = plan(moved, enrollment=SEND)
    assert actions(decision) == [Action.disable]
    assert decision.renews


def test_who_was_synced_before_is_not_invited_by_a_changed_type() -> None:
    """Changing the Enrollment Type concerns new users only, also when the address changes."""
    for of in (attributes(), attributes(mail="ann.k@contoso.com")):
        assert invited(facts(of, linked=link(), current=stored(), enrollment=NOTHING)) == []


def test_one_whom_a_person_asked_to_be_invited_is() -> None:
    asked = facts(linked=link(enrollment="due"), current=stored(), enrollment=NOTHING)
    (operation,) = plan(asked, enrollment=SEND).operations
    assert (operation.action, operation.path) == (Action.invite, "/Users/r-1")


def test_a_joined_user_who_is_verified_gets_none() -> None:
    def joined(state: EnrollmentState) -> Any:
        found = Candidate("r-1", DASHBOARD, "ann@contoso.com")
        return facts(current=stored(), candidates=(found,), authority=DASHBOARD, enrollment=state)

    assert invited(joined(VERIFIED)) == []
    assert invited(joined(INVITED)) == []
    assert invited(joined(NOTHING)) == ["ann@contoso.com"]


def test_a_joined_user_who_is_disabled_gets_none() -> None:
    found = Candidate("r-1", DASHBOARD, "ann@contoso.com")
    off = facts(current=stored(active=False), candidates=(found,), authority=DASHBOARD)
    assert invited(off) == []


def test_a_contributed_user_is_the_business_of_its_authority() -> None:
    chosen = Candidate("r-1", OKTA, "ann@contoso.com")
    choice = Resolution("ann", Choice.contribute, "r-1")
    decision = plan(
        facts(current=stored(), authority=OKTA, chosen=chosen, resolution=choice), enrollment=SEND
    )
    assert actions(decision) == [Action.contribute]


def test_a_restored_user_keeps_its_status() -> None:
    gone = link(LinkState.tombstone, enrollment="sent")
    assert invited(facts(linked=gone, restorable=stored())) == []
    waiting = link(LinkState.tombstone, enrollment="due")
    assert invited(facts(linked=waiting, restorable=stored())) == ["ann@contoso.com"]


def test_a_user_who_was_restored_here_and_is_taken_back_keeps_its_status() -> None:
    back = link(LinkState.tombstone, enrollment="sent")
    expired = EnrollmentState(False, "expired", "ann@contoso.com")
    decision = plan(facts(linked=back, current=stored(), enrollment=expired), enrollment=SEND)
    assert actions(decision) == [Action.take_over]
    after = link_after(first(decision), "r-1", invites=True)
    assert after is not None
    assert (after.joined, after.enrollment) == (False, "")
    assert verified(facts(linked=back, current=stored())) == []


def test_a_leaver_is_never_invited() -> None:
    for presence in (Presence.soft_deleted, Presence.deleted):
        leaving = facts(linked=link(enrollment="due"), current=stored(), presence=presence)
        assert invited(leaving) == []
    out = facts(
        linked=link(enrollment="due"), current=stored(), in_scope=False, scope_reason="guest"
    )
    assert invited(out) == []


def test_a_blocked_user_is_not_invited() -> None:
    blocked = facts(linked=link(enrollment="due"), current=stored(active=False), blocked=True)
    assert invited(blocked) == []


# -- Trust Email --------------------------------------------------------------------------


def test_trust_says_that_a_new_address_is_verified() -> None:
    assert verified(facts()) == [Action.create]
    moved = facts(attributes(mail="ann.k@contoso.com"), linked=link(), current=stored())
    assert verified(moved) == [Action.update]
    first_one = facts(linked=link(), current=stored(attributes(mail=None)))
    assert verified(first_one) == [Action.update]


def test_trust_says_it_of_a_joined_user() -> None:
    found = Candidate("r-1", DASHBOARD, "ann@contoso.com")
    joined = facts(current=stored(), candidates=(found,), authority=DASHBOARD)
    assert verified(joined) == [Action.take_over]


def test_trust_says_nothing_of_who_was_synced_before() -> None:
    same = facts(attributes(jobTitle="Buyer"), linked=link(), current=stored())
    assert verified(same) == []
    back = facts(linked=link(LinkState.tombstone), restorable=stored())
    assert verified(back) == []


def test_trust_says_nothing_without_an_address() -> None:
    decision = plan(facts(attributes(mail=None)), enrollment=TRUST, unique_field=USERNAME)
    assert actions(decision) == [Action.create]
    assert EMAIL_VERIFIED not in (first(decision).after or {})


# -- everything ----------------------------------------------------------------------------


emails = st.sampled_from([None, "ann@contoso.com", "ANN@contoso.com", "ann.k@contoso.com"])
states = st.builds(
    EnrollmentState,
    st.sampled_from([None, True, False]),
    st.sampled_from([None, "sent", "undelivered", "expired", "voided", "accepted"]),
    st.just("ann@contoso.com"),
)
links = st.builds(
    link,
    st.sampled_from(LinkState),
    enrollment=st.sampled_from(["", "due", "sent"]),
    joined=st.booleans(),
)


@given(
    now=emails,
    before=emails,
    enabled=st.booleans(),
    was_active=st.booleans(),
    linked=links,
    state=states,
    presence=st.sampled_from([Presence.present, Presence.soft_deleted]),
    enrollment=st.sampled_from(Enrollment),
)
def test_whatever_happens_an_invitation_is_to_an_active_user_with_an_address(
    now: str | None,
    before: str | None,
    enabled: bool,
    was_active: bool,
    linked: LinkRecord,
    state: EnrollmentState,
    presence: Presence,
    enrollment: Enrollment,
) -> None:
    old = stored(attributes(mail=before), active=was_active)
    gone = linked.state is LinkState.tombstone
    of = facts(
        attributes(mail=now, accountEnabled=enabled),
        linked=linked,
        presence=presence,
        current=None if gone else old,
        restorable=old if gone else None,
        enrollment=None if gone else state,
    )
    decision = plan(of, enrollment=enrollment)
    found = invitations(decision)
    assert len(found) <= 1
    assert decision.renews is False or enrollment is SEND
    if found:
        assert enrollment is SEND
        assert presence is Presence.present
        assert now is not None
        assert (found[0].after or {})["address"] == decision.document["emails"][0]["value"]  # type: ignore[index]
        assert decision.document is not None
        assert decision.document["active"] is True
        assert decision.operations[-1] is found[0]
    if enrollment is not TRUST:
        assert all(EMAIL_VERIFIED not in (each.after or {}) for each in decision.operations)
    if enrollment is ONLY:
        assert not found


def test_only_sync_plans_nothing_of_the_kind() -> None:
    decision = plan(facts(), enrollment=ONLY)
    assert actions(decision) == [Action.create]
    assert EMAIL_VERIFIED not in (first(decision).after or {})
