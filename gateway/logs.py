"""Logging: one line an event, JSON or for a terminal, with secrets masked by construction."""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"

_SECRET_KEY = re.compile(
    r"(?:^|[_\-. ])(?:token|secret|password|passwd|authorization|cookie|credential|"
    r"secret[_-]key|api[_-]key)s?$",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    (re.compile(r"ezto_[A-Za-z0-9_\-]+"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]+"), rf"\1 {MASK}"),
    (re.compile(r"(://[^:/@\s]*):[^@/\s]*@"), rf"\1:{MASK}@"),
    (re.compile(r"(?i)\b(client_secret|password|access_token)=[^&\s\"']+"), rf"\1={MASK}"),
    (re.compile(r"(/enroll/)[^/?#\s\"']+"), rf"\1{MASK}"),
)


NOISY = ("aiosqlite", "asyncio", "httpcore", "httpx", "msal", "tortoise", "uvicorn")
"""Libraries whose log is for their own developers; some of it holds data of people."""


def masked(value: Any) -> Any:
    """Return a value without secrets: those under a telling key, and those with a telling form."""
    if isinstance(value, str):
        for pattern, replacement in _SECRET_TEXT:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, bytes):
        return masked(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: _masked_pair(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked(str(value))


def _masked_pair(key: Any, value: Any) -> Any:
    if value is not None and _SECRET_KEY.search(str(key)):
        return MASK
    return masked(value)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask the secrets of an event: the last processor before the one that renders it."""
    kept = {key: value for key, value in event.items() if key.startswith("_")}
    shown = {key: value for key, value in event.items() if not key.startswith("_")}
    return {**kept, **masked(shown)}


def configure_logging(
    level: str = "info", form: str = "auto", stream: TextIO | None = None
) -> None:
    """Send the log of this process, other libraries' included, to a stream.

    Args:
        level: the least important level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``json``, ``console``, or ``auto``: console when the stream is a terminal.
        stream: where lines go; standard error by default, since standard output is for results.
    """
    target = stream or sys.stderr
    console = form == "console" or (form == "auto" and target.isatty())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(console))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _formatter(console: bool) -> logging.Formatter:
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=console, exception_formatter=_plain)
        if console
        else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            renderer,
        ],
    )


_plain = structlog.dev.plain_traceback
