"""One column of a query as a list."""

from collections.abc import Sequence
from typing import Any

from storage.database import Session
from storage.sync.values import from_json


async def column(session: Session, sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Return the one column that a query asks for, without an object for each of its rows.

    The database puts the values together, so that a list of ids takes a tenth of what its rows
    would. They come in no order that could be relied on.
    """
    if session.dialect == "sqlite":
        found = await session.value(
            f"WITH asked (value) AS ({sql}) SELECT json_group_array(value) AS found FROM asked",
            parameters,
        )
        values: list[Any] = from_json(found, [])
        return values
    found = await session.value(
        f"SELECT array_agg(value) AS found FROM ({sql}) AS asked (value)", parameters
    )
    return list(found or ())
