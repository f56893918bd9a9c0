"""Encryption of stored secrets: where the key comes from, and its rotation."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from gateway.secrets import KEY_FILE, SecretBox, UnreadableSecretError, load_secrets
from gateway.settings import Settings, SettingsError
from tests.gateway.support import settings_for

OLD, NEW = Fernet.generate_key(), Fernet.generate_key()


def keyless(directory: Path, **changed: Any) -> Settings:
    return settings_for(directory, secret_key=None, **changed)


def test_what_is_encrypted_can_be_decrypted_and_does_not_show() -> None:
    box = SecretBox([NEW])
    sealed = box.encrypt("grüße")
    assert "gr" not in sealed
    assert box.encrypt("grüße") != sealed
    assert box.decrypt(sealed) == "grüße"


def test_rotation_the_first_key_encrypts_and_all_decrypt() -> None:
    before, both, after = SecretBox([OLD]), SecretBox([NEW, OLD]), SecretBox([NEW])
    sealed = before.encrypt("secret")
    assert both.decrypt(sealed) == "secret"
    with pytest.raises(UnreadableSecretError, match="EZTO_SECRET_KEY"):
        after.decrypt(sealed)
    assert after.decrypt(both.renew(sealed)) == "secret"


def test_tampering_is_noticed() -> None:
    sealed = SecretBox([NEW]).encrypt("secret")
    with pytest.raises(UnreadableSecretError):
        SecretBox([NEW]).decrypt(sealed[:-4] + "AAA=")


def test_derived_keys_differ_by_purpose_and_by_key() -> None:
    derived = {
        SecretBox([NEW]).derive("cursors"),
        SecretBox([NEW]).derive("mail"),
        SecretBox([OLD]).derive("cursors"),
    }
    assert len(derived) == 3
    assert SecretBox([NEW]).derive("cursors") == SecretBox([NEW, OLD]).derive("cursors")


def test_an_embedded_gateway_makes_its_key_once(tmp_path: Path) -> None:
    first = load_secrets(keyless(tmp_path))
    file = tmp_path / KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [KEY_FILE]
    assert load_secrets(keyless(tmp_path)).decrypt(first.encrypt("x")) == "x"


def test_processes_that_race_for_the_first_key_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: load_secrets(keyless(tmp_path)), range(8)))
    assert len({box.derive("cursors") for box in boxes}) == 1


def test_with_postgresql_a_missing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="EZTO_SECRET_KEY is not set"):
        load_secrets(keyless(tmp_path, database_url="postgres://localhost/x"))
    assert not (tmp_path / KEY_FILE).exists()


@pytest.mark.parametrize("key", ["short", "A" * 100, "ä" * 44])
def test_a_malformed_key_is_refused_without_showing_it(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match="EZTO_SECRET_KEY does not hold a key") as refusal:
        load_secrets(settings_for(tmp_path, secret_key=SecretStr(key)))
    assert key not in str(refusal.value)


def test_several_keys_come_from_one_setting(tmp_path: Path) -> None:
    setting = SecretStr(f"{NEW.decode()} , {OLD.decode()},")
    box = load_secrets(settings_for(tmp_path, secret_key=setting))
    assert box.decrypt(SecretBox([OLD]).encrypt("x")) == "x"


def test_an_empty_key_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).touch()
    with pytest.raises(SettingsError, match=KEY_FILE):
        load_secrets(keyless(tmp_path))
