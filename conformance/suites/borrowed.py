"""Common ground of the suites that are other projects' libraries."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def replaced(module: ModuleType, **values: Any) -> Iterator[None]:
    """Give names in a module other values for the length of a block."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


class _Marked:
    """A random identifier that begins with a prefix."""

    def __init__(self, prefix: str) -> None:
        self._text = f"{prefix}-{uuid.uuid4().hex[:20]}"
        self.hex = self._text
        self.bytes = self._text.encode()

    def __str__(self) -> str:
        return self._text


class MarkedUuids:
    """Stands in for the module ``uuid`` where a library names what it creates by it."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def uuid4(self) -> Any:
        """A random identifier that begins with the prefix."""
        return _Marked(self._prefix)


def numbered(name: str, seen: dict[str, int]) -> str:
    """A name, with a number from its second use on."""
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"
