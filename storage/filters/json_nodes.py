"""Reading a JSON document in SQL, in the two dialects."""

from dataclasses import dataclass
from typing import Protocol

from storage.database import Dialect
from storage.filters.sql import Sql, literal


class JsonNode(Protocol):
    """One place in a JSON document. What is not there is NULL."""

    def at(self, name: str) -> "JsonNode":
        """Return the node of a member of this object."""
        ...

    def text(self) -> Sql:
        """Return the string as text that compares binary, NULL for any other type."""
        ...

    def number(self) -> Sql:
        """Return the number, NULL for any other type."""
        ...

    def boolean(self) -> Sql:
        """Return the boolean, NULL for any other type."""
        ...

    def exists(self) -> Sql:
        """Return whether there is a value."""
        ...

    def present(self) -> Sql:
        """Return whether any scalar at or below the node is not an empty string."""
        ...

    def rows(self, alias: str) -> Sql:
        """Return the FROM clause that lists the entries of this array."""
        ...

    def entry(self, alias: str) -> "JsonNode":
        """Return the node of one entry that :meth:`rows` lists under this alias."""
        ...

    def ordinal(self, alias: str) -> Sql:
        """Return the position of an entry that :meth:`rows` lists."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteNode:
    """A node by its document and SQLite's JSON path; ``row`` is set for an entry of an array."""

    document: str
    path: str = "$"
    row: str = ""

    def at(self, name: str) -> "SqliteNode":
        """See :meth:`JsonNode.at`."""
        return SqliteNode(self.document, f'{self.path}."{name}"')

    def _arguments(self) -> str:
        return f"{self.document}, {literal(self.path)}"

    def _type(self) -> str:
        return f"{self.row}.type" if self.row else f"json_type({self._arguments()})"

    def _value(self) -> str:
        return f"{self.row}.atom" if self.row else f"json_extract({self._arguments()})"

    def _typed(self, *types: str) -> Sql:
        names = ", ".join(literal(name) for name in types)
        return Sql(f"(CASE WHEN {self._type()} IN ({names}) THEN {self._value()} END)")

    def text(self) -> Sql:
        """See :meth:`JsonNode.text`."""
        return self._typed("text")

    def number(self) -> Sql:
        """See :meth:`JsonNode.number`."""
        return self._typed("integer", "real")

    def boolean(self) -> Sql:
        """See :meth:`JsonNode.boolean`."""
        return self._typed("true", "false")

    def exists(self) -> Sql:
        """See :meth:`JsonNode.exists`."""
        return Sql(f"({self._type()} <> 'null')")

    def present(self) -> Sql:
        """See :meth:`JsonNode.present`."""
        if self.row:
            scalar = f"({self.row}.atom <> '')"
            nested = f"{self.row}.type IN ('object', 'array')"
            tree = f"EXISTS (SELECT 1 FROM json_tree({self.row}.value) t WHERE t.atom <> '')"
            return Sql(f"(CASE WHEN {nested} THEN {tree} ELSE {scalar} END)")
        return Sql(f"EXISTS (SELECT 1 FROM json_tree({self._arguments()}) t WHERE t.atom <> '')")

    def rows(self, alias: str) -> Sql:
        """See :meth:`JsonNode.rows`."""
        return Sql(f"json_each({self._arguments()}) {alias}")

    def entry(self, alias: str) -> "SqliteNode":
        """See :meth:`JsonNode.entry`."""
        return SqliteNode(f"{alias}.value", row=alias)

    def ordinal(self, alias: str) -> Sql:
        """See :meth:`JsonNode.ordinal`."""
        return Sql(f"{alias}.key")


_PRESENT = (
    '\'strict $.** ? ((@.type() == "string" && @ != "") || @.type() == "number" '
    '|| @.type() == "boolean")\''
)


@dataclass(frozen=True, slots=True)
class PostgresNode:
    """A node as a ``jsonb`` expression."""

    expression: str

    def at(self, name: str) -> "PostgresNode":
        """See :meth:`JsonNode.at`."""
        return PostgresNode(f"({self.expression} -> {literal(name)})")

    def _typed(self, kind: str, result: str) -> Sql:
        return Sql(f"(CASE WHEN jsonb_typeof({self.expression}) = '{kind}' THEN {result} END)")

    def _text(self) -> str:
        return f"({self.expression} #>> '{{}}')"

    def text(self) -> Sql:
        """See :meth:`JsonNode.text`."""
        return Sql(f'({self._typed("string", self._text()).text} COLLATE "C")')

    def number(self) -> Sql:
        """See :meth:`JsonNode.number`."""
        return self._typed("number", f"{self._text()}::numeric")

    def boolean(self) -> Sql:
        """See :meth:`JsonNode.boolean`."""
        return self._typed("boolean", f"{self._text()}::boolean")

    def exists(self) -> Sql:
        """See :meth:`JsonNode.exists`."""
        return Sql(f"(jsonb_typeof({self.expression}) <> 'null')")

    def present(self) -> Sql:
        """See :meth:`JsonNode.present`."""
        return Sql(f"jsonb_path_exists({self.expression}, {_PRESENT})")

    def rows(self, alias: str) -> Sql:
        """See :meth:`JsonNode.rows`."""
        return Sql(
            f"jsonb_array_elements({self.expression}) WITH ORDINALITY {alias}(value, ordinal)"
        )

    def entry(self, alias: str) -> "PostgresNode":
        """See :meth:`JsonNode.entry`."""
        return PostgresNode(f"{alias}.value")

    def ordinal(self, alias: str) -> Sql:
        """See :meth:`JsonNode.ordinal`."""
        return Sql(f"{alias}.ordinal")


def root(dialect: Dialect, column: str) -> JsonNode:
    """Return the node of a whole document that a column holds."""
    return SqliteNode(column) if dialect == "sqlite" else PostgresNode(column)
