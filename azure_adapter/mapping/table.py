"""The attribute mapping as data: which source attribute feeds which SCIM attribute.

Sources: Microsoft Graph: user resource type, group resource type; Entra: "SCIM API schema
reference" and the default attribute mappings of the provisioning service; RFC 7643 §4.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from azure_adapter.mapping.compiled import CompiledRow, compile_rows
from azure_adapter.mapping.coverage import Coverage, coverage_of
from azure_adapter.mapping.expressions import EvaluationContext
from azure_adapter.mapping.rows import (
    Apply,
    MappingTableError,
    Row,
    RowKind,
    TableProblem,
)
from azure_adapter.mapping.sources import NEEDED
from azure_adapter.mapping.targets import ENTERPRISE, Target, extensions_by_path
from scim.provisioning.source import ObjectKind

MAPPING_VERSION: Final = 1
"""Grows when the same table would map an unchanged object differently."""

MAX_ROWS: Final = 200
"""Most rows that a table may have for users, and for groups."""


@dataclass(frozen=True, slots=True)
class MappingTable:
    """The mapping of one user sync; checked and compiled when it is made.

    Attributes:
        users: Rows for users, in the order in which they apply.
        groups: Rows for groups.
        extensions: Custom attributes that may be mapped to: paths of text attributes, or targets.

    Raises:
        MappingTableError: with everything that is wrong.
    """

    users: tuple[Row, ...]
    groups: tuple[Row, ...]
    extensions: tuple[str | Target, ...] = ()
    _compiled: Mapping[ObjectKind, tuple[CompiledRow, ...]] = field(
        init=False, repr=False, compare=False
    )
    _always: Mapping[ObjectKind, tuple[CompiledRow, ...]] = field(
        init=False, repr=False, compare=False
    )
    _coverage: Mapping[ObjectKind, Coverage] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled, problems = _compile(self.users, self.groups, self.extensions)
        if problems:
            raise MappingTableError(problems)
        coverage = {kind: _covered(kind, rows) for kind, rows in compiled.items()}
        always = {kind: tuple(one for one in rows if one.always) for kind, rows in compiled.items()}
        object.__setattr__(self, "_compiled", compiled)
        object.__setattr__(self, "_always", always)
        object.__setattr__(self, "_coverage", coverage)

    def compiled(self, kind: ObjectKind, *, creating: bool = True) -> tuple[CompiledRow, ...]:
        """Return the compiled rows for users or for groups: all, or those that always apply."""
        return (self._compiled if creating else self._always)[kind]

    @property
    def coverage(self) -> Coverage:
        """What the table decides about in a user: what ``merge`` takes from it.

        Rows that apply only on create decide about nothing afterwards. An object for which a row
        is left out decides about less: ``MappedUser.coverage``.
        """
        return self._coverage[ObjectKind.user]

    @property
    def group_coverage(self) -> Coverage:
        """What the table decides about in a group."""
        return self._coverage[ObjectKind.group]

    def coverage_without(self, kind: ObjectKind, left_out: Iterable[CompiledRow]) -> Coverage:
        """Return the coverage when the targets of some rows are left alone."""
        return _covered(kind, self._compiled[kind], {one.target.path for one in left_out})

    @property
    def redacted(self) -> frozenset[str]:
        """Paths, as ``changes`` tells them, that no plan, log or report may show (Redact)."""
        return frozenset(
            one.target.change_path
            for rows in self._compiled.values()
            for one in rows
            if one.expression is not None and one.expression.redacted
        )

    @property
    def creates_differently(self) -> bool:
        """Whether an object is mapped differently when its resource is created."""
        return any(not one.always for rows in self._compiled.values() for one in rows)

    @property
    def reads_id(self) -> bool:
        """Whether ``attributes`` have to hold the object's ``id``."""
        rows = [one for several in self._compiled.values() for one in several]
        reads = any(not source.select for one in rows for source in one.sources)
        return reads or any(one.expression and one.expression.only_on_create for one in rows)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an administrator should know of a table that can be used, in sentences."""
        return tuple(_warnings(self._compiled[ObjectKind.user]))

    def fingerprint(self) -> str:
        """Return a digest of all that decides how an object is mapped."""
        rows = [[_identity(row) for row in several] for several in (self.users, self.groups)]
        extensions = extensions_by_path(self.extensions).values()
        types = sorted((one.path, one.type.value, one.many) for one in extensions)
        written = json.dumps([MAPPING_VERSION, rows, types])
        return hashlib.sha256(written.encode()).hexdigest()


def _identity(row: Row) -> list[Any]:
    return [row.target, row.kind, row.source, row.default, row.apply, row.primary]


def check_rows(
    users: Sequence[Row], groups: Sequence[Row], extensions: Iterable[str | Target] = ()
) -> list[TableProblem]:
    """Return everything that is wrong with the rows of a table."""
    return _compile(users, groups, extensions)[1]


def _compile(
    users: Sequence[Row], groups: Sequence[Row], extensions: Iterable[str | Target]
) -> tuple[dict[ObjectKind, tuple[CompiledRow, ...]], list[TableProblem]]:
    custom = extensions_by_path(extensions)
    compiled: dict[ObjectKind, tuple[CompiledRow, ...]] = {}
    problems: list[TableProblem] = []
    for kind, rows in ((ObjectKind.user, users), (ObjectKind.group, groups)):
        if len(rows) > MAX_ROWS:
            message = f"There are {len(rows)} rows; at most {MAX_ROWS} are allowed."
            advice = "Remove some of them."
            problems.append(TableProblem(kind, None, "too_many_rows", message, advice))
            rows = rows[:MAX_ROWS]
        compiled[kind], found = compile_rows(kind, rows, custom)
        problems += found
    return compiled, problems


def _covered(
    kind: ObjectKind, rows: Iterable[CompiledRow], left_out: Iterable[str] = ()
) -> Coverage:
    without = set(left_out)
    mentioned = [one.target for one in rows]
    decided = [one.target for one in rows if one.always and one.target.path not in without]
    return coverage_of(kind, decided, mentioned)


def _warnings(rows: Sequence[CompiledRow]) -> Iterable[str]:
    always = {one.target.path for one in rows if one.always}
    if "active" not in always:
        yield (
            "No row keeps active up to date: a user who is disabled in Microsoft Entra stays "
            "enabled here."
        )
    if 'emails[type eq "work"].value' not in {one.target.path for one in rows}:
        yield (
            "No row feeds the work e-mail address: users cannot be matched by e-mail, and get no "
            "invitation."
        )
    elif not any(one.row.primary for one in rows if one.target.attribute == "emails"):
        yield "No e-mail address is the primary one."


_CORE: Final = (
    Row("userName", "userPrincipalName"),
    Row("active", "accountEnabled"),
    Row("displayName", "displayName"),
    Row("name.givenName", "givenName"),
    Row("name.familyName", "surname"),
    Row("title", "jobTitle"),
    Row("preferredLanguage", "preferredLanguage"),
    Row("userType", "employeeType"),
    Row('emails[type eq "work"].value', "mail", primary=True),
    Row('emails[type eq "other"].value', "otherMails"),
    Row('emails[type eq "other"].value', "proxyAddresses"),
    Row('phoneNumbers[type eq "work"].value', "businessPhones"),
    Row('phoneNumbers[type eq "mobile"].value', "mobilePhone"),
    Row('phoneNumbers[type eq "fax"].value', "faxNumber"),
    Row('addresses[type eq "work"].streetAddress', "streetAddress"),
    Row('addresses[type eq "work"].locality', "city"),
    Row('addresses[type eq "work"].region', "state"),
    Row('addresses[type eq "work"].postalCode', "postalCode"),
    Row('addresses[type eq "work"].country', "country"),
    Row('addresses[type eq "other"].formatted', "officeLocation"),
    Row(f"{ENTERPRISE}:employeeNumber", "employeeId"),
    Row(f"{ENTERPRISE}:costCenter", "employeeOrgData.costCenter"),
    Row(f"{ENTERPRISE}:organization", "companyName"),
    Row(f"{ENTERPRISE}:division", "employeeOrgData.division"),
    Row(f"{ENTERPRISE}:department", "department"),
)

DEFAULT_TABLE: Final = MappingTable(_CORE, (Row("displayName", "displayName"),))
"""What a new user sync maps; Entra's default mapping, with externalId and manager left to the sync.

``id`` (externalId), ``manager`` and ``members`` are references, which are the planner's.
"""


def graph_properties(
    table: MappingTable = DEFAULT_TABLE, kind: ObjectKind = ObjectKind.user
) -> tuple[str, ...]:
    """Return the Graph properties that ``$select`` has to name for a table.

    What the sync itself needs is always among them (references, names, ``accountEnabled``, what
    scoping asks for); ``id`` comes without being named.

    Args:
        table: The mapping.
        kind: user or group.

    Returns:
        Names without duplicates: those of the rows, in their order, then those of the sync.
    """
    sources = (source for one in table.compiled(kind) for source in one.sources)
    mapped = (source.select for source in sources if source.select)
    return tuple(dict.fromkeys([*mapped, *NEEDED[kind]]))


def unique_candidates(
    table: MappingTable, attributes: Mapping[str, Any], context: EvaluationContext | None = None
) -> dict[str, tuple[str, ...]]:
    """Return the values that SelectUniqueValue would try for a new user, by target path.

    The caller looks up which of them are in use and gives their folded forms back as
    ``EvaluationContext.taken``, together with those that it has given to others meanwhile.
    """
    return {
        one.target.path: one.expression.candidates(attributes, context)
        for one in table.compiled(ObjectKind.user)
        if one.expression is not None and one.expression.rules
    }


USER_TABLE: Final = DEFAULT_TABLE.users
"""The rows of the default table for users."""

GROUP_TABLE: Final = DEFAULT_TABLE.groups
"""The rows of the default table for groups."""

USER_COVERAGE: Final = DEFAULT_TABLE.coverage
"""What the default mapping of users decides about, the manager included."""

GROUP_COVERAGE: Final = DEFAULT_TABLE.group_coverage
"""What the default mapping of groups decides about."""


def _without_sync(kind: ObjectKind, *kept: str) -> tuple[str, ...]:
    mapped = [source.select for one in DEFAULT_TABLE.compiled(kind) for source in one.sources]
    return tuple(dict.fromkeys([*mapped, *kept]))


USER_PROPERTIES: Final = _without_sync(ObjectKind.user, "manager")
"""The Graph properties that the default mapping of users needs."""

GROUP_PROPERTIES: Final = _without_sync(ObjectKind.group, "members")
"""The Graph properties that the default mapping of groups needs."""

__all__ = [
    "DEFAULT_TABLE",
    "ENTERPRISE",
    "GROUP_COVERAGE",
    "GROUP_PROPERTIES",
    "GROUP_TABLE",
    "USER_COVERAGE",
    "USER_PROPERTIES",
    "USER_TABLE",
    "Apply",
    "Coverage",
    "MappingTable",
    "Row",
    "RowKind",
    "check_rows",
    "graph_properties",
    "unique_candidates",
]
