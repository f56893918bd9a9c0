"""The rules of invitations, as pure functions."""

from hypothesis import given
from hypothesis import strategies as st

from storage.enrollment.states import (
    LIVE,
    Enrollment,
    InvitationRecord,
    InviteStatus,
    Standing,
    VoidReason,
    after_write,
)

moments = st.none() | st.integers(0, 20)
enrollments = st.builds(
    Enrollment,
    st.sampled_from([None, False, True]),
    st.sampled_from([None, *(each.value for each in InviteStatus)]),
)


def record(accepted_at: int | None, voided_at: int | None, expires_at: int) -> InvitationRecord:
    return InvitationRecord(
        "i", 1, "u", "", "a@x", "a@x", 0, "", expires_at, None, accepted_at, voided_at
    )


@given(moments, moments, st.integers(1, 20), st.integers(0, 30))
def test_what_happened_first_decides(
    accepted_at: int | None, voided_at: int | None, expires_at: int, now: int
) -> None:
    standing = record(accepted_at, voided_at, expires_at).standing(now)
    if accepted_at is not None:
        assert standing is Standing.accepted
    elif voided_at is not None and voided_at < expires_at:
        assert standing is Standing.voided
    else:
        assert standing is (Standing.expired if now >= expires_at else Standing.live)


@given(enrollments, st.booleans(), st.booleans())
def test_a_write_never_verifies_and_never_revives(
    now: Enrollment, address_changed: bool, active: bool
) -> None:
    then, reason = after_write(now, address_changed=address_changed, active=active)
    assert not (then.verified and not now.verified)
    assert not (then.live and not now.live)
    assert (reason is not None) == (now.live and not then.live)
    if address_changed:
        assert then.verified is False
        assert not then.live
        assert then.status in (None, "voided")
    elif active:
        assert (then, reason) == (now, None)
    else:
        assert then.verified == now.verified
        assert not then.live


def test_live_words_are_those_whose_link_is_out() -> None:
    assert {"sent", "undelivered"} == LIVE
    assert after_write(Enrollment(False, "sent"), address_changed=True, active=False)[1] is (
        VoidReason.address
    )
