"""The log never shows a secret, whoever writes the line."""

import io
import json
import logging
from typing import Any

import pytest
import structlog

from gateway.logs import MASK, configure_logging, masked

TOKEN = "ezto_" + "aB3-_" * 8


@pytest.mark.parametrize(
    "value",
    [
        {"token": "hunter2"},
        {"client_secret": "hunter2"},
        {"Authorization": "hunter2"},
        {"access-token": ["hunter2"]},
        {"outer": {"passwords": {"a": "hunter2"}}},
        {"outer": [{"api_key": b"hunter2"}]},
        "Bearer hunter2",
        ["authorization: bearer hunter2"],
        "postgres://user:hunter2@host/db",
        "POST client_secret=hunter2&scope=x",
        (b"Basic hunter2",),
        RuntimeError("password=hunter2"),
    ],
)
def test_secrets_are_masked(value: Any) -> None:
    assert "hunter2" not in repr(masked(value))
    assert MASK in repr(masked(value))


@pytest.mark.parametrize(
    "value",
    [
        {"token_id": "x"},
        {"status": 200, "ok": True, "none": None},
        {"secret": None},
        "a secret",
        1.5,
    ],
)
def test_what_is_no_secret_stays(value: Any) -> None:
    assert masked(value) == value


def test_tokens_are_masked_by_their_form() -> None:
    assert masked(f"got {TOKEN}, it said") == f"got {MASK}, it said"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_holds_a_secret(form: str) -> None:
    stream = io.StringIO()
    configure_logging("debug", form, stream)
    own = structlog.stdlib.get_logger("gateway.test").bind(password="hunter2")
    own.info(f"token {TOKEN}", nested={"secret": "hunter2"})
    logging.getLogger("elsewhere").warning("sent %s", f"Bearer {TOKEN}", extra={"token": "hunter2"})
    try:
        raise ValueError(f"Authorization: Bearer {TOKEN}")
    except ValueError:
        own.exception("failed")
        logging.getLogger("elsewhere").exception("failed too")
    text = stream.getvalue()
    assert TOKEN not in text
    assert "hunter2" not in text
    assert text.count("ValueError") >= 2


def test_json_lines_are_whole_events() -> None:
    stream = io.StringIO()
    configure_logging("info", "auto", stream)
    structlog.stdlib.get_logger("gateway.test").info("hello", name="Zoë")
    structlog.stdlib.get_logger("gateway.test").debug("too quiet")
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line)
    assert event["event"] == "hello"
    assert event["level"] == "info"
    assert event["logger"] == "gateway.test"
    assert event["timestamp"].endswith("Z")
