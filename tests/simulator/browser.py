"""A browser without scripts: opens pages, reads their forms, presses their buttons."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from tests.simulator.support import Wire


@dataclass
class PageForm:
    """One form of a page: where it goes, its hidden fields, its buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    boxes: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """What a person sees and can do on a page."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.forms: list[PageForm] = []
        self.labels: list[str] = []
        self.alerts: list[str] = []
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.text = ""
        self.title = ""
        self._button: tuple[str, str] | None = None
        self._words: list[str] = []
        self._within: list[str] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag not in ("meta", "input", "br"):
            self._within.append("alert" if given.get("role") == "alert" else tag)
        if tag == "form":
            self.forms.append(PageForm(given["action"]))
        elif tag == "button":
            self._button, self._words = (given.get("name", ""), given.get("value", "")), []
        elif tag == "label":
            self.labels.append(given.get("for", ""))
        elif tag == "input" and given["type"] == "hidden":
            self.forms[-1].fields[given["name"]] = given["value"]
        elif tag == "input" and given["type"] == "text":
            self.forms[-1].typed.append(given["name"])
        elif tag == "input":
            self.forms[-1].boxes.append(given["name"])

    def handle_endtag(self, tag: str) -> None:
        self._within.pop()
        if tag == "button" and self._button is not None:
            caption = " ".join(" ".join(self._words).split())
            self.forms[-1].buttons[caption] = self._button
            self._button = None

    def handle_data(self, data: str) -> None:
        if "style" in self._within:
            return
        self.text += data
        self._words.append(data)
        if "title" in self._within:
            self.title += data
        if "alert" in self._within:
            self.alerts.append(data)


class Browser:
    """Opens pages of the simulator; cookies are kept by the wire's client."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.url = ""
        self.page: Page | None = None
        self.landed: dict[str, str] = {}

    def open(self, url: str) -> Browser:
        return self._show(url, self.wire.send("GET", url))

    def press(self, caption: str, **typed: str) -> Browser:
        """Press the first button whose caption begins so, with whatever was typed before."""
        assert self.page is not None, f"landed: {self.landed}"
        for form in self.page.forms:
            for text, (name, value) in form.buttons.items():
                if not text.startswith(caption) or set(typed) - {*form.typed, *form.boxes}:
                    continue
                data = {**form.fields, **typed, **({name: value} if name else {})}
                url = urljoin(self.url, form.action)
                return self._show(url, self.wire.send("POST", url, data=data))
        raise AssertionError(f"no button {caption!r} in {self.page.text}")

    def _show(self, url: str, answer: httpx.Response) -> Browser:
        self.url, self.page, self.landed = url, None, {}
        if answer.status_code == 302:
            parts = urlsplit(answer.headers["location"])
            self.landed = dict(parse_qsl(parts.query or parts.fragment))
            self.url = answer.headers["location"]
        else:
            self.page = Page(answer)
            self._post()
        return self

    def _post(self) -> None:
        """Notice a form that goes to the app: pressing its button is landing there."""
        assert self.page is not None
        for form in self.page.forms:
            if urlsplit(form.action).netloc:
                self.url, self.landed = form.action, form.fields
