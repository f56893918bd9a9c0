"""The page for administrators names every word that they may meet."""

from pathlib import Path

import pytest

from gateway.mail.attachment import MOST_BYTES, MOST_ROWS
from gateway.mail.choice import MailKind
from gateway.settings import PREFIX, Settings
from storage.enrollment import InviteStatus, VoidReason
from storage.mail import MOST_ATTEMPTS

PAGE = (Path(__file__).parents[2] / "docs" / "enrollment.md").read_text()
PAGES = Path(__file__).parents[2] / "gateway" / "http" / "templates"

SETTINGS = (
    "smtp_url", "mail_from", "report_email", "base_url", "organization", "sign_in_url",
    "invitation_days", "invitation_pause_minutes", "failed_tokens_per_minute",
)  # fmt: skip


@pytest.mark.parametrize("word", [*InviteStatus, *VoidReason])
def test_every_word_is_explained(word: str) -> None:
    assert f"| `{word}` |" in PAGE


@pytest.mark.parametrize("kind", MailKind)
def test_every_mail_is_explained(kind: MailKind) -> None:
    assert f"| {kind.replace('_', ' ')} |" in PAGE


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_there_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    (line,) = [each for each in PAGE.splitlines() if each.startswith(f"| `{PREFIX}{name.upper()}`")]
    if isinstance(default, int):
        assert line.split(" | ")[1] == str(default)


def test_the_figures_are_those_of_the_code() -> None:
    assert f"{MOST_ROWS:,} rows or {MOST_BYTES // 1_048_576} MiB" in PAGE
    assert f"after {MOST_ATTEMPTS} attempts" in PAGE


def test_every_page_that_stops_somebody_is_there() -> None:
    for name in ("accepted", "expired", "voided", "unknown", "busy", "foreign"):
        text = (PAGES / f"enroll_{name}.html").read_text()
        title = text.partition("{% block title %}")[2].partition("{% endblock %}")[0]
        assert f"*{title}*" in PAGE
