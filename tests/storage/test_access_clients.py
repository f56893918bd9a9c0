"""SCIM clients and tokens: only a hash is stored, and a token ends when it should."""

import asyncio
import hashlib
import re

import pytest

from storage.access import ScimClients, Workspaces
from storage.access.clients import TOKEN_LENGTH, USED_EVERY_US
from storage.database import Database


class Clock:
    now = 1_000_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clients(database: Database, clock: Clock) -> ScimClients:
    return ScimClients(database, clock=clock)


@pytest.fixture
def workspace(database: Database, runner: asyncio.Runner) -> int:
    return runner.run(Workspaces(database).ensure_default()).row_id


def test_a_token_names_its_client_and_what_it_may_do(
    clients: ScimClients, workspace: int, runner: asyncio.Runner
) -> None:
    text, token_id = runner.run(
        clients.create_token(workspace, "Entra", "entra", scopes=["read", "write"])
    )
    found = runner.run(clients.authenticate(text))
    assert found is not None
    (client,) = runner.run(clients.clients(workspace))
    assert (found.id, found.client_id, found.client_name) == (token_id, client.id, "Entra")
    assert (found.workspace, found.profile) == (workspace, "entra")
    assert found.scopes == {"read", "write"}


def test_only_the_hash_is_stored(
    clients: ScimClients, workspace: int, runner: asyncio.Runner, database: Database
) -> None:
    text, _ = runner.run(clients.create_token(workspace, "Okta"))
    assert re.fullmatch(r"ezto_[A-Za-z0-9_-]{43}", text)
    assert len(text) == TOKEN_LENGTH
    (row,) = runner.run(database.session.rows("SELECT * FROM scim_token"))
    assert row["token_hash"] == hashlib.sha256(text.encode()).hexdigest()
    assert text[5:] not in str(row)


def test_tokens_rotate_and_the_client_stays(
    clients: ScimClients, workspace: int, runner: asyncio.Runner
) -> None:
    old, old_id = runner.run(clients.create_token(workspace, "Entra", "entra"))
    new, _ = runner.run(clients.create_token(workspace, "Entra"))
    one, two = (runner.run(clients.authenticate(text)) for text in (old, new))
    assert one is not None
    assert two is not None
    assert (one.client_id, one.profile) == (two.client_id, two.profile)
    assert runner.run(clients.revoke(workspace, old_id))
    assert runner.run(clients.authenticate(old)) is None
    assert runner.run(clients.authenticate(new)) == two
    runner.run(clients.create_token(workspace, "Entra", "okta"))
    assert [each.profile for each in runner.run(clients.clients(workspace))] == ["okta"]


def test_a_revoked_token_is_worthless(
    clients: ScimClients, workspace: int, runner: asyncio.Runner, database: Database
) -> None:
    text, token_id = runner.run(clients.create_token(workspace, "Entra"))
    stranger = runner.run(Workspaces(database).ensure("other")).row_id
    assert not runner.run(clients.revoke(stranger, token_id))
    assert runner.run(clients.authenticate(text)) is not None
    assert runner.run(clients.revoke(workspace, token_id))
    assert not runner.run(clients.revoke(workspace, token_id))
    assert runner.run(clients.authenticate(text)) is None


def test_an_expired_token_is_worthless(
    clients: ScimClients, workspace: int, runner: asyncio.Runner, clock: Clock
) -> None:
    text, _ = runner.run(clients.create_token(workspace, "Entra", expires_at=clock.now + 1))
    assert runner.run(clients.authenticate(text)) is not None
    clock.now += 1
    assert runner.run(clients.authenticate(text)) is None


@pytest.mark.parametrize(
    "text", ["", "ezto_", "ezto_" + "A" * 43, "Bearer x", "ezto_\0" + "é" * 42]
)
def test_other_texts_are_no_tokens(
    clients: ScimClients, workspace: int, runner: asyncio.Runner, text: str
) -> None:
    runner.run(clients.create_token(workspace, "Entra"))
    assert runner.run(clients.authenticate(text)) is None


def test_last_use_is_written_once_a_minute(
    clients: ScimClients, workspace: int, runner: asyncio.Runner, clock: Clock
) -> None:
    text, _ = runner.run(clients.create_token(workspace, "Entra"))

    def used() -> int | None:
        runner.run(clients.authenticate(text))
        return runner.run(clients.list(workspace))[0].last_used_at

    first = clock.now
    assert used() == first
    clock.now += USED_EVERY_US - 1
    assert used() == first
    clock.now += 1
    assert used() == clock.now


def test_the_list_shows_the_newest_first_and_nothing_of_other_workspaces(
    clients: ScimClients, workspace: int, runner: asyncio.Runner, database: Database, clock: Clock
) -> None:
    other = runner.run(Workspaces(database).ensure("other")).row_id
    runner.run(clients.create_token(other, "Entra"))
    _, first = runner.run(clients.create_token(workspace, "Entra", scopes=["read"]))
    _, second = runner.run(clients.create_token(workspace, "Okta", expires_at=clock.now))
    listed = runner.run(clients.list(workspace))
    assert [each.id for each in listed] == [second, first]
    assert listed[1].scopes == {"read"}
    assert (listed[0].client_name, listed[0].expires_at) == ("Okta", clock.now)


@pytest.mark.parametrize("scopes", [[], ["admin"], ["read", "delete"]])
def test_unknown_scopes_are_refused(
    clients: ScimClients, workspace: int, runner: asyncio.Runner, scopes: list[str]
) -> None:
    with pytest.raises(ValueError, match="Use read or write"):
        runner.run(clients.create_token(workspace, "Entra", scopes=scopes))
