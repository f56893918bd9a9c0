"""SQL in a migration, told apart by database."""

from collections.abc import Sequence

from tortoise.migrations.operations import AlterField, RunSQL
from tortoise.migrations.schema_editor.base import BaseSchemaEditor


class DialectSQL(RunSQL):
    """Runs some statements on both databases and some on PostgreSQL only.

    Args:
        both: statements that SQLite and PostgreSQL understand alike.
        postgres: statements that run before those, on PostgreSQL.
    """

    def __init__(self, both: Sequence[str] = (), postgres: Sequence[str] = ()) -> None:
        super().__init__(list(both), reverse_sql=RunSQL.noop)
        self.both = list(both)
        self.postgres = list(postgres)

    async def _run_sql(self, state_editor: BaseSchemaEditor, sqls: object) -> None:  # noqa: ARG002
        if state_editor.client.capabilities.dialect == "postgres":
            await super()._run_sql(state_editor, self.postgres)
        await super()._run_sql(state_editor, self.both)


class DeclaredField(AlterField):
    """Changes what the models' state says of a field, and nothing in the database.

    For what SQLite does not enforce, such as a length: Tortoise would rebuild the table there,
    and lose its indexes. PostgreSQL is told beside it by :class:`DialectSQL`.
    """

    async def database_forward(self, *_: object) -> None:
        """Leave the database as it is."""

    async def database_backward(self, *_: object) -> None:
        """Leave the database as it is."""
