"""What is stored of a user sync's configuration, field by field, defaults included."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from azure_adapter.mapping import DEFAULT_TABLE, table_to_json
from azure_adapter.mapping.targets import Target
from azure_adapter.sync.config import SafeguardLimits
from azure_adapter.sync.nesting import NestedGroups
from azure_adapter.sync.scope import Scope
from gateway.syncs import fields as reading
from gateway.syncs.fields import FieldsInvalid
from storage.access import UserSyncRecord

COLUMNS: Final = ("name", "enrollment", "unique_field", "deletion_policy", "report_email")
"""What has a column of its own; everything else stands in the settings."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "schedule": {},
    "safeguard": reading.limits_to_json(SafeguardLimits()),
    "scope": Scope().to_json(),
    "nested": NestedGroups.kept.value,
    "mapping": table_to_json(DEFAULT_TABLE),
    "target": {},
}
"""What holds for a setting that is not stored."""


def stored(record: UserSyncRecord, extensions: Iterable[Target] = ()) -> dict[str, Any]:
    """Return every field that can be edited, in the form in which it is stored.

    A stored value that cannot be read is returned as it is, so that an edit can mend it.

    Args:
        record: the user sync.
        extensions: custom attributes that its mapping may feed.
    """
    values = {name: getattr(record, name) for name in COLUMNS}
    return values | {
        name: _whole(name, record.settings[name], extensions)
        if name in record.settings
        else default
        for name, default in DEFAULTS.items()
    }


def _whole(name: str, value: Any, extensions: Iterable[Target]) -> Any:
    """Return a stored setting with the defaults of what it does not say."""
    try:
        match name:
            case "safeguard":
                return reading.limits_to_json(reading.read_safeguard(value))
            case "scope":
                return reading.read_scope(value).to_json()
            case "mapping":
                return table_to_json(reading.read_mapping(value, extensions))
    except FieldsInvalid:
        pass
    return value
