"""What commands print, and how they fail: results on stdout, everything else on stderr."""

import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

FAILED = 1
USAGE = 2
INCOMPLETE = 3

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""C0, C1, line separators and overrides of the writing direction."""


class CliError(Exception):
    """A command cannot do its work.

    Args:
        message: one sentence for the person who typed it.
        status: exit status of the process.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def harmless(text: str) -> str:
    """Return text without control characters: names come from directories and steer no terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def say(text: str = "") -> None:
    """Print a line of the result."""
    typer.echo(harmless(text))


def tell(text: str) -> None:
    """Print a line that is not part of the result, on stderr."""
    typer.echo(harmless(text), err=True)


def say_json(value: Any) -> None:
    """Print a result for programs: one JSON document."""
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def on_terminal() -> bool:
    """Whether a person reads the result as it is printed."""
    return sys.stdout.isatty()


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows: as a table on a terminal, elsewhere as aligned plain lines."""
    texts = [[harmless(str(cell)) for cell in row] for row in rows]
    if on_terminal():
        table = Table(*columns, header_style="bold")
        for row in texts:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    lines = [list(columns), *texts]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        say("  ".join(cells).rstrip())
