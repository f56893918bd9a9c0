"""Where a read stands, as the text that the store keeps.

In a plain delta chain that is Graph's own link, verbatim. During and after a fast initial read
there is more to keep, and the text is a prefix and JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import orjson

_PREFIX: Final = "ezto-position:"


@dataclass(frozen=True, slots=True)
class Position:
    """Where to go on.

    Attributes:
        delta: The delta link or next link that the changes begin with.
        listing: The page of the listing that comes first; empty when there is none (any more).
        watched: Ids of users that were deleted, but restorable, while everything was listed.
    """

    delta: str
    listing: str = ""
    watched: frozenset[str] = frozenset()

    @property
    def links(self) -> tuple[str, ...]:
        """The links in it."""
        return (self.delta, self.listing) if self.listing else (self.delta,)

    def moved(self, delta: str | None) -> str | None:
        """Return the text of the same position with another link of its chain."""
        return None if delta is None else replace(self, delta=delta).text()

    def text(self) -> str:
        """Return what is kept of it."""
        if not self.listing and not self.watched:
            return self.delta
        kept = {"delta": self.delta, "listing": self.listing, "watched": sorted(self.watched)}
        return _PREFIX + orjson.dumps(kept).decode()

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """Read a kept text; None when it is damaged."""
        if not text.startswith(_PREFIX):
            return cls(text)
        try:
            kept = orjson.loads(text.removeprefix(_PREFIX))
            found = cls(kept["delta"], kept["listing"], frozenset(kept["watched"]))
        except (ValueError, LookupError, TypeError):
            return None
        return found if all(isinstance(one, str) for one in (*found.links,)) else None
