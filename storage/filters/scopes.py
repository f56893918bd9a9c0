"""Where the attributes of a resource are: columns, side tables, the folded JSON document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from scim2_models import ScimPolicy
from scim2_models.path import AttributeBinding

from scim.ezto import EztoUser
from storage.database import Dialect
from storage.filters import relations
from storage.filters.binding import AnyModel, scim_name
from storage.filters.json_nodes import JsonNode, root
from storage.filters.sql import FALSE, TRUE, Sql, case_of, sql
from storage.filters.values import MISSING, Items, Kind, Value, kind_of


@dataclass(frozen=True, slots=True)
class SearchedType:
    """A resource type that a search covers.

    Attributes:
        name: as in ``meta.resourceType`` and the ``type`` column.
        endpoint: where its resources are, relative to the SCIM root, such as ``Users``.
        model: the model of its resources.
    """

    name: str
    endpoint: str
    model: AnyModel


class Scope(Protocol):
    """What the attributes in a filter belong to: a resource, or one entry of a list."""

    @property
    def model(self) -> AnyModel:
        """The model that declares the attributes."""
        ...

    def find(self, binding: AttributeBinding) -> Value | Items:
        """Return where an attribute is."""
        ...

    def entries(self, binding: AttributeBinding) -> tuple["Scope", Callable[[Sql, bool], Sql]]:
        """Return the scope of one entry of a multi-valued attribute, and ``Items.any``."""
        ...


class Aliases:
    """Hands out names for the rows of subqueries."""

    def __init__(self) -> None:
        self._count = 0

    def new(self, letter: str) -> str:
        """Return a name that the statement does not use yet."""
        self._count += 1
        return f"{letter}{self._count}"


@dataclass(frozen=True, slots=True)
class JsonScope:
    """Attributes that are members of a JSON object."""

    model: AnyModel
    node: JsonNode
    policy: ScimPolicy
    aliases: Aliases

    def find(self, binding: AttributeBinding) -> Value | Items:
        """See :meth:`Scope.find`."""
        node = self.node.at(scim_name(self.model, binding.field_name))
        if binding.is_multivalued:
            return self._list(node, binding)
        if binding.sub_field_name is None:
            return self.value(node, binding.target_type)
        sub_model = cast(AnyModel, binding.field_type)
        sub_node = node.at(scim_name(sub_model, binding.sub_field_name))
        if binding.target_is_multivalued:
            return self._items(sub_node, lambda entry: self.value(entry, binding.target_type))
        return self.value(sub_node, binding.target_type)

    def _list(self, node: JsonNode, binding: AttributeBinding) -> Items:
        if binding.sub_field_name is None:
            return self._items(node, lambda entry: self.value(entry, binding.target_type))
        name = scim_name(cast(AnyModel, binding.field_type), binding.sub_field_name)
        target = None if binding.target_is_multivalued else binding.target_type
        if binding.target_is_multivalued:
            return self._items(node, lambda entry: self._opaque(entry.at(name)))
        return self._items(node, lambda entry: self.value(entry.at(name), target))

    def _items(self, node: JsonNode, value: Callable[[JsonNode], Value]) -> Items:
        alias = self.aliases.new("e")
        return Items(value(node.entry(alias)), self._any(node, alias))

    @staticmethod
    def _any(node: JsonNode, alias: str) -> Callable[[Sql, bool], Sql]:
        def any_of(condition: Sql, _selective: bool) -> Sql:
            return sql("EXISTS (SELECT 1 FROM {} WHERE {})", node.rows(alias), condition)

        return any_of

    def _opaque(self, node: JsonNode) -> Value:
        return Value(Kind.opaque, MISSING, node.exists(), node.present(), self.policy)

    def value(self, node: JsonNode, target: type | None) -> Value:
        """Return the value of a Python type at a node."""
        kind = kind_of(target)
        if kind is Kind.opaque:
            return self._opaque(node)
        if kind is Kind.boolean:
            return Value(kind, node.boolean(), node.exists(), node.exists(), self.policy)
        if kind in (Kind.number, Kind.moment):
            naive = node.text() if kind is Kind.moment else MISSING
            return Value(kind, node.number(), node.exists(), node.exists(), self.policy, naive)
        text = node.text()
        return Value(kind, text, node.exists(), sql("({} <> '')", text), self.policy)

    def entries(self, binding: AttributeBinding) -> tuple[Scope, Callable[[Sql, bool], Sql]]:
        """See :meth:`Scope.entries`."""
        node = self.node.at(scim_name(self.model, binding.field_name))
        alias = self.aliases.new("e")
        entry = node.entry(alias)
        if kind_of(binding.field_type) is not Kind.opaque:
            scalar = self.value(entry, binding.target_type)
            return ScalarScope(self.model, scalar, binding), self._any(node, alias)
        model = cast(AnyModel, binding.field_type)
        return JsonScope(model, entry, self.policy, self.aliases), self._any(node, alias)


@dataclass(frozen=True, slots=True)
class ScalarScope:
    """The entries of a list of plain values, such as ``schemas``, which ``value`` stands for."""

    model: AnyModel
    scalar: Value
    binding: AttributeBinding

    def find(self, binding: AttributeBinding) -> Value | Items:
        """See :meth:`Scope.find`."""
        raise LookupError(binding.urn)

    def entries(self, binding: AttributeBinding) -> tuple[Scope, Callable[[Sql, bool], Sql]]:
        """See :meth:`Scope.entries`."""
        raise LookupError(binding.urn)


@dataclass(frozen=True, slots=True)
class RowScope:
    """The entries of a list whose rows are in a table, by the JSON names of their columns."""

    model: AnyModel
    columns: Mapping[str, Value]
    policy: ScimPolicy

    def find(self, binding: AttributeBinding) -> Value | Items:
        """See :meth:`Scope.find`."""
        found = self.columns.get(scim_name(self.model, binding.field_name))
        if found is not None and binding.sub_field_name is None:
            return found
        value = Value(kind_of(binding.target_type), MISSING, FALSE, FALSE, self.policy)
        return Items(value, lambda _condition, _flag: FALSE) if binding.is_multivalued else value

    def entries(self, binding: AttributeBinding) -> tuple[Scope, Callable[[Sql, bool], Sql]]:
        """See :meth:`Scope.entries`."""
        model = cast(AnyModel, binding.field_type)
        return RowScope(model, {}, self.policy), lambda _condition, _flag: FALSE


@dataclass(frozen=True, slots=True)
class ResourceScope:
    """The attributes of a resource, whose row is ``r``."""

    searched: SearchedType
    dialect: Dialect
    workspace_id: int
    source: str
    types: Mapping[str, str]
    policy: ScimPolicy
    aliases: Aliases

    @property
    def model(self) -> AnyModel:
        """The model of the resource."""
        return self.searched.model

    @property
    def document(self) -> JsonScope:
        """The folded document of the resource."""
        return self._json(self.model, root(self.dialect, "r.search"))

    def _json(self, model: AnyModel, node: JsonNode) -> JsonScope:
        return JsonScope(model, node, self.policy, self.aliases)

    def find(self, binding: AttributeBinding) -> Value | Items:
        """See :meth:`Scope.find`."""
        if binding.model is EztoUser:
            return self._served(binding)
        if binding.model is not self.model:
            return self._extension(binding).find(binding)
        column = self._column(binding)
        if column is not None:
            return column
        relation = self.relation(binding)
        if relation is None:
            return self.document.find(binding)
        name = binding.sub_field_name
        model = cast(AnyModel, binding.field_type)
        if name is None:
            return Items(relation.whole(self.policy), relation.any)
        missing = Value(kind_of(binding.target_type), MISSING, FALSE, FALSE, self.policy)
        value = relation.columns.get(scim_name(model, name), missing)
        return Items(value, relation.any)

    def _served(self, binding: AttributeBinding) -> Value | Items:
        """Return where an attribute of the ezto extension is: in columns and links."""
        if binding.field_name == "synced_from":
            relation = self._sources()
            if binding.sub_field_name is None:
                return Items(relation.whole(self.policy), relation.any)
            model = cast(AnyModel, binding.field_type)
            return Items(relation.columns[scim_name(model, binding.sub_field_name)], relation.any)
        if binding.field_name == "invite_status":
            return self._text("r.invite_status")
        if binding.field_name == "email_verified":
            exists = Sql("(r.email_verified IS NOT NULL)")
            return Value(Kind.boolean, Sql("r.email_verified"), exists, exists, self.policy)
        return Value(kind_of(binding.target_type), MISSING, FALSE, FALSE, self.policy)

    def _sources(self) -> relations.Relation:
        return relations.sources(self._place, self.aliases.new, self.dialect)

    def _extension(self, binding: AttributeBinding) -> JsonScope:
        node = self.document.node.at(scim_name(self.model, binding.model.__name__))
        return self._json(binding.model, node)

    def relation(self, binding: AttributeBinding) -> relations.Relation | None:
        """Return the table that a multi-valued attribute of the resource is kept in."""
        if binding.model is not self.model:
            return None
        make = relations.BY_FIELD.get(binding.field_name)
        if make is None or not (binding.is_multivalued or binding.field_name == "external_id"):
            return None
        return make(binding, self._place, self.aliases.new)

    @property
    def _place(self) -> relations.Place:
        return relations.Place(self.workspace_id, self.source, self.types, self.policy)

    def _column(self, binding: AttributeBinding) -> Value | Items | None:
        if binding.field_name == "meta":
            return self._meta(binding)
        if binding.field_name == "external_id":
            relation = relations.external_id(self._place, self.aliases.new)
            return Items(relation.columns["value"], relation.any)
        column = _COLUMNS.get(binding.field_name)
        if column is None or binding.is_multivalued or binding.sub_field_name is not None:
            return None
        if kind_of(binding.target_type) is Kind.boolean:
            exists = Sql(f"({column} IS NOT NULL)")
            return Value(Kind.boolean, Sql(column), exists, exists, self.policy, indexed=True)
        return self._text(column, indexed=True)

    def _text(self, column: str, *, indexed: bool = False) -> Value:
        exists, present = Sql(f"({column} IS NOT NULL)"), Sql(f"({column} <> '')")
        return Value(Kind.text, Sql(column), exists, present, self.policy, indexed=indexed)

    def _meta(self, binding: AttributeBinding) -> Value:
        name = binding.sub_field_name
        if name is None:
            return Value(Kind.opaque, MISSING, TRUE, TRUE, self.policy)
        if name in _MOMENTS:
            read = Sql(_MOMENTS[name])
            return Value(Kind.moment, read, TRUE, TRUE, self.policy, indexed=True)
        if name == "version":
            weak = cast(str, binding.comparable("W/", self.policy))
            return self._text(f"('{weak}\"' || CAST(r.version AS TEXT) || '\"')")
        if name == "resource_type":
            folded = {each: binding.comparable(each, self.policy) for each in self.types}
            return self._text(case_of("r.type", folded).text)
        return Value(kind_of(binding.target_type), MISSING, FALSE, FALSE, self.policy)

    def entries(self, binding: AttributeBinding) -> tuple[Scope, Callable[[Sql, bool], Sql]]:
        """See :meth:`Scope.entries`."""
        relation = self.relation(binding)
        if binding.model is EztoUser and binding.field_name == "synced_from":
            relation = self._sources()
        if relation is not None and relation.complete:
            model = cast(AnyModel, binding.field_type)
            return RowScope(model, relation.columns, self.policy), relation.any
        scope = self.document if binding.model is self.model else self._extension(binding)
        return scope.entries(binding)


_COLUMNS: dict[str, Any] = {
    "id": "r.id",
    "user_name": "r.user_name_key",
    "display_name": "r.display_name_key",
    "active": "r.active",
}
_MOMENTS = {"created": "r.created_at", "last_modified": "r.modified_at"}
