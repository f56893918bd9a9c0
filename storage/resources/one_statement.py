"""PostgreSQL: a whole write as one statement, which needs no transaction around it.

Each round trip to the server costs more than what it asks for, and a transaction of several holds
its locks that long. The parts of a data-modifying statement see the same snapshot, so what is
answered comes from the values that were written, not from a read.
"""

from typing import Any

from storage.database import Row, Session
from storage.resources import audit
from storage.resources.documents import Encoded
from storage.resources.rows import Place

_EMAILS = (
    "e AS (INSERT INTO resource_email (resource_id, workspace_id, value_key, type_key, is_primary) "
    "SELECT r.row_id, CAST(? AS BIGINT), v.value_key, v.type_key, v.is_primary "
    "FROM r CROSS JOIN unnest(CAST(? AS TEXT[]), CAST(? AS TEXT[]), CAST(? AS BOOLEAN[])) "
    "WITH ORDINALITY AS v (value_key, type_key, is_primary, place) ORDER BY v.place)"
)
_EXTERNAL_ID = (
    "x AS (INSERT INTO external_id (resource_id, workspace_id, source, value, value_key) "
    "SELECT r.row_id, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT) FROM r)"
)
_AUDIT = f"a AS (INSERT INTO audit ({audit.COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?))"
_AUDIT_IF = (
    f"a AS (INSERT INTO audit ({audit.COLUMNS}) SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), "
    "CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), "
    "CAST(? AS TEXT) FROM u)"
)


async def insert_user(
    session: Session,
    place: Place,
    columns: dict[str, Any],
    encoded: Encoded,
    entry: tuple[Any, ...],
) -> None:
    """Insert a resource without members, with its addresses, externalId and audit.

    Args:
        session: outside of a transaction, or in one.
        place: the workspace and the source.
        columns: of the row.
        encoded: addresses and externalId.
        entry: see :func:`audit.entry`.
    """
    values = {"workspace_id": place.workspace_id, **columns}
    holes = ", ".join("?" * len(values))
    parts = [f"r AS (INSERT INTO resource ({', '.join(values)}) VALUES ({holes}) RETURNING row_id)"]
    parameters: list[Any] = [*values.values()]
    if encoded.emails:
        parts.append(_EMAILS)
        parameters += [place.workspace_id, *map(list, zip(*encoded.emails, strict=True))]
    if encoded.external_id is not None and place.keeps_external_ids:
        parts.append(_EXTERNAL_ID)
        parameters += [place.workspace_id, str(place.source), *encoded.external_id]
    parts.append(_AUDIT)
    await session.rows(f"WITH {', '.join(parts)} SELECT row_id FROM r", [*parameters, *entry])


async def update_if_unchanged(
    session: Session, row: Row, columns: dict[str, Any], entry: tuple[Any, ...]
) -> bool:
    """Write the next version of a row and its audit, unless somebody else has written it.

    Args:
        session: outside of a transaction, or in one.
        row: as it was read.
        columns: see :func:`rows.new_version`.
        entry: see :func:`audit.entry`.
    """
    settings = ", ".join(f"{name} = ?" for name in columns)
    found = await session.rows(
        f"WITH u AS (UPDATE resource SET {settings} WHERE row_id = ? AND version = ? "
        f"RETURNING row_id), {_AUDIT_IF} SELECT row_id FROM u",
        [*columns.values(), row["row_id"], row["version"], *entry],
    )
    return bool(found)
