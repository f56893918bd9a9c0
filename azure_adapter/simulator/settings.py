"""The knobs of a simulator, and every variation of documented or observed behaviour.

Sources: Microsoft Graph: delta query overview, "user: delta", "group: delta"; Microsoft identity
platform: "Refresh tokens".
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

ExpiryForm = Literal[
    "syncStateNotFound",
    "gone",
    "goneSyncStateNotFound",
    "resyncRequired",
    "badRequestResyncRequired",
]
"""How an expired delta token is answered: 400 ``syncStateNotFound``, 410 ``Gone`` with
``Location``, 410 ``SyncStateNotFound``, 410 or 400 ``resyncRequired``. All have been seen."""

GroupReason = Literal["documented", "changed", "deleted"]
"""``@removed`` reason of groups: by kind of group as documented, or always the same."""

InteractionError = Literal["interaction_required", "invalid_grant"]
"""OAuth error of a refresh token that needs a person: Microsoft has answered both."""


@dataclass(slots=True)
class Settings:
    """Knobs of a simulator.

    Attributes:
        page_size: Objects per delta page (Graph: about 200).
        link_limit: Member links per delta page (Graph: about 500).
        list_page_size: Objects per page of plain listings without ``$top`` (Graph: 100).
        scatter: In how many passes an initial group delta tells memberships. With 1 a large
            group recurs on adjacent pages; with more, groups come again later in the chain.
        initial_contains_deleted: Whether an initial delta round also tells soft-deleted objects.
        initial_contains_purged: Whether it also tells objects deleted for good.
        empty_pages: Whether every page of a delta chain is followed by an empty one.
        duplicates: Whether each delta page tells its first object twice.
        replay: How many changes already told each delta round tells again.
        group_reason: ``@removed`` reason of groups.
        never_set_is_null: Whether delta tells properties that were never set, as null.
        expiry_form: How expired delta tokens are answered.
        delta_lifetime: Seconds for which delta tokens are good (Graph: 7 days).
        token_lifetime: Seconds for which access tokens are good.
        refresh_single_use: Whether a refresh token ends when it is used (documentation: no).
        interaction_error: OAuth error where a person is needed.
        unattended: Authorization requests are answered at once, without a page: "accept", or an
            OAuth error such as "access_denied"; None shows the page.
        throttle: Whether ResourceUnits are counted and excess refused.
        quota: ResourceUnits per app, tenant and 10 seconds; None is what the tenant's size gives.
        clock_skew: Seconds by which Microsoft's clock is ahead, in the Date header and tokens.
    """

    page_size: int = 200
    link_limit: int = 500
    list_page_size: int = 100
    scatter: int = 1
    initial_contains_deleted: bool = False
    initial_contains_purged: bool = False
    empty_pages: bool = False
    duplicates: bool = False
    replay: int = 0
    group_reason: GroupReason = "documented"
    never_set_is_null: bool = False
    expiry_form: ExpiryForm = "syncStateNotFound"
    delta_lifetime: float = 7 * 86400.0
    token_lifetime: float = 3599.0
    refresh_single_use: bool = False
    interaction_error: InteractionError = "interaction_required"
    unattended: str | None = None
    throttle: bool = False
    quota: int | None = None
    clock_skew: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sizes with which a chain would never end."""
        if min(self.page_size, self.link_limit, self.list_page_size, self.scatter) < 1:
            raise ValueError("page_size, link_limit, list_page_size and scatter are at least 1")

    def change(self, values: Mapping[str, Any]) -> None:
        """Change some knobs, all or none.

        Raises:
            ValueError: An unknown knob, or a value of the wrong kind.
        """
        current = dataclasses.asdict(self)
        unknown = values.keys() - current.keys()
        if unknown:
            raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
        for name, value in values.items():
            _check(name, value, current[name])
        Settings(**{**current, **values})
        for name, value in values.items():
            setattr(self, name, value)


_CHOICES: Final[dict[str, tuple[Any, ...]]] = {
    "group_reason": get_args(GroupReason),
    "expiry_form": get_args(ExpiryForm),
    "interaction_error": get_args(InteractionError),
}
_OPTIONAL: Final[dict[str, type]] = {"unattended": str, "quota": int}

VARIATIONS: Final[dict[str, tuple[Any, ...]]] = {
    "scatter": (1, 2, 3),
    "initial_contains_deleted": (False, True),
    "initial_contains_purged": (False, True),
    "empty_pages": (False, True),
    "duplicates": (False, True),
    "replay": (0, 3, 50),
    "group_reason": get_args(GroupReason),
    "never_set_is_null": (False, True),
    "expiry_form": get_args(ExpiryForm),
    "refresh_single_use": (False, True),
    "interaction_error": get_args(InteractionError),
}
"""Every behaviour of which documentation leaves open, or reports contradict, how it is."""

DIRECTORY_VARIATIONS: Final = ("purge_tells_groups", "soft_delete_tells_groups")
"""The same for attributes of ``Directory``."""


def random_variations(seed: int | str) -> dict[str, Any]:
    """Pick a value for every variation; one seed always picks the same.

    Returns:
        Values by name, of ``Settings`` and of ``DIRECTORY_VARIATIONS``.
    """
    rng = random.Random(f"variations:{seed}")  # noqa: S311
    chosen = {name: rng.choice(values) for name, values in VARIATIONS.items()}
    chosen.update({name: rng.random() < 0.5 for name in DIRECTORY_VARIATIONS})
    return chosen


def _check(name: str, value: Any, current: Any) -> None:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise ValueError(f"{name} is one of {', '.join(_CHOICES[name])}")
        return
    if name in _OPTIONAL:
        if value is not None and type(value) is not _OPTIONAL[name]:
            raise ValueError(f"{name} is {_OPTIONAL[name].__name__} or null")
        return
    kinds: tuple[type, ...] = (int, float) if isinstance(current, float) else (type(current),)
    if type(value) not in kinds:
        raise ValueError(f"{name} is of type {kinds[-1].__name__}")
