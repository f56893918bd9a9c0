"""Why a user cannot be provisioned, in sentences that a person can act on."""

from azure_adapter.sync.facts import UserFacts
from scim.provisioning.records import Candidate
from scim.provisioning.source import ObjectKind, ObjectProblem


def _problem(facts: UserFacts, code: str, message: str, advice: str) -> ObjectProblem:
    record = facts.record
    return ObjectProblem(ObjectKind.user, record.source_id, facts.label, code, message, advice)


def mapping_problem(facts: UserFacts) -> ObjectProblem:
    """Say that the mapping makes no user of the object."""
    first = facts.mapped.problems[0]
    return _problem(facts, first.code, f"{facts.label}: {first.message}", first.advice)


def no_unique_value(facts: UserFacts, word: str) -> ObjectProblem:
    """Say that the object has no value of the Unique field."""
    return _problem(
        facts,
        "no_unique_value",
        f"{facts.label} has no {word}, which is the Unique field of this user sync.",
        f"Give the user one in Azure, or make a user sync whose Unique field is not the {word}.",
    )


def rivals(facts: UserFacts, word: str, value: str) -> ObjectProblem:
    """Say that other objects of the source claim the same value."""
    others = ", ".join(facts.rivals[:3])
    return _problem(
        facts,
        "shared_unique_value",
        f"{facts.label} shares the {word} {value!r} with {len(facts.rivals)} other object(s) of "
        f"the directory ({others}), so it cannot be told whose account it is.",
        f"Give each of them a {word} of its own in Azure, or leave one out of scope.",
    )


def ambiguous(facts: UserFacts, word: str, value: str) -> ObjectProblem:
    """Say that several users here hold the value."""
    names = ", ".join(candidate.user_name for candidate in facts.candidates[:3])
    return _problem(
        facts,
        "ambiguous_match",
        f"{facts.label} matches {len(facts.candidates)} users with the {word} {value!r} ({names}).",
        f"Change or remove the {word} of all but one of them, then sync again.",
    )


def foreign(facts: UserFacts, candidate: Candidate) -> ObjectProblem:
    """Say that the user found belongs to another source."""
    return _problem(
        facts,
        "other_authority",
        f"{facts.label} matches the user {candidate.user_name!r}, who belongs to another "
        f"provisioning source ({candidate.authority}).",
        "An administrator has to decide: let this user sync take the user over, or remove the "
        "user from the other source.",
    )
