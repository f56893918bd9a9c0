"""The filter visitor that writes SQL.

The in-memory evaluator of scim2-models is the specification: a property test compares the two
over generated resources and filters, on both databases.
"""

from typing import Any

from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from storage.filters import relations
from storage.filters.binding import bind
from storage.filters.scopes import ResourceScope, RowScope, ScalarScope, Scope
from storage.filters.sql import FALSE, Sql, conjunction, disjunction, negation
from storage.filters.values import Items, Value, compare, compare_any


def filter_sql(node: FilterNode, scope: ResourceScope) -> Sql:
    """Return a filter on one resource type as a condition on the row ``r``.

    Args:
        node: the tree of a filter that was checked against the model of the type.
        scope: the resource type, and where its attributes are.
    """
    return SqlVisitor(scope).visit(node)


class SqlVisitor(FilterVisitor[Sql]):
    """Writes the condition that a resource, or one entry of a list, meets a filter."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def visit_not(self, node: Not) -> Sql:
        """See :meth:`FilterVisitor.visit_not`."""
        return negation(self.visit(node.expr))

    def visit_logical_expr(self, node: LogicalExpr) -> Sql:
        """See :meth:`FilterVisitor.visit_logical_expr`."""
        terms = (self.visit(term) for term in node.terms)
        return conjunction(terms) if node.op == LogicalOperator.and_ else disjunction(terms)

    def visit_comparison(self, node: Comparison) -> Sql:
        """See :meth:`FilterVisitor.visit_comparison`."""
        if isinstance(self.scope, ScalarScope):
            return self._scalar_comparison(self.scope, node)
        binding = bind(self.scope.model, node.attr_path, comparison=True)
        if binding is None:
            return FALSE
        expected = coerce_value(binding, node.value, node.op)
        found = self._email_value(binding, expected) or self.scope.find(binding)
        return self._compared(found, node.op, expected, binding)

    @staticmethod
    def _compared(
        found: Value | Items, op: CompareOperator, expected: Any, binding: AttributeBinding
    ) -> Sql:
        if isinstance(found, Items):
            return compare_any(found, op, expected, binding)
        return compare(found, op, expected, binding)

    def _email_value(self, binding: AttributeBinding, expected: Any) -> Items | None:
        """Return the side table of addresses, where it can answer (not: missing values)."""
        if not isinstance(self.scope, ResourceScope) or expected is None:
            return None
        if (binding.field_name, binding.sub_field_name) != ("emails", "value"):
            return None
        if binding.model is not self.scope.model:
            return None
        relation = relations.emails(_place(self.scope), self.scope.aliases.new)
        return Items(relation.columns["value"], relation.any)

    @staticmethod
    def _scalar_comparison(scope: ScalarScope, node: Comparison) -> Sql:
        if not _is_value(node.attr_path):
            return FALSE
        return compare(scope.scalar, node.op, node.value, scope.binding)

    def visit_present(self, node: Present) -> Sql:
        """See :meth:`FilterVisitor.visit_present`."""
        if isinstance(self.scope, ScalarScope):
            return self.scope.scalar.present if _is_value(node.attr_path) else FALSE
        binding = bind(self.scope.model, node.attr_path, comparison=False)
        if binding is None:
            return FALSE
        found = self.scope.find(binding)
        if isinstance(found, Items):
            return found.any(found.value.present, False)
        return found.present

    def visit_value_path(self, node: ValuePath) -> Sql:
        """See :meth:`FilterVisitor.visit_value_path`."""
        if isinstance(self.scope, ScalarScope):
            return FALSE
        binding = bind(self.scope.model, node.attr_path, comparison=False)
        if binding is None or not binding.is_multivalued:
            return FALSE
        looked_up = self._email_entry(node, binding)
        if looked_up is not None:
            return looked_up
        scope, any_of = self.scope.entries(binding)
        condition = SqlVisitor(scope).visit(node.val_filter)
        return FALSE if condition is FALSE else any_of(condition, _selective(node.val_filter))

    def _email_entry(self, node: ValuePath, binding: AttributeBinding) -> Sql | None:
        """Return ``emails[type eq "work" and value eq …]`` as a look-up, where it is one."""
        scope = self.scope
        if not isinstance(scope, ResourceScope) or binding.field_name != "emails":
            return None
        if binding.model is not scope.model or not _names_address(node.val_filter):
            return None
        relation = relations.emails(_place(scope), scope.aliases.new)
        model: Any = binding.field_type
        condition = SqlVisitor(RowScope(model, relation.columns, scope.policy)).visit(
            node.val_filter
        )
        return FALSE if condition is FALSE else relation.any(condition, True)


def _place(scope: ResourceScope) -> relations.Place:
    return relations.Place(scope.workspace_id, scope.source, scope.types, scope.policy)


def _is_value(path: AttrPath) -> bool:
    return path.attr.lower() == "value" and not path.sub_attr


def _terms(node: FilterNode) -> tuple[FilterNode, ...]:
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
        return node.terms
    return (node,)


def _equalities(node: FilterNode) -> dict[str, str] | None:
    """Return the sub-attributes that a filter compares with strings by ``eq`` and nothing else."""
    found: dict[str, str] = {}
    for term in _terms(node):
        if not isinstance(term, Comparison) or term.op is not CompareOperator.eq:
            return None
        if not isinstance(term.value, str) or term.attr_path.sub_attr or term.attr_path.uri:
            return None
        found[term.attr_path.attr.lower()] = term.value
    return found


def _names_address(node: FilterNode) -> bool:
    """Whether the side table of addresses answers a filter on one entry of ``emails``."""
    found = _equalities(node)
    if found is None or "value" not in found or not found.keys() <= {"value", "type"}:
        return False
    return len(found.get("type", "")) <= relations.TYPE_KEY_LIMIT // 4


def _selective(node: FilterNode) -> bool:
    """Whether a filter on one entry names the entry's value, which an index finds."""
    return any(
        isinstance(term, Comparison)
        and term.op is CompareOperator.eq
        and isinstance(term.value, str)
        and _is_value(term.attr_path)
        for term in _terms(node)
    )
