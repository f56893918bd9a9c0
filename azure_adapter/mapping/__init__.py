"""Maps what Microsoft Graph says of users and groups to SCIM documents; pure, without I/O.

* ``map_user`` and ``map_group`` turn source attributes into SCIM JSON, and never raise.
* ``merge`` lays a mapped document over a stored one, ``diff`` and ``changes`` say what differs.
* ``table`` is the attribute mapping as data.
"""

from azure_adapter.mapping.groups import MappedGroup, map_group
from azure_adapter.mapping.merge import changes, diff, manager_value, merge
from azure_adapter.mapping.table import (
    ENTERPRISE,
    GROUP_COVERAGE,
    GROUP_PROPERTIES,
    GROUP_TABLE,
    USER_COVERAGE,
    USER_PROPERTIES,
    USER_TABLE,
    Coverage,
    Row,
    Shape,
)
from azure_adapter.mapping.text import MappingProblem
from azure_adapter.mapping.users import MappedUser, map_user

__all__ = [
    "ENTERPRISE",
    "GROUP_COVERAGE",
    "GROUP_PROPERTIES",
    "GROUP_TABLE",
    "USER_COVERAGE",
    "USER_PROPERTIES",
    "USER_TABLE",
    "Coverage",
    "MappedGroup",
    "MappedUser",
    "MappingProblem",
    "Row",
    "Shape",
    "changes",
    "diff",
    "manager_value",
    "map_group",
    "map_user",
    "merge",
]
