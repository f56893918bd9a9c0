"""The parts of docs/mapping.md that are made from the code.

``python -m tests.mapping.documentation`` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from azure_adapter.mapping import DEFAULT_TABLE, target_paths
from azure_adapter.mapping.expressions import FUNCTIONS, Function, Value, to_text
from azure_adapter.mapping.expressions.functions.spec import REFERENCE
from azure_adapter.mapping.sources import SOURCES, Source, SourceType
from scim.provisioning.source import ObjectKind

PAGE = Path(__file__).parents[2] / "docs" / "mapping.md"
_SECTION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HOLDS = {
    SourceType.text: "text",
    SourceType.boolean: "true or false",
    SourceType.date: "date",
    SourceType.texts: "several texts",
    SourceType.phones: "several texts, at most one",
    SourceType.phone: "text, the first of several",
    SourceType.guest: "text; a guest's is `alias@theirdomain`",
    SourceType.proxies: "several texts; in e-mail attributes the `smtp:` ones",
}


def filled_in(text: str) -> str:
    """Return the page with its generated parts made anew."""

    def section(found: re.Match[str]) -> str:
        return f"{found[1]}{_PARTS[found[2]]()}\n{found[3]}"

    return _SECTION.sub(section, text)


def functions() -> str:
    """Every function: signature, meaning, example."""
    return "\n\n".join(map(_function, FUNCTIONS.values()))


def _function(function: Function) -> str:
    parts = [f"### {function.name}", f"`{function.signature}`", function.meaning]
    if function.only_on_create:
        parts.append("Only in rows that apply only on create.")
    return "\n\n".join([*parts, _example(function)])


def _example(function: Function) -> str:
    example = function.example
    if example is None:
        return f"`{function.signature}` is an error."
    given = " and ".join(f"{name} = {shown(value)}" for name, value in example.attributes.items())
    where = f" with {given}" if given else ""
    return f"`{example.expression}`{where} gives `{shown(example.result)}`."


def shown(value: Value | list[str]) -> str:
    """Return a value as the page writes it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(f'"{one}"' for one in value)
    return f'"{value}"' if isinstance(value, str) else str(to_text(value))


def sources() -> str:
    """Every attribute of users, and of groups, that a row may read."""
    parts = []
    for kind, title in ((ObjectKind.user, "Users"), (ObjectKind.group, "Groups")):
        rows = [
            f"| `{_name(one)}` | {_HOLDS[one.type]} | {_property(one)} |" for one in _shown(kind)
        ]
        head = [f"**{title}**", "", "| attribute | holds | Graph property |", "| --- | --- | --- |"]
        parts.append("\n".join([*head, *rows]))
    return "\n\n".join(parts)


def _shown(kind: ObjectKind) -> list[Source]:
    """One row stands for the fifteen extension attributes."""
    every = SOURCES[kind].values()
    return [one for one in every if not re.search(r"Attribute([2-9]|1[0-9])$", one.name)]


def _name(source: Source) -> str:
    return source.name.replace("Attribute1", "Attribute1…15")


def _property(source: Source) -> str:
    name = source.select or "id"
    member = f".{source.member}" if source.member else ""
    text = f"`{name}{member}`".replace("Attribute1", "Attribute1…15")
    return f"not {text}" if source.inverted else text


def targets() -> str:
    """Every attribute that a row may feed."""
    users = "\n".join(f"- `{path}`" for path in target_paths(ObjectKind.user))
    groups = "\n".join(f"- `{path}`" for path in target_paths(ObjectKind.group))
    return f"**Users**\n\n{users}\n\n**Groups**\n\n{groups}"


def default() -> str:
    """The table of a new user sync."""
    head = ["| target | source |", "| --- | --- |"]
    rows = [
        f"| `{row.target}`{' (primary)' if row.primary else ''} | `{row.source}` |"
        for row in DEFAULT_TABLE.users
    ]
    return "\n".join([*head, *rows, "| of groups: `displayName` | `displayName` |"])


def reference() -> str:
    """The address of Microsoft's page."""
    return f"<{REFERENCE}>"


_PARTS: dict[str, Callable[[], str]] = {
    "functions": functions,
    "sources": sources,
    "targets": targets,
    "default": default,
    "reference": reference,
}


if __name__ == "__main__":
    PAGE.write_text(filled_in(PAGE.read_text("utf-8")), "utf-8")
