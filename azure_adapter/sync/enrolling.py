"""Enrollment in the plan: who is invited, and whose address counts as verified. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from azure_adapter.sync import phases
from azure_adapter.sync.config import Enrollment, SyncConfig
from azure_adapter.sync.facts import Decision, UserFacts
from azure_adapter.sync.user_operations import user_operation
from scim.ezto import EMAIL_VERIFIED, enrollment_address
from scim.provisioning.keys import comparison_key
from scim.provisioning.operations import AUTHORITY, Action, Operation, reference
from scim.provisioning.records import EnrollmentState

DUE = "due"
SENT = "sent"
LIVE = frozenset({"sent", "undelivered"})
"""The words of ``inviteStatus`` that say that a link is out."""

CHANGES = frozenset(
    {Action.create, Action.take_over, Action.restore, Action.update, Action.disable}
)
"""What may change an address."""


def enroll(config: SyncConfig, facts: UserFacts, decision: Decision) -> Decision:
    """Add what the Enrollment Type asks for to what was decided about a user.

    Under *Trust Email* the operation that brings an address says that it is verified. Under *Send
    Enrollment Email* an invitation is appended for a user who is active, has an address, is not
    verified, and to whom one is due: a new one, one whose address changes after it was invited,
    or one that a person asked it for.
    """
    if decision.document is None or config.enrollment is Enrollment.only_sync:
        return decision
    address = enrollment_address(decision.document)
    if address is None:
        return decision
    if config.enrollment is Enrollment.trust_email:
        return _trust(facts, decision, address)
    return _invite(facts, decision, address)


def is_new(operation: Operation) -> bool:
    """Tell whether an operation makes a user new to this sync.

    One that this sync made, and that a person restored here, is taken back and not new.
    """
    before, after = operation.before or {}, operation.after or {}
    if operation.action is Action.take_over and AUTHORITY in before:
        return bool(before[AUTHORITY] != after.get(AUTHORITY))
    return operation.action in (Action.create, Action.take_over)


def _trust(facts: UserFacts, decision: Decision, address: str) -> Decision:
    for index, operation in enumerate(decision.operations):
        if operation.action not in CHANGES:
            continue
        if is_new(operation) or _changes_address(facts, address):
            after = {**(operation.after or {}), EMAIL_VERIFIED: True}
            decision.operations[index] = replace(operation, after=after)
        break
    return decision


def _invite(facts: UserFacts, decision: Decision, address: str) -> Decision:
    changed = _changes_address(facts, address)
    sent = facts.record.link is not None and facts.record.link.enrollment == SENT
    decision.renews = sent and changed and not any(map(is_new, decision.operations))
    if not _is_due(facts, decision) or not _is_active(decision.document):
        return decision
    state = facts.enrollment or EnrollmentState()
    if not changed and (state.email_verified or state.invite_status in LIVE):
        return decision
    told: dict[str, Any] = {"inviteStatus": state.invite_status, "address": state.address}
    operation = user_operation(
        facts,
        Action.invite,
        "",
        f"/Users/{_user(facts)}",
        phase=phases.INVITATIONS,
        before=told if facts.enrollment else None,
        after={"inviteStatus": SENT, "address": address},
    )
    decision.operations.append(operation)
    return decision


def _is_due(facts: UserFacts, decision: Decision) -> bool:
    link = facts.record.link
    asked = link is not None and link.enrollment == DUE
    return asked or decision.renews or any(map(is_new, decision.operations))


def _is_active(document: Mapping[str, Any] | None) -> bool:
    return document is not None and document.get("active") is not False


def _user(facts: UserFacts) -> str:
    """Return the id of the user to invite, or a reference to the one that the plan creates."""
    before = facts.before
    return reference(facts.record.source_id) if before is None else str(before["id"])


def _changes_address(facts: UserFacts, address: str) -> bool:
    """Tell whether the plan gives the user another address; a new one had none before."""
    old = None if facts.before is None else enrollment_address(facts.before)
    return old is None or comparison_key(old) != comparison_key(address)
