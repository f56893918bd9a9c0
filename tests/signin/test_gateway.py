"""The whole way: an administrator signs in from the command line, and syncs run with that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from azure_adapter.simulator import Directory
from gateway.secrets import SecretBox, UnreadableSecretError
from gateway.settings import SettingsError
from gateway.signin import KeptSecrets, gateway_registration
from gateway.wiring import Gateway
from tests.gateway.support import settings_for
from tests.graph.support import run
from tests.signin.commands import Served, created, sign_in, status_of
from tests.signin.conftest import Cli
from tests.signin.support import make_certificate


def stored(tmp_path: Path, database_url: str) -> str:
    """Everything that the database's files hold, as text."""
    folder = Path(database_url.removeprefix("sqlite://")).parent
    found = [one.read_bytes() for one in folder.iterdir() if one.is_file()]
    return b"".join(found).decode("latin-1")


def test_a_login_and_what_follows(
    cli: Cli,
    served: Served,
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    sqlite_url: str,
) -> None:
    url, simulator = served
    sync_id = created(cli, url)
    before = status_of(cli, sync_id)
    assert (before["state"], before["azure_tenant"]) == ("needs_login", "")
    assert before["reason"]
    status, _, err = cli("sync", "run", sync_id)
    assert status == 1
    assert f"connection login {sync_id}" in err

    status, said, seen = sign_in(cli, sync_id, monkeypatch, "?state=other&code=1", "")
    assert status == 0, said
    assert [one.status_code for one in seen] == [400, 400, 200]
    for shown in (directory.display_name, directory.tenant_id, "admin@", "User.Read.All"):
        assert shown in said
    after = status_of(cli, sync_id, "--check")
    assert (after["state"], after["reason"], after["works"]) == ("ready", "", True)
    assert after["azure_tenant"] == directory.tenant_id
    assert not after["own_registration"]
    assert cli("sync", "run", sync_id)[0] == 0

    simulator.tokens.revoke_all()
    simulator.refresh_tokens.revoke(directory)
    status, out, _ = cli("sync", "run", sync_id)
    assert status == 1
    assert "Reauthorize" in out
    lost = status_of(cli, sync_id)
    assert lost["state"] == "needs_login"
    assert "Reauthorize" in lost["reason"]
    _, history, _ = cli("sync", "history", sync_id, "--json")
    status, said, _ = sign_in(cli, sync_id, monkeypatch)
    assert status == 0, said
    assert status_of(cli, sync_id)["state"] == "ready"
    assert cli("sync", "run", sync_id)[0] == 0

    everything = stored(tmp_path, sqlite_url) + said + out + history
    assert directory.client_secret not in everything
    assert "eyJ0eXAi" not in everything
    assert "refresh_token" not in everything
    for token, _ in simulator.refresh_tokens.saved():
        assert token not in everything
    assert simulator.writes == []


def test_a_refused_login_changes_nothing(
    cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, simulator = served
    sync_id = created(cli, url)
    simulator.settings.unattended = "access_denied"
    status, said, seen = sign_in(cli, sync_id, monkeypatch)
    assert (status, seen[-1].status_code) == (1, 400)
    assert "did not consent" in said
    assert status_of(cli, sync_id)["state"] == "needs_login"


def test_an_own_registration_is_completed_later(
    cli: Cli, served: Served, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = served
    monkeypatch.delenv("EZTO_AZURE_CLIENT_ID")
    sync_id = created(cli, url, "--client-id", directory.client_id)
    assert status_of(cli, sync_id)["state"] == "setup_incomplete"
    status, _, err = cli("connection", "login", sync_id)
    assert status == 1
    assert "client secret" in err
    secret = ("--client-secret", directory.client_secret)
    assert cli("connection", "credential", sync_id, *secret)[0] == 0
    assert status_of(cli, sync_id)["state"] == "needs_login"
    status, said, _ = sign_in(cli, sync_id, monkeypatch)
    assert status == 0, said
    found = status_of(cli, sync_id)
    assert (found["state"], found["own_registration"]) == ("ready", True)


def test_an_application_with_a_certificate_and_the_consent_page(
    cli: Cli, served: Served, directory: Directory, tmp_path: Path
) -> None:
    url, _ = served
    key, pem = make_certificate()
    directory.installation.app.certificates.append(pem)
    file = tmp_path / "app.pem"
    file.write_text(key + pem)
    arguments = [
        *("connection", "create", "--name", "App", "--azure-tenant", directory.tenant_id),
        *("--client-id", directory.client_id, "--certificate", str(file)),
        *("--authority-url", url, "--graph-url", url),
    ]
    status, out, err = cli(*arguments)
    assert (status, err) == (0, "")
    sync_id = out.strip()
    assert status_of(cli, sync_id, "--check")["works"] is True
    _, out, _ = cli("connection", "status", sync_id)
    assert "the application" in out
    _, out, _ = cli("connection", "consent-url", sync_id)
    assert out.startswith(f"{url}/{directory.tenant_id}/v2.0/adminconsent?client_id=")
    file.write_text(pem)
    status, _, err = cli(*arguments[:3], "Other", *arguments[4:])
    assert status == 1
    assert "certificate" in err
    assert cli(*arguments, "--cloud", "moon")[0] == 2


def test_the_key_is_rotated(
    cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_url: str
) -> None:
    url, _ = served
    sync_id = created(cli, url)
    assert sign_in(cli, sync_id, monkeypatch)[0] == 0
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    import os

    first = os.environ["EZTO_SECRET_KEY"]
    monkeypatch.setenv("EZTO_SECRET_KEY", f"{new},{first}")
    assert cli("connection", "renew-secrets")[0] == 0
    monkeypatch.setenv("EZTO_SECRET_KEY", new)
    assert status_of(cli, sync_id, "--check")["works"] is True
    monkeypatch.setenv("EZTO_SECRET_KEY", old)
    status, _, err = cli("connection", "status", sync_id, "--check")
    assert status == 1
    assert "EZTO_SECRET_KEY" in err


def test_a_refreshed_cache_never_overwrites_a_newer_login(
    served: Served, directory: Directory, tmp_path: Path, sqlite_url: str
) -> None:
    async def main() -> None:
        async with Gateway.open(settings_for(tmp_path, sqlite_url)) as gateway:
            room = await gateway.workspaces.ensure_default()
            before = KeptSecrets(token_cache="old")
            sync_id = await gateway.user_syncs.create(
                room.row_id, "A", secrets=before.sealed(gateway.secrets)
            )
            record = await gateway.connection(sync_id)
            assert await gateway.sign_ins.keep_cache(record, before, "refreshed")
            newer = KeptSecrets(token_cache="of a newer login")
            await gateway.user_syncs.change(
                room.row_id, sync_id, secrets=newer.sealed(gateway.secrets)
            )
            stale = KeptSecrets(token_cache="refreshed")
            assert not await gateway.sign_ins.keep_cache(record, stale, "refreshed again")
            kept = await gateway.connection(sync_id)
            assert KeptSecrets.opened(kept.secrets, gateway.secrets) == newer
            flow = {"tenant": "t", "msal": {"code_verifier": "v"}}
            sealed = gateway.sign_ins.seal_flow(flow)
            assert "code_verifier" not in sealed
            assert gateway.sign_ins.open_flow(sealed) == flow

    run(main())


def test_secrets_are_opened_with_their_key_only() -> None:
    key, pem = make_certificate()
    from azure_adapter.graph import Certificate

    box = SecretBox([Fernet.generate_key()])
    kept = KeptSecrets("secret", Certificate(key, pem), "cache")
    sealed = kept.sealed(box)
    assert KeptSecrets.opened(sealed, box) == kept
    assert "secret" not in repr(kept)
    assert KeptSecrets().sealed(box) is None
    assert KeptSecrets.opened(None, box) == KeptSecrets()
    with pytest.raises(UnreadableSecretError):
        KeptSecrets.opened(sealed, SecretBox([Fernet.generate_key()]))


def test_the_gateway_s_own_registration(tmp_path: Path) -> None:
    key, pem = make_certificate()
    file = tmp_path / "own.pem"
    file.write_text(key + pem)

    def own(**changed: Any) -> Any:
        values = {"azure_client_id": "c", "azure_client_secret": None, **changed}
        return gateway_registration(settings_for(tmp_path, **values))

    assert own(azure_client_id=None) is None
    assert own(azure_client_secret="s").client_secret == "s"
    assert own(azure_certificate=file).certificate is not None
    file.write_text("nothing")
    for changed in (
        {},
        {"azure_client_secret": "s", "azure_certificate": file},
        {"azure_certificate": file},
        {"azure_certificate": tmp_path / "missing.pem"},
    ):
        with pytest.raises(SettingsError, match="EZTO_AZURE"):
            own(**changed)
