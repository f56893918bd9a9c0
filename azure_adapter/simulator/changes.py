"""Changes to a directory: explicit ones by name, and churn as an organization makes it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from azure_adapter.simulator.churn import Churn
from azure_adapter.simulator.directory import Directory

_OPERATIONS: Final[dict[str, tuple[str, ...]]] = {
    "add_user": (),
    "update_user": ("id",),
    "disable_user": ("id",),
    "enable_user": ("id",),
    "set_manager": ("id", "manager"),
    "delete_user": ("id",),
    "purge_user": ("id",),
    "restore_user": ("id",),
    "add_device": (),
    "add_group": (),
    "rename_group": ("id", "displayName"),
    "update_group": ("id",),
    "delete_group": ("id",),
    "purge_group": ("id",),
    "restore_group": ("id",),
    "add_member": ("id", "member"),
    "remove_member": ("id", "member"),
    "empty_group": ("id",),
}
_OPEN: Final = frozenset({"add_user", "update_user", "add_device", "add_group", "update_group"})


@dataclass(slots=True)
class ChangeReport:
    """What a batch of changes did.

    Attributes:
        sentences: One sentence for a person per change, in order.
        counts: Number of changes by kind, for example ``{"joined": 3}``.
    """

    sentences: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def churn(directory: Directory, rng: random.Random, amount: int = 20) -> ChangeReport:
    """Make a realistic batch of changes.

    People join, move, marry, leave, are purged, restored, disabled and enabled; groups are
    created, renamed, emptied, deleted; memberships come and go.

    Args:
        directory: The directory to change.
        rng: Source of chance; equal states and generators give equal changes.
        amount: How many changes to make; fewer happen when nothing fits (an empty directory).

    Returns:
        What happened.
    """
    worker = Churn(directory, rng)
    sentences, counts = list[str](), Counter[str]()
    for _ in range(amount):
        done = worker.one()
        if done is not None:
            counts[done[0]] += 1
            sentences.append(done[1])
    return ChangeReport(sentences, dict(counts))


def apply_changes(directory: Directory, changes: Iterable[Mapping[str, Any]]) -> ChangeReport:
    """Apply explicit changes in order; those before a refused one stay.

    Args:
        directory: The directory to change.
        changes: ``{"op": method name of Directory, ...}``: ``id`` is the user or group,
            ``member`` and ``manager`` the other object, everything else a Graph property.
            A user may also be named by userPrincipalName.

    Returns:
        What happened; ``add_*`` sentences end with the new id.

    Raises:
        KeyError: An unknown id, or an argument is missing.
        ValueError: An unknown operation or argument, or a value that Entra would refuse.
    """
    sentences, counts = list[str](), Counter[str]()
    for change in changes:
        name = str(change.get("op"))
        sentences.append(_apply(directory, name, {k: v for k, v in change.items() if k != "op"}))
        counts[name] += 1
    return ChangeReport(sentences, dict(counts))


def _apply(directory: Directory, name: str, rest: dict[str, Any]) -> str:
    if name not in _OPERATIONS:
        raise ValueError(f"unknown op {name!r}; known: {', '.join(_OPERATIONS)}")
    wanted = _OPERATIONS[name]
    missing = [one for one in wanted if one not in rest]
    if missing:
        raise KeyError(f"{name} needs {', '.join(missing)}")
    positional = [_resolved(directory, one, rest.pop(one)) for one in wanted]
    if rest and name not in _OPEN:
        raise ValueError(f"{name} does not take {', '.join(sorted(rest))}")
    method: Callable[..., Any] = getattr(directory, name)
    result = method(*positional, **rest)
    told = [str(one) for one in (*positional, *rest.values())]
    return f"{name} {' '.join(told)}{f' -> {result}' if result is not None else ''}"


def _resolved(directory: Directory, argument: str, value: Any) -> Any:
    if argument == "displayName" or not isinstance(value, str):
        return value
    user = directory.find_user(value)
    return value if user is None else user.id
