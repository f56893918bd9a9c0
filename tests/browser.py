"""A real browser for tests: Debian's Chromium, driven by Playwright, without a network of its own.

Mark a test module that uses it with ``pytestmark = needs_browser``; it is skipped, with a line
that says so, where there is no Chromium. While a browser is open, Playwright's synchronous
interface occupies the event loop of its thread: start one inside of a test, after the fixtures,
and let servers and coroutines run in other threads.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

VARIABLE = "EZTO_TEST_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = 1280, 390
"""Widths of a desktop and of a telephone, in CSS pixels."""

PATIENCE_MS = 20_000


@functools.cache
def find_chromium() -> str | None:
    """Return the path of a Chromium; the environment variable ``EZTO_TEST_CHROMIUM`` wins."""
    named = os.environ.get(VARIABLE)
    if named:
        return named
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def needs_browser_marks() -> list[pytest.MarkDecorator]:
    reason = f"there is no Chromium: install the package chromium, or set {VARIABLE}"
    return [pytest.mark.browser, pytest.mark.skipif(find_chromium() is None, reason=reason)]


needs_browser = needs_browser_marks()
"""The marks of tests that need a browser: assign them to ``pytestmark``."""


@dataclass
class View:
    """One page, and what went wrong on it.

    Attributes:
        page: Playwright's page.
        problems: errors of the console and of scripts, violations of the content security policy.
            An answer with an error status is none: tests ask for those.
    """

    page: Page
    problems: list[str] = field(default_factory=list)

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    @property
    def overflows(self) -> bool:
        """Whether one has to scroll sideways."""
        width = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.page.evaluate(width))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, which takes half a second; it ends with the context."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def view(
    opened: Browser,
    *,
    width: int = WIDE,
    height: int = 900,
    dark: bool = False,
    javascript: bool = True,
    locale: str = "en-GB",
) -> Iterator[View]:
    """Open a page in a session of its own; whatever went wrong on it fails the test at the end."""
    context = opened.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=javascript,
        locale=locale,
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        shown = View(context.new_page())
        shown.page.on("console", shown.note)
        shown.page.on("pageerror", lambda error: shown.problems.append(str(error)))
        yield shown
        assert shown.problems == []
    finally:
        context.close()


@contextmanager
def only_view(**options: Any) -> Iterator[View]:
    """Start a browser for one page; see :func:`view`."""
    with browser() as opened, view(opened, **options) as shown:
        yield shown
