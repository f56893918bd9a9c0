"""The reports: well-formed, complete, and without secrets."""

import json
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from conformance import reports
from conformance.cli import app
from conformance.exchange import Exchange
from conformance.outcome import Check, Outcome, Report, Status
from tests.conformance.serving import TOKEN, Reference, serving


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports of one run."""
    folder = tmp_path_factory.mktemp("reports")
    files = [f"--{each}={folder / each}" for each in ("junit", "html", "json")]
    suites = ("--suite", "wso2", "--suite", "sanity-entra")
    with serving(Reference()) as url:
        CliRunner().invoke(app, ["--url", url, "--token", TOKEN, *suites, *files])
    return folder


def test_junit_is_well_formed(written: Path) -> None:
    root = ElementTree.parse(written / "junit").getroot()

    suites = {each.get("name"): each for each in root}
    assert set(suites) == {"wso2", "sanity-entra"}
    wso2 = suites["wso2"]
    assert (wso2.get("tests"), wso2.get("failures"), wso2.get("skipped")) == ("4", "1", "0")
    (failure,) = wso2.iter("failure")
    assert "Why it matters" in (failure.text or "")
    assert ">>> PATCH" in (wso2.findtext(".//system-out") or "")
    assert len(list(suites["sanity-entra"].iter("skipped"))) == 2


def test_json_is_complete(written: Path) -> None:
    document = json.loads((written / "json").read_text(encoding="utf-8"))

    assert document["suites"]["wso2"] == {"passed": 3, "failed": 1, "deviation": 0, "skipped": 0}
    failed = next(each for each in document["checks"] if each["name"] == "add-member-again")
    assert failed["source"] == "wso2/product-is#5333"
    assert failed["exchanges"][-1]["received"].startswith("200")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_needs_nothing_else(written: Path) -> None:
    text = (written / "html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)

    assert page.open == []
    assert page.addresses == ["#suite-sanity-entra", "#suite-wso2"]
    assert "prefers-color-scheme: dark" in text
    assert "<script" not in text
    assert "@import" not in text


def test_no_report_holds_the_token(written: Path) -> None:
    assert all(TOKEN not in each.read_text(encoding="utf-8") for each in written.iterdir())


def test_hostile_answers_are_escaped() -> None:
    exchange = Exchange("GET", "http://x/", status=200, text="\x00\x1b<script>alert(1)</script>]]>")
    check = Check("bugs", "<b>name</b>", "rule", "RFC", "why")
    report = Report("http://x", "p", [Outcome(check, Status.FAILED, "\x07 <i>", (exchange,))])

    assert "<script>" not in reports.html.render(report)
    ElementTree.fromstring(reports.junit.render(report))
    assert json.loads(reports.data.render(report))["summary"]["failed"] == 1
