"""Fills a directory with a plausible organization; one seed always gives the same one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

from azure_adapter.simulator import names
from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.directory_state import uncollected
from azure_adapter.simulator.people import People

HIDDEN_GROUP: Final = "Works Council (confidential)"
"""displayName of the one group whose membership is hidden."""

_REPORTS_PER_MANAGER: Final = 8


@dataclass(frozen=True, slots=True)
class GeneratorOptions:
    """How large and how mixed a generated directory is.

    Attributes:
        users: Number of users, guests included.
        groups: Number of groups; the first ones are special (hidden, Microsoft 365, nested).
        memberships: Average number of members of a group.
        guests: Share of users that are guests.
        devices: Number of devices; None is one per fifty users.
        seed: Seed; None is the directory's.
    """

    users: int = 500
    groups: int = 40
    memberships: int = 100
    guests: float = 0.05
    devices: int | None = None
    seed: int | None = None


def generate(directory: Directory, options: GeneratorOptions | None = None) -> Directory:
    """Fill a directory and forget how it came about.

    The change log is empty afterwards, as if everything had happened long ago: delta tokens
    issued before are expired.

    Args:
        directory: The directory to fill; usually an empty one.
        options: Size and mix.

    Returns:
        The same directory.
    """
    options = options or GeneratorOptions()
    seed = directory.seed if options.seed is None else options.seed
    rng = random.Random(f"generate:{seed}")  # noqa: S311
    with directory.unrecorded(), uncollected():
        users = _add_users(directory, options, rng)
        _set_managers(directory, users, rng)
        devices = _add_devices(directory, options, rng)
        groups = _add_groups(directory, options.groups, rng)
        _fill_groups(directory, groups, users, options.memberships, rng)
        _nest_groups(directory, groups, rng)
        _add_device_members(directory, groups, devices, rng)
    return directory


def group_attributes(rng: random.Random, number: int) -> dict[str, Any]:
    """Draw the attributes of the nth ordinary group: a department, a project or an office.

    Names repeat in large directories, as group display names are not unique in Entra.
    """
    kind = number % 3
    if kind == 0:
        name = f"{rng.choice(names.DEPARTMENTS)} {_ordinal(number)}".strip()
    elif kind == 1:
        name = f"Project {rng.choice(names.PROJECTS)} {_ordinal(number)}".strip()
    else:
        name = f"Office {rng.choice(names.OFFICES)}"
    attrs: dict[str, Any] = {"displayName": name}
    if rng.random() < 0.5:
        attrs["description"] = f"Everybody in {name}"
    if kind == 1 and rng.random() < 0.5:
        attrs.update(_unified(f"project{number}"))
    return attrs


def _ordinal(number: int) -> str:
    return str(number // 12 + 1) if number >= 12 else ""


def _unified(nickname: str) -> dict[str, Any]:
    return {
        "groupTypes": ["Unified"],
        "mailEnabled": True,
        "securityEnabled": False,
        "mailNickname": nickname,
        "mail": f"{nickname}@groups.contoso.example",
        "visibility": "Private",
    }


def _add_users(directory: Directory, options: GeneratorOptions, rng: random.Random) -> list[str]:
    people = People(rng, directory.domain, directory.upn_taken)
    ids = []
    for number in range(1, options.users + 1):
        guest = rng.random() < options.guests
        ids.append(directory.add_user(**(people.guest() if guest else people.member(number))))
    return ids


def _set_managers(directory: Directory, users: list[str], rng: random.Random) -> None:
    """Build a tree: everybody but the first, and a few, has an earlier user as manager."""
    for index in range(1, len(users)):
        if rng.random() < 0.95:
            manager = users[(index - 1) // _REPORTS_PER_MANAGER]
            directory.set_manager(users[index], manager)


def _add_devices(directory: Directory, options: GeneratorOptions, rng: random.Random) -> list[str]:
    count = options.users // 50 if options.devices is None else options.devices
    return [
        directory.add_device(
            displayName=f"DESKTOP-{rng.randrange(16**6):06X}",
            operatingSystem=rng.choice(("Windows", "Windows", "MacMDM", "IPhone")),
        )
        for _ in range(count)
    ]


def _add_groups(directory: Directory, count: int, rng: random.Random) -> list[str]:
    special: list[dict[str, Any]] = [
        {
            "displayName": HIDDEN_GROUP,
            **_unified("workscouncil"),
            "visibility": "HiddenMembership",
        },
        {"displayName": "All Company", **_unified("allcompany")},
        {"displayName": "All Departments", "description": "Holds groups only"},
    ]
    made = [directory.add_group(**attrs) for attrs in special[:count]]
    made += [directory.add_group(**group_attributes(rng, n)) for n in range(count - len(made))]
    return made


def _fill_groups(
    directory: Directory, groups: list[str], users: list[str], average: int, rng: random.Random
) -> None:
    """Spread memberships over groups: a few large groups, many small ones."""
    if not groups or not users:
        return
    weights = [rng.paretovariate(1.5) for _ in groups]
    scale = average * len(groups) / sum(weights)
    sizes = [min(len(users), max(1, round(weight * scale))) for weight in weights]
    for group_id, size in zip(groups, _topped_up(sizes, len(users), average), strict=True):
        directory.add_members(group_id, rng.sample(users, size))


def _topped_up(sizes: list[int], most: int, average: int) -> list[int]:
    """Give what large groups could not hold to the others, so that the average stays."""
    missing = average * len(sizes) - sum(sizes)
    share = max(missing, 0) // len(sizes)
    return [min(most, size + share) for size in sizes]


def _nest_groups(directory: Directory, groups: list[str], rng: random.Random) -> None:
    """Put groups into "All Departments", and a few into others; two hold each other."""
    if len(groups) < 6:
        return
    umbrella, ordinary = groups[2], groups[3:]
    directory.empty_group(umbrella)
    for group_id in rng.sample(ordinary, min(12, len(ordinary))):
        directory.add_member(umbrella, group_id)
    for inner, outer in zip(ordinary[::10], ordinary[1::10], strict=False):
        directory.add_member(outer, inner)
    directory.add_member(ordinary[0], ordinary[1])


def _add_device_members(
    directory: Directory, groups: list[str], devices: list[str], rng: random.Random
) -> None:
    if not groups or not devices:
        return
    target = groups[min(3, len(groups) - 1)]
    for device_id in rng.sample(devices, min(5, len(devices))):
        directory.add_member(target, device_id)
