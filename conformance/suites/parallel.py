"""The suite ``parallel``: sixteen connections write at once, and nothing may be lost."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from conformance.exchange import Exchange
from conformance.outcome import Check, Outcome
from conformance.server import Server
from conformance.suites.crew import Crew, patch, statuses

CONNECTIONS = 16
"""How many connections write at once."""

_SHOWN = 6

Trial = Callable[[Crew], tuple[list[str], Sequence[Exchange]]]


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    rule: str
    rfc: str
    why: str
    trial: Trial
    needs: tuple[str, ...] = ("patch",)
    source: str = ""


class ParallelSuite:
    """Real connections that write to the same resources at the same time."""

    name = "parallel"
    title = f"{CONNECTIONS} connections write to one group and one user at once"

    @property
    def size(self) -> str:
        """How many checks it has."""
        return str(len(_CASES))

    def run(self, server: Server) -> Iterator[Outcome]:
        """Carry out the checks, each with fresh resources."""
        wires = [server.open() for _ in range(CONNECTIONS)]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            crew = Crew(server, wires, pool, threading.Barrier(CONNECTIONS))
            for case in _CASES:
                yield _outcome(self.name, case, crew)


def _outcome(suite: str, case: _Case, crew: Crew) -> Outcome:
    check = Check(suite, case.name, case.rule, case.rfc, case.why, case.source)
    missing = [reason for each in case.needs if (reason := crew.server.lacks(each))]
    if missing:
        return Outcome.skipped(check, "; ".join(missing))
    started = time.perf_counter()
    try:
        problems, exchanges = case.trial(crew)
    except LookupError as error:
        problems, exchanges = [f"what the check needs could not be made or read: {error}"], []
    seconds = time.perf_counter() - started
    crew.server.clean()
    return Outcome.judged(check, problems, _telling(exchanges), seconds)


def _telling(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The exchanges that a report shows: what failed first, the last one always."""
    bad = [each for each in exchanges if not each.succeeded]
    return [*(bad or exchanges)[: _SHOWN - 1], *exchanges[-1:]]


def _differences(wanted: set[str], found: list[str]) -> list[str]:
    lost, extra = wanted - set(found), set(found) - wanted
    problems = [f"{len(lost)} of {len(wanted)} members are lost"] if lost else []
    problems += [f"{len(extra)} members are there that should not be"] if extra else []
    return problems + (["members are there twice"] if len(found) > len(set(found)) else [])


def _add_members(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    users, group = crew.users(2 * CONNECTIONS), crew.group([])
    tasks = [
        [patch(group, "add", "members", [{"value": each}]) for each in users[worker::CONNECTIONS]]
        for worker in range(CONNECTIONS)
    ]
    done = crew.together(tasks)
    after = crew.read(group)
    members = [each["value"] for each in after.json.get("members", [])]
    return [*statuses(done), *_differences(set(users), members)], [*done, after]


def _add_and_remove(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    users = crew.users(2 * CONNECTIONS)
    staying, going, coming = users[::4], [*users[1::4], *users[3::4]], users[2::4]
    group = crew.group([*staying, *going])
    tasks = [[patch(group, "add", "members", [{"value": each}])] for each in coming]
    tasks += [[patch(group, "remove", f'members[value eq "{each}"]')] for each in going]
    spread = [
        [one for many in tasks[worker::CONNECTIONS] for one in many]
        for worker in range(CONNECTIONS)
    ]
    done = crew.together(spread)
    after = crew.read(group)
    members = [each["value"] for each in after.json.get("members", [])]
    return [*statuses(done), *_differences({*staying, *coming}, members)], [*done, after]


def _same_member(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    (user,), group = crew.users(1), crew.group([])
    add = patch(group, "add", "members", [{"value": user}])
    done = crew.together([[add]] * CONNECTIONS)
    after = crew.read(group)
    members = [each["value"] for each in after.json.get("members", [])]
    return [*statuses(done), *_differences({user}, members)], [*done, after]


def _many_groups(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    (user,) = crew.users(1)
    groups = [crew.group([]) for _ in range(CONNECTIONS)]
    done = crew.together([[patch(each, "add", "members", [{"value": user}])] for each in groups])
    after = crew.read(f"/Users/{user}")
    found = [each["value"] for each in after.json.get("groups", [])]
    wanted = {each.rsplit("/", 1)[-1] for each in groups}
    problems = _differences(wanted, found)
    return [*statuses(done), *(each.replace("members", "groups") for each in problems)], [
        *done,
        after,
    ]


_ATTRIBUTES = (
    *("displayName", "nickName", "title", "userType", "preferredLanguage", "locale"),
    *("timezone", "profileUrl", "externalId", "userName"),
    *("name.givenName", "name.familyName", "name.middleName", "name.formatted"),
    *("name.honorificPrefix", "name.honorificSuffix"),
)
_ROUNDS = 3


def _value(attribute: str, round_: int, unique: str) -> str:
    special = {
        "profileUrl": f"https://example.com/{unique}/{round_}",
        "preferredLanguage": ("en", "fr", "de")[round_],
        "locale": ("en-US", "fr-FR", "de-DE")[round_],
        "timezone": ("Europe/Paris", "Europe/Rome", "Europe/Oslo")[round_],
    }
    return special.get(attribute, f"{unique}-{round_}")


def _user_attributes(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    (user,) = crew.users(1)
    unique = f"{crew.server.prefix}-{user}"
    path = f"/Users/{user}"
    done = crew.together(
        [
            [patch(path, "replace", each, _value(each, n, unique)) for n in range(_ROUNDS)]
            for each in _ATTRIBUTES
        ]
    )
    after = crew.read(path)
    lost = [
        each for each in _ATTRIBUTES if _at(after.json, each) != _value(each, _ROUNDS - 1, unique)
    ]
    problems = [f"the last value is lost of {', '.join(lost)}"] if lost else []
    return [*statuses(done), *problems], [*done, after]


def _at(resource: Any, path: str) -> Any:
    for each in path.split("."):
        resource = resource.get(each) if isinstance(resource, dict) else None
    return resource


def _user_elements(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    (user,) = crew.users(1)
    path = f"/Users/{user}"
    emails = [f"{crew.server.prefix}-{n}@example.com" for n in range(CONNECTIONS)]
    done = crew.together([[patch(path, "add", "emails", [{"value": each}])] for each in emails])
    after = crew.read(path)
    lost = set(emails) - {each.get("value") for each in after.json.get("emails", [])}
    problems = [f"{len(lost)} of {len(emails)} e-mail addresses are lost"] if lost else []
    return [*statuses(done), *problems], [*done, after]


def _same_attribute(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    (user,) = crew.users(1)
    path = f"/Users/{user}"
    names = [f"{crew.server.prefix} {n}" for n in range(CONNECTIONS)]
    done = crew.together([[patch(path, "replace", "displayName", each)] * 2 for each in names])
    after = crew.read(path)
    right = after.json.get("displayName") in names
    return [*statuses(done), *([] if right else ["displayName has a value nobody sent"])], [
        *done,
        after,
    ]


def _one_user_name(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    body = crew.user_body()
    done = crew.together([[("POST", "/Users", body, {})]] * CONNECTIONS)
    created = [each for each in done if each.status == 201]
    others = sorted({each.status for each in done} - {201, 409})
    problems = [] if len(created) == 1 else [f"{len(created)} users were created, expected 1"]
    problems += [f"unexpected statuses {others}"] if others else []
    return problems, done


def _if_match(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    (user,) = crew.users(1)
    path = f"/Users/{user}"
    before = crew.read(path)
    tag = before.headers.get("etag") or before.json.get("meta", {}).get("version")
    if not tag:
        return ["the server announces ETags and sends none"], [before]
    done = crew.together(
        [[patch(path, "replace", "title", f"{n}", {"if-match": tag})] for n in range(CONNECTIONS)]
    )
    won = [each for each in done if each.succeeded]
    others = sorted({each.status for each in done if not each.succeeded} - {412})
    problems = [] if len(won) == 1 else [f"{len(won)} writes succeeded, expected 1"]
    problems += [f"unexpected statuses {others}"] if others else []
    return problems, [before, *done]


def _deleted_meanwhile(crew: Crew) -> tuple[list[str], Sequence[Exchange]]:
    users, group = crew.users(CONNECTIONS), crew.group([])
    leaving = users[::2]
    tasks: list[list[Any]] = [
        [patch(group, "add", "members", [{"value": each}])] for each in users[1::2]
    ]
    tasks += [[("DELETE", f"/Users/{each}", None, {})] for each in leaving]
    done = crew.together(tasks)
    after = crew.read(group)
    members = [each["value"] for each in after.json.get("members", [])]
    return [*statuses(done), *_differences(set(users[1::2]), members)], [*done, after]


_LOST = "Identity providers change one group from several workers; who is lost has no access."

_CASES = (
    _Case(
        "members-added-at-once",
        "Members that are added to one group at the same time are all in it afterwards",
        "RFC 7644 §3.5.2.1",
        _LOST,
        _add_members,
        ("patch", "Group"),
        "fleet#50724, FusionAuth#2869, scimmy#79",
    ),
    _Case(
        "members-added-and-removed-at-once",
        "Adding and removing different members at the same time does all of it",
        "RFC 7644 §3.5.2",
        "A member who stays although removed keeps access that was withdrawn.",
        _add_and_remove,
        ("patch", "Group"),
        "fleet#50724, FusionAuth#2869",
    ),
    _Case(
        "one-member-added-by-all",
        "A member that is added many times at once is in the group once",
        "RFC 7644 §3.5.2.1",
        "Retries overlap; a second copy or a refusal stops the provisioning run.",
        _same_member,
        ("patch", "Group"),
    ),
    _Case(
        "one-user-into-many-groups",
        "A user who is added to many groups at once shows all of them in groups",
        "RFC 7643 §4.1.2",
        "Applications decide on User.groups; a group that is missing there is not granted.",
        _many_groups,
        ("patch", "Group"),
    ),
    _Case(
        "members-added-while-users-are-deleted",
        "Deleting users while others are added to a group loses nobody",
        "RFC 7644 §3.6",
        _LOST,
        _deleted_meanwhile,
        ("patch", "Group"),
    ),
    _Case(
        "user-attributes-changed-at-once",
        "Different attributes of one user that are changed at once keep their last values",
        "RFC 7644 §3.5.2.3",
        "A server that writes whole records back undoes what others changed meanwhile.",
        _user_attributes,
    ),
    _Case(
        "user-elements-added-at-once",
        "Values that are added to one attribute of a user at once are all there afterwards",
        "RFC 7644 §3.5.2.1",
        "A server that writes whole lists back drops what others added meanwhile.",
        _user_elements,
    ),
    _Case(
        "one-attribute-changed-by-all",
        "Without If-Match no write is refused because of another one",
        "RFC 7644 §3.14",
        "Clients that send no If-Match do not expect 412, 409 or 5xx, and report a failure.",
        _same_attribute,
    ),
    _Case(
        "one-user-name-created-by-all",
        "Of many creations of one userName at once a single one succeeds, the others are 409",
        "RFC 7644 §3.3",
        "Two users of one name cannot be told apart at sign-in.",
        _one_user_name,
        (),
    ),
    _Case(
        "one-version-changed-by-all",
        "Of many writes with the same If-Match a single one succeeds, the others are 412",
        "RFC 7644 §3.14",
        "If-Match is how clients make sure that they overwrite nothing unseen.",
        _if_match,
        ("patch", "etag"),
    ),
)
