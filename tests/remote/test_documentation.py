"""docs/remote-target.md tells every setting, and every code that a person may meet."""

import re
from dataclasses import fields
from pathlib import Path

import azure_adapter.remote
from azure_adapter.remote import OAuthClient, RemoteSettings
from azure_adapter.remote.answers import word_for

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "remote-target.md").read_text()
SOURCES = Path(azure_adapter.remote.__file__).parent.glob("*.py")

CODE = re.compile(
    r'(?:code="|no_answer\("|Remote(?:Unavailable|Unsuitable|CredentialRefused)\(\s*"'
    r'|unavailable\(\s*")(\w+)"'
)


def told(word: str) -> bool:
    return f"`{word}`" in PAGE


def test_every_setting_is_told() -> None:
    names = {each.name for settings in (RemoteSettings, OAuthClient) for each in fields(settings)}
    assert [name for name in sorted(names - {"credential"}) if not told(name)] == []


def test_every_code_is_told() -> None:
    codes = {code for source in SOURCES for code in CODE.findall(source.read_text())}
    codes |= {word_for(status) for status in (400, 403, 404, 409, 413, 429, 500, 501)}
    assert len(codes) > 15
    assert [code for code in sorted(codes) if not told(code)] == []
