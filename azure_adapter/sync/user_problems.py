"""Why a user cannot be provisioned, in sentences that a person can act on."""

from azure_adapter.mapping import MappedUser
from azure_adapter.sync.facts import NameHolder, UserFacts
from scim.provisioning.records import Candidate
from scim.provisioning.source import ObjectKind, ObjectProblem


def _problem(facts: UserFacts, code: str, message: str, advice: str) -> ObjectProblem:
    record = facts.record
    return ObjectProblem(ObjectKind.user, record.source_id, facts.label, code, message, advice)


def mapping_problem(facts: UserFacts, mapped: MappedUser) -> ObjectProblem:
    """Say that the mapping makes no user of the object."""
    first = mapped.problems[0]
    return _problem(facts, first.code, f"{facts.label}: {first.message}", first.advice)


def no_unique_value(facts: UserFacts, word: str) -> ObjectProblem:
    """Say that the object has no value of the Unique field."""
    return _problem(
        facts,
        "no_unique_value",
        f"{facts.label} has no {word}, which is the Unique field of this user sync.",
        f"Give the user one in Azure, or choose to create a user without looking for an existing "
        f"one. A user sync whose Unique field is not the {word} does not need it.",
    )


def rivals(facts: UserFacts, word: str, value: str) -> ObjectProblem:
    """Say that other objects of the source claim the same value."""
    others = ", ".join(facts.rivals[:3])
    return _problem(
        facts,
        "shared_unique_value",
        f"{facts.label} shares the {word} {value!r} with {len(facts.rivals)} other object(s) of "
        f"the directory ({others}), so it cannot be told whose account it is.",
        f"Give each of them a {word} of its own in Azure, leave one out of scope, or choose which "
        "user each of them is.",
    )


def ambiguous(facts: UserFacts, word: str, value: str) -> ObjectProblem:
    """Say that several users here hold the value."""
    names = ", ".join(candidate.user_name for candidate in facts.candidates[:3])
    return _problem(
        facts,
        "ambiguous_match",
        f"{facts.label} matches {len(facts.candidates)} users with the {word} {value!r} ({names}).",
        f"Change or remove the {word} of all but one of them, or choose which one it is.",
    )


def foreign(facts: UserFacts, candidate: Candidate) -> ObjectProblem:
    """Say that the user found belongs to another source."""
    return _problem(
        facts,
        "other_authority",
        f"{facts.label} matches the user {candidate.user_name!r}, who belongs to another "
        f"provisioning source ({candidate.authority}).",
        "An administrator has to decide: take the user over, contribute (the profile stays with "
        "that source, the user joins this sync's groups), or remove the user from that source.",
    )


def no_longer_ours(facts: UserFacts) -> ObjectProblem:
    """Say that another source has become the authority of the linked user."""
    owner = facts.authority.source if facts.authority else ""
    return _problem(
        facts,
        "other_authority",
        f"{facts.label} is linked to a user that belongs to another provisioning source now "
        f"({owner}), which alone may change it.",
        "An administrator has to decide: take the user over, or contribute, which leaves the "
        "profile to that source and keeps the user in this sync's groups.",
    )


def name_taken(facts: UserFacts, holder: NameHolder) -> ObjectProblem:
    """Say that somebody else here has the userName, and keeps it."""
    name = holder.candidate.user_name
    who = f"of {holder.candidate.authority}" if not holder.source_id else "of this sync"
    back = " It cannot be restored under it." if facts.restorable is not None else ""
    return _problem(
        facts,
        "uniqueness",
        f"{facts.label} needs the user name {name!r}, which another user ({who}) has.{back}",
        "Change the user name of one of the two, in Azure or here, or delete the other user; the "
        "next run tries again. If both are the same person, an administrator may choose to take "
        "that user over.",
    )
