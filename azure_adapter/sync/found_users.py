"""Finding users of the store by userName or e-mail address, each value once."""

from collections.abc import Iterable

from scim.provisioning.ports import ProvisioningTarget
from scim.provisioning.records import Candidate, UniqueField


class FoundUsers:
    """Remembers, for one batch, who was found by which value.

    Args:
        target: the user store.
    """

    def __init__(self, target: ProvisioningTarget) -> None:
        self._target = target
        self._found: dict[UniqueField, dict[str, list[Candidate]]] = {}

    async def find(
        self, field: UniqueField, values: Iterable[str]
    ) -> dict[str, tuple[Candidate, ...]]:
        """Return the users that hold a value, by the value as given."""
        wanted = sorted(set(values))
        known = self._found.setdefault(field, {})
        unknown = [value for value in wanted if value not in known]
        if unknown:
            known |= await self._target.find(field, unknown)
        return {value: tuple(known.get(value, ())) for value in wanted}
