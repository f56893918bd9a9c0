"""The report as JUnit XML, as continuous integration shows it."""

import re
from xml.etree import ElementTree as Xml

from conformance.outcome import Outcome, Report, Status
from conformance.reports.text import explained, transcript

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> bytes:
    """The whole report as an XML document."""
    root = Xml.Element("testsuites", name="conformance", time=f"{report.seconds:.3f}")
    for name in report.suites():
        outcomes = [each for each in report.outcomes if each.check.suite == name]
        root.append(_suite(name, outcomes))
    Xml.indent(root)
    document: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _suite(name: str, outcomes: list[Outcome]) -> Xml.Element:
    failed = sum(each.status is Status.FAILED for each in outcomes)
    skipped = sum(each.status in (Status.SKIPPED, Status.DEVIATION) for each in outcomes)
    suite = Xml.Element(
        "testsuite",
        name=name,
        tests=str(len(outcomes)),
        failures=str(failed),
        errors="0",
        skipped=str(skipped),
        time=f"{sum(each.seconds for each in outcomes):.3f}",
    )
    suite.extend(_case(each) for each in outcomes)
    return suite


def _case(outcome: Outcome) -> Xml.Element:
    check = outcome.check
    case = Xml.Element(
        "testcase",
        classname=f"conformance.{check.suite}",
        name=_clean(check.name),
        time=f"{outcome.seconds:.3f}",
    )
    message = _clean(outcome.detail.partition("\n")[0])
    if outcome.status is Status.FAILED:
        Xml.SubElement(case, "failure", message=message).text = _clean(explained(outcome))
    elif outcome.status is Status.DEVIATION:
        Xml.SubElement(case, "skipped", message=f"deviation: {message}")
    elif outcome.status is Status.SKIPPED:
        Xml.SubElement(case, "skipped", message=message)
    if outcome.status in (Status.FAILED, Status.DEVIATION):
        Xml.SubElement(case, "system-out").text = _clean(transcript(outcome))
    return case


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
