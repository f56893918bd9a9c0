"""Sorting and keyset positions in SQL, as ``SearchRequest.sort`` orders (RFC 7644 §3.4.2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from scim2_models import InvalidCursorException, SearchRequest
from scim2_models.path import AttributeBinding

from storage.filters.binding import AnyModel, scim_name
from storage.filters.relations import Relation
from storage.filters.scopes import ResourceScope
from storage.filters.sql import Sql, join, literal, sql
from storage.filters.values import NUMBER, Items, Kind, Value


@dataclass(frozen=True, slots=True)
class SortKey:
    """What a search is ordered by before the id: a value that may be missing."""

    read: Sql
    kind: Kind

    @property
    def slot(self) -> str:
        """The placeholder that takes a value of this key."""
        return NUMBER if self.kind is Kind.number else "?"


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page starts after, or ends before: a sort value (may be missing) and an id."""

    forward: bool
    value: Any
    id: str

    def to_json(self) -> dict[str, Any]:
        """Return it as a value that JSON can hold (RFC 9865 §2)."""
        return {"d": "next" if self.forward else "previous", "k": self.value, "i": self.id}

    @classmethod
    def from_json(cls, position: Any, key: SortKey | None) -> "Position":
        """Read what :meth:`to_json` gave.

        Raises:
            InvalidCursorException: it is nothing of that kind.
        """
        try:
            direction, value, identifier = position["d"], position["k"], position["i"]
        except (TypeError, KeyError):
            raise InvalidCursorException from None
        if direction not in ("next", "previous") or not isinstance(identifier, str):
            raise InvalidCursorException
        if value is not None and (key is None or not isinstance(value, _TYPES[key.kind])):
            raise InvalidCursorException
        if key is not None and key.kind is Kind.number and value is not None:
            value = str(value)
        return cls(direction == "next", value, identifier)


_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.boolean: (bool,),
    Kind.moment: (int,),
    Kind.number: (int, float, str),
}
_TYPES |= {kind: (str,) for kind in Kind if kind not in _TYPES}


def sort_key(search: SearchRequest[Any], scopes: Sequence[ResourceScope]) -> SortKey | None:
    """Return what a search over these resource types is ordered by, or ``None`` for the id."""
    if search.sort_by is None:
        return None
    keys = [(scope, _value(search, scope)) for scope in scopes]
    found = [(scope, value) for scope, value in keys if value is not None]
    if not found:
        return None
    kind = found[0][1].kind
    same = [(scope, value) for scope, value in found if value.kind is kind]
    if len(scopes) == 1:
        return SortKey(same[0][1].read, kind)
    branches = join(
        " ",
        [sql(f"WHEN {literal(scope.searched.name)} THEN {{}}", v.read) for scope, v in same],
    )
    return SortKey(sql("(CASE r.type {} END)", branches), kind)


def _value(search: SearchRequest[Any], scope: ResourceScope) -> Value | None:
    binding = search.sort_binding(cast(Any, scope.model))
    if binding is None or (binding.target_is_multivalued and binding.sub_field_name):
        return None
    relation = scope.relation(binding)
    if relation is not None:
        return _first_row(relation, binding, scope)
    if binding.is_multivalued:
        return _first_entry(binding, scope)
    found = scope.find(binding)
    return None if isinstance(found, Items) or found.kind is Kind.opaque else found


def _first_row(relation: Relation, binding: AttributeBinding, scope: ResourceScope) -> Value | None:
    """Return the value of the first row of a list, which no row is the primary one of."""
    name = "value"
    if binding.sub_field_name is not None:
        name = scim_name(cast(AnyModel, binding.field_type), binding.sub_field_name)
    value = relation.columns.get(name)
    if value is None:
        return None
    order = Sql(relation.key.text.partition(".")[0] + ".row_id")
    found = (value.read, relation.table, relation.key, relation.constant, order)
    read = sql("(SELECT {} FROM {} WHERE {} = r.row_id AND {} ORDER BY {} LIMIT 1)", *found)
    return Value(value.kind, read, value.exists, value.present, scope.policy)


def _first_entry(binding: AttributeBinding, scope: ResourceScope) -> Value | None:
    """Return the value of the primary entry of a list, else of its first one."""
    document = scope.document
    if binding.model is not scope.model:
        node = document.node.at(scim_name(scope.model, binding.model.__name__))
    else:
        node = document.node
    node = node.at(scim_name(binding.model, binding.field_name))
    alias = scope.aliases.new("e")
    entry = node.entry(alias)
    order = node.ordinal(alias)
    place = entry
    if binding.sub_field_name is not None:
        model = cast(AnyModel, binding.field_type)
        place = entry.at(scim_name(model, binding.sub_field_name))
        if "primary" in model.model_fields:
            order = sql("({} IS NOT TRUE), {}", entry.at("primary").boolean(), order)
    value = document.value(place, binding.target_type)
    if value.kind is Kind.opaque:
        return None
    read = sql("(SELECT {} FROM {} ORDER BY {} LIMIT 1)", value.read, node.rows(alias), order)
    return Value(value.kind, read, value.exists, value.present, scope.policy)


def order_by(key: SortKey | None, *, descending: bool, plainly: bool = True) -> Sql:
    """Return the ORDER BY clause: missing values last when ascending, then the id.

    Args:
        key: what orders before the id.
        descending: the whole order reversed.
        plainly: an index on the id may deliver the order. Without statistics SQLite would rather
            walk that index than look up the few rows that match, and sort them.
    """
    way = "DESC" if descending else "ASC"
    nulls = "FIRST" if descending else "LAST"
    if key is None:
        return Sql(f"ORDER BY {'' if plainly else '+'}r.id {way}")
    return sql(f"ORDER BY {{}} {way} NULLS {nulls}, r.id {way}", key.read)


def beyond(key: SortKey | None, position: Position, *, greater: bool, equal: bool = False) -> Sql:
    """Return the condition that a row sorts after (or before) a position.

    Args:
        key: what the rows are ordered by.
        position: where.
        greater: after it in ascending order, else before it.
        equal: the row of the position itself counts too.
    """
    sign = (">" if greater else "<") + "=" * equal
    by_id = sql(f"r.id {sign} ?", position.id)
    if key is None:
        return by_id
    if position.value is None:
        if greater:
            return sql("({} IS NULL AND {})", key.read, by_id)
        return sql("({} IS NOT NULL OR {})", key.read, by_id)
    further = sql(f"{{}} {sign[0]} {key.slot}", key.read, position.value)
    tie = sql(f"{{}} = {key.slot} AND {{}}", key.read, position.value, by_id)
    if greater:
        return sql("({} OR {} IS NULL OR ({}))", further, key.read, tie)
    return sql("({} OR ({}))", further, tie)
