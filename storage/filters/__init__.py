"""SCIM filters and sorting as SQL, with the semantics of scim2-models' in-memory evaluator.

Nothing is folded in SQL: what is compared was folded in Python when a resource was written
(:mod:`storage.resources.folding`), and operands are folded here. Comparisons are binary.
"""

from storage.filters.scopes import ResourceScope, SearchedType
from storage.filters.sql import Sql
from storage.filters.visitor import filter_sql

__all__ = ["ResourceScope", "SearchedType", "Sql", "filter_sql"]
