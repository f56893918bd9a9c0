"""Values that no plan, log or report may show: the administrator marked them with ``Redact``."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from azure_adapter.mapping import REDACTED
from scim.provisioning.operations import Operation


def redacted(operation: Operation, paths: Collection[str]) -> Operation:
    """Return an operation whose before and after do not show the values at these paths.

    The body keeps them: it is what is applied.

    Args:
        operation: the operation.
        paths: as ``MappingTable.redacted`` gives them.
    """
    if not paths:
        return operation
    before, after = _hide(operation.before, paths), _hide(operation.after, paths)
    return replace(operation, before=before, after=after)


def _hide(told: Mapping[str, Any] | None, paths: Collection[str]) -> dict[str, Any] | None:
    return None if told is None else {key: _hidden(key, told[key], paths) for key in told}


def _hidden(path: str, value: Any, paths: Collection[str]) -> Any:
    """Return a value, or the parts of a complex one, as it may be shown."""
    if path in paths:
        return None if value is None else REDACTED
    if not isinstance(value, Mapping):
        return value
    mark = ":" if ":" in path else "."
    return {key: _hidden(f"{path}{mark}{key}", part, paths) for key, part in value.items()}
