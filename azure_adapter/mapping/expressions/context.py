"""What an expression needs beside the object: the clock, chance, and what is taken already.

Evaluation is pure: the same attributes and the same context give the same value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from typing import Any, Final

from azure_adapter.mapping.expressions.errors import Failure
from azure_adapter.mapping.text import folded

OBJECT_ID: Final = "id"
"""The attribute that identifies an object (Graph ``id``)."""


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What ``Now``, ``Guid``, ``RandomString`` and ``SelectUniqueValue`` depend on.

    Attributes:
        now: The moment that ``Now`` tells; give one for a whole run, so that planning an object
            again gives the same. None: ``Now`` fails.
        seed: Secret of the user sync from which ``Guid`` and ``RandomString`` are derived,
            together with the object's id, so that planning an object again gives the same.
            Empty: they fail.
        taken: Folded values that are in use, by target path, for ``SelectUniqueValue``; see
            ``unique_candidates``. A path that is missing: it fails.
    """

    now: datetime | None = None
    seed: bytes = b""
    taken: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Scope:
    """The evaluation of one expression for one object.

    Attributes:
        attributes: The object's properties by name.
        context: What else it depends on.
        target: Path of the attribute that the value is for.
        drawn: How often chance was asked.
    """

    attributes: Mapping[str, Any]
    context: EvaluationContext
    target: str = ""
    drawn: int = 0

    def now(self) -> datetime:
        """Return the present moment in UTC, in whole seconds."""
        moment = self.context.now
        if moment is None:
            raise Failure("The present time is not known here.")
        utc = moment if moment.tzinfo is None else moment.astimezone(UTC)
        return utc.replace(tzinfo=None, microsecond=0)

    def dice(self) -> "Dice":
        """Return a source of chance: another one for each object, target and place."""
        object_id = self.attributes.get(OBJECT_ID)
        if not self.context.seed or not isinstance(object_id, str) or not object_id:
            raise Failure("Chance is not available here: it needs the object's id and a seed.")
        self.drawn += 1
        label = "\x1f".join((object_id, self.target, str(self.drawn)))
        return Dice(digest(self.context.seed, label.encode("utf-8", "replace"), "sha256"))

    def is_taken(self, value: str) -> bool:
        """Say whether a value is in use for the target, compared without case."""
        taken = self.context.taken.get(self.target)
        if taken is None:
            raise Failure("Which values are taken is not known here.")
        return folded(value) in taken


class Dice:
    """Numbers that look random, derived from a seed.

    Args:
        seed: Where they come from.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._block = 0

    def take(self, count: int) -> bytes:
        """Return up to 32 bytes."""
        self._block += 1
        return sha256(self._seed + self._block.to_bytes(8, "big")).digest()[:count]

    def below(self, limit: int) -> int:
        """Return a number from 0 to below a limit, each as likely as the others."""
        most = 2**64 - 2**64 % limit
        while (number := int.from_bytes(self.take(8), "big")) >= most:
            pass
        return number % limit

    def pick(self, letters: str) -> str:
        """Return one of the letters."""
        return letters[self.below(len(letters))]

    def shuffle(self, letters: list[str]) -> list[str]:
        """Return the letters in another order."""
        mixed = list(letters)
        for index in range(len(mixed) - 1, 0, -1):
            other = self.below(index + 1)
            mixed[index], mixed[other] = mixed[other], mixed[index]
        return mixed
