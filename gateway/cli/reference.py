"""``python -m gateway.cli.reference``: the commands as Markdown, which is ``docs/cli.md``."""

import inspect
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

import typer

HEAD = """# Commands

Written by `python -m gateway.cli.reference > docs/cli.md` from the commands themselves.

Exit status: 0 done; 1 it failed, was refused, or runs elsewhere; 2 the command was typed wrong; 3 a
run ended with objects that failed or are held by a safeguard. Errors are one sentence on standard
error, results are on standard output. Settings come from the environment (`EZTO_…`).
"""


def reference() -> str:
    """Return the reference of all commands."""
    from gateway.cli import app

    command = typer.main.get_command(app)
    return "\n".join([HEAD, *_commands(command, "ezto-gateway")])


def _commands(command: Any, name: str) -> Iterator[str]:
    children = getattr(command, "commands", None)
    if children is None:
        yield _described(command, name)
        return
    for word, child in children.items():
        yield from _commands(child, f"{name} {word}")


def _described(command: Any, name: str) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = " ".join([name, *(_shown(each) for each in arguments)])
    lines = [f"## `{usage}`", "", inspect.cleandoc(command.help or ""), ""]
    lines += [f"* `{_shown(each)}`: {each.help}" for each in arguments if each.help]
    lines += [f"* {_option(each)}" for each in options if not each.hidden]
    return "\n".join(lines).rstrip() + "\n"


def _shown(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _option(option: Any) -> str:
    names = ", ".join(f"`{each}`" for each in (*option.opts, *option.secondary_opts))
    words = _choices(option)
    told = f" ({' | '.join(words)})" if words else ""
    needed = " Required." if option.required else ""
    return f"{names}{told}: {option.help or ''}{needed}"


def _choices(option: Any) -> list[str]:
    """Return what may be given to an option that has a fixed list."""
    annotation = getattr(getattr(option, "type_descriptor", None), "annotation", None)
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, Enum):
            return [str(word.value) for word in each]
    return []


if __name__ == "__main__":
    sys.stdout.write(reference())
