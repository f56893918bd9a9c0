"""The tables beside ``resource`` that filters read: externalIds, e-mail addresses, memberships."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from scim2_models import ScimPolicy
from scim2_models.path import AttributeBinding

from storage.database import Dialect
from storage.filters.binding import attribute
from storage.filters.sources import sources_sql
from storage.filters.sql import TRUE, Sql, case_of, sql
from storage.filters.values import MISSING, Kind, Value

TYPE_KEY_LIMIT = 64
"""Longest type of an e-mail address that the side table holds; a longer one is NULL there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whose resources are searched, and for whom.

    Attributes:
        workspace_id: the workspace.
        source: the caller, whose externalIds count.
        types: the endpoint (``Users``) by the name of a resource type.
        policy: the folding of strings.
    """

    workspace_id: int
    source: str
    types: Mapping[str, str]
    policy: ScimPolicy


@dataclass(frozen=True, slots=True)
class Relation:
    """A multi-valued attribute whose entries are rows of a table.

    Attributes:
        columns: the sub-attributes by JSON name.
        table: the FROM clause.
        key: the column that holds the row id of the resource.
        constant: what holds for every row searched, so that an index can be used.
        complete: whether each entry and each sub-attribute has its place here.
    """

    columns: Mapping[str, Value]
    table: Sql
    key: Sql
    constant: Sql = TRUE
    complete: bool = True

    def any(self, condition: Sql, selective: bool) -> Sql:
        """Return the condition that an entry of the resource meets a condition.

        A selective one is looked up first; others are checked for each resource.
        """
        if selective:
            found = (self.key, self.table, self.constant, condition)
            lookup = sql("(r.row_id IN (SELECT {} FROM {} WHERE {} AND {}))", *found)
            return replace(lookup, selective=True)
        checked = (self.table, self.key, self.constant, condition)
        return sql("EXISTS (SELECT 1 FROM {} WHERE {} = r.row_id AND {} AND {})", *checked)

    def whole(self, policy: ScimPolicy) -> Value:
        """Return the entry itself, a complex value that is always there."""
        return Value(Kind.opaque, MISSING, TRUE, TRUE, policy)


Namer = Callable[[str], str]
Maker = Callable[[AttributeBinding, Place, Namer], Relation]


def text(read: Sql, policy: ScimPolicy, *, indexed: bool = False) -> Value:
    """Return a text that may be NULL."""
    exists, present = sql("({} IS NOT NULL)", read), sql("({} <> '')", read)
    return Value(Kind.text, read, exists, present, policy, indexed=indexed)


def external_id(place: Place, alias: Namer) -> Relation:
    """The externalId that the caller gave the resource (RFC 7643 §3.1)."""
    x = alias("x")
    return Relation(
        {"value": text(Sql(f"{x}.value_key"), place.policy, indexed=True)},
        Sql(f"external_id {x}"),
        Sql(f"{x}.resource_id"),
        sql(f"{x}.workspace_id = ? AND {x}.source = ?", place.workspace_id, place.source),
    )


def emails(place: Place, alias: Namer) -> Relation:
    """The e-mail addresses that have a value (RFC 7643 §4.1.2)."""
    x = alias("x")
    return Relation(
        {
            "value": text(Sql(f"{x}.value_key"), place.policy, indexed=True),
            "type": text(Sql(f"{x}.type_key"), place.policy),
        },
        Sql(f"resource_email {x}"),
        Sql(f"{x}.resource_id"),
        sql(f"{x}.workspace_id = ?", place.workspace_id),
        complete=False,
    )


def _members(binding: AttributeBinding, place: Place, alias: Namer) -> Relation:
    """The members of a group (RFC 7643 §4.2)."""
    m, t = alias("m"), alias("t")
    columns = _reference_columns(binding, place, t, dict(place.types))
    names = {name: name for name in place.types}
    columns["type"] = text(_folded_case(binding, place, "type", f"{t}.type", names), place.policy)
    return Relation(
        columns,
        Sql(f"membership {m} JOIN resource {t} ON {t}.row_id = {m}.member_id"),
        Sql(f"{m}.group_id"),
        sql(f"{t}.workspace_id = ?", place.workspace_id),
    )


def _groups(binding: AttributeBinding, place: Place, alias: Namer) -> Relation:
    """The groups that have the user as a direct member (RFC 7643 §4.1.2)."""
    m, t = alias("m"), alias("t")
    columns = _reference_columns(binding, place, t, dict(place.types))
    direct = cast(str, _sub(binding, "type").comparable("direct", place.policy))
    columns["type"] = text(Sql(f"'{direct}'"), place.policy)
    return Relation(
        columns,
        Sql(f"membership {m} JOIN resource {t} ON {t}.row_id = {m}.group_id"),
        Sql(f"{m}.member_id"),
        sql(f"{t}.workspace_id = ?", place.workspace_id),
    )


def _reference_columns(
    binding: AttributeBinding, place: Place, row: str, types: dict[str, str]
) -> dict[str, Value]:
    """Return what members and groups have in common, read from the resource's row."""
    prefixes = {name: f"{endpoint}/" for name, endpoint in types.items()}
    prefix = _folded_case(binding, place, "ref", f"{row}.type", prefixes)
    display = f"NULLIF({row}.display_name_key, '')"
    return {
        "value": text(Sql(f"{row}.id"), place.policy, indexed=True),
        "$ref": text(Sql(f"({prefix.text} || {row}.id)"), place.policy),
        "display": text(Sql(display), place.policy),
    }


def _sub(binding: AttributeBinding, field_name: str) -> AttributeBinding:
    return attribute(binding.model, binding.field_name, field_name)


def _folded_case(
    binding: AttributeBinding, place: Place, field: str, subject: str, values: dict[str, str]
) -> Sql:
    model = cast(Any, binding.field_type)
    if field not in model.model_fields:
        return MISSING
    sub = _sub(binding, field)
    folded = {name: sub.comparable(value, place.policy) for name, value in values.items()}
    return case_of(subject, folded)


def sources(place: Place, alias: Namer, dialect: Dialect) -> Relation:
    """The provisioning sources that feed a user (``syncedFrom``)."""
    s = alias("s")
    return Relation(
        {
            "value": text(Sql(f"{s}.source_id"), place.policy),
            "display": text(Sql(f"{s}.name"), place.policy),
            "type": text(Sql(f"{s}.kind"), place.policy),
        },
        Sql(f"({sources_sql(dialect)}) {s}"),
        Sql(f"{s}.row_id"),
    )


BY_FIELD: dict[str, Maker] = {
    "external_id": lambda _binding, place, alias: external_id(place, alias),
    "members": _members,
    "groups": _groups,
}
"""The relations that hold all there is about an attribute."""
