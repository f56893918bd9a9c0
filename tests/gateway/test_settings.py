"""Settings from the environment."""

import stat
from pathlib import Path

import pytest

from gateway.mail.address import SmtpTarget, check_address
from gateway.settings import PREFIX, Settings, SettingsError


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_the_defaults_are_an_embedded_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.load()
    assert settings.embedded
    assert settings.resolved_database_url == f"sqlite://{tmp_path}/data/gateway.sqlite3"
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.smtp is None


def test_the_environment_is_read_and_options_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EZTO_DATABASE_URL", "postgres://u:hunter2@db/name")
    monkeypatch.setenv("EZTO_PORT", "9000")
    monkeypatch.setenv("EZTO_HOST", "::1")
    monkeypatch.setenv("EZTO_BASE_URL", "https://idm.example.com/")
    settings = Settings.load(port=9001, host=None)
    assert not settings.embedded
    assert (settings.host, settings.port) == ("::1", 9001)
    assert settings.base_url == "https://idm.example.com"
    assert "hunter2" not in repr(settings)


def test_every_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EZTO_PORT", "70000"),
        ("EZTO_BASE_URL", "idm.example.com"),
        ("EZTO_SMTP_URL", "http://u:hunter2@mail"),
        ("EZTO_SMTP_URL", "smtp://u:hunter2@mail:99999"),
        ("EZTO_SMTP_URL", "smtp://u:hunter2@mail?starttls=maybe"),
        ("EZTO_MAIL_FROM", "nobody"),
        ("EZTO_REPORT_EMAIL", "a@b.c, d@e.f"),
        ("EZTO_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refusal:
        Settings.load()
    assert variable in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_the_data_directory_is_private(tmp_path: Path) -> None:
    made = Settings.load(data_dir=tmp_path / "a" / "b").make_data_dir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_data_directory_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match="EZTO_DATA_DIR"):
        Settings.load(data_dir=file / "data").make_data_dir()


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("smtp://mail", SmtpTarget("mail", 587, starttls="auto")),
        ("smtp://u:p%40ss@mail:25", SmtpTarget("mail", 25, False, "required", "u", "p@ss")),
        ("smtp://mail:25?starttls=never", SmtpTarget("mail", 25, starttls="never")),
        ("smtps://u:p@mail", SmtpTarget("mail", 465, True, "required", "u", "p")),
    ],
)
def test_mail_servers(url: str, target: SmtpTarget) -> None:
    assert SmtpTarget.parse(url) == target
    assert "p@ss" not in repr(SmtpTarget.parse(url))


@pytest.mark.parametrize("good", ["a@b.c", "Ann Lee <a@b.c>"])
def test_good_addresses(good: str) -> None:
    assert check_address(good) == good


@pytest.mark.parametrize("bad", ["", "a", "@b", "a@", "a@b.c\r\nBcc: x@y.z", "a@b.c, d@e.f"])
def test_bad_addresses(bad: str) -> None:
    with pytest.raises(ValueError):
        check_address(bad)
