"""Maps what Microsoft Graph says of users and groups to SCIM documents; pure, without I/O.

* ``MappingTable`` is the attribute mapping as data, ``DEFAULT_TABLE`` what a new user sync has;
  ``table_from_json`` and ``table_to_json`` are its stored form, ``import_schema`` reads Entra's.
* ``map_user`` and ``map_group`` turn source attributes into SCIM JSON, and never raise.
* ``test_mapping`` shows row by row what a table does with one object.
* ``merge`` lays a mapped document over a stored one, ``diff`` and ``changes`` say what differs.
"""

from azure_adapter.mapping.coverage import Coverage
from azure_adapter.mapping.entra import ImportedSchema, LeftOut, SchemaError, import_schema
from azure_adapter.mapping.expressions import EvaluationContext, ExpressionError
from azure_adapter.mapping.groups import MappedGroup, map_group
from azure_adapter.mapping.live import REDACTED, Outcome, RowResult, test_mapping
from azure_adapter.mapping.merge import changes, diff, manager_value, merge
from azure_adapter.mapping.rows import Apply, MappingTableError, Row, RowKind, TableProblem
from azure_adapter.mapping.table import (
    DEFAULT_TABLE,
    GROUP_COVERAGE,
    GROUP_PROPERTIES,
    GROUP_TABLE,
    USER_COVERAGE,
    USER_PROPERTIES,
    USER_TABLE,
    MappingTable,
    check_rows,
    graph_properties,
    unique_candidates,
)
from azure_adapter.mapping.table_json import table_from_json, table_to_json
from azure_adapter.mapping.targets import ENTERPRISE, extension_targets, target_paths
from azure_adapter.mapping.text import MappingProblem
from azure_adapter.mapping.users import MappedUser, map_user

__all__ = [
    "DEFAULT_TABLE",
    "ENTERPRISE",
    "GROUP_COVERAGE",
    "GROUP_PROPERTIES",
    "GROUP_TABLE",
    "REDACTED",
    "USER_COVERAGE",
    "USER_PROPERTIES",
    "USER_TABLE",
    "Apply",
    "Coverage",
    "EvaluationContext",
    "ExpressionError",
    "ImportedSchema",
    "LeftOut",
    "MappedGroup",
    "MappedUser",
    "MappingProblem",
    "MappingTable",
    "MappingTableError",
    "Outcome",
    "Row",
    "RowKind",
    "RowResult",
    "SchemaError",
    "TableProblem",
    "changes",
    "check_rows",
    "diff",
    "extension_targets",
    "graph_properties",
    "import_schema",
    "manager_value",
    "map_group",
    "map_user",
    "merge",
    "table_from_json",
    "table_to_json",
    "target_paths",
    "test_mapping",
    "unique_candidates",
]
