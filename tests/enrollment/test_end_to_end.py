"""A whole sync with a real mail server: the mail arrives, its link is opened, SCIM shows it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from azure_adapter.simulator import Directory, GeneratorOptions, create_app, generate
from gateway.connections import NewConnection
from gateway.mail.choice import MailKind
from gateway.mail.delivery import delivering
from scim.ezto import EZTO_USER_URN
from storage.database import Database
from storage.mail import MailStatus
from tests.databases import run_with
from tests.gateway.mailbox import Inbox, MailServer, link_in, parsed, started, text_of
from tests.gateway.support import LiveGateway, live_app, live_gateway, settings_for
from tests.sync.test_kill import Watcher, command, finish, kill_when

NOWHERE = "http://gateway.invalid"
OWN = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp(inbox: Inbox) -> Iterator[str]:
    with started(MailServer(inbox)) as port:
        yield f"smtp://127.0.0.1:{port}?starttls=never"


class Company:
    """A directory, a gateway that syncs it, and the mailboxes of its people."""

    def __init__(self, live: LiveGateway, directory: Directory, url: str, inbox: Inbox) -> None:
        self.live = live
        self.directory = directory
        self.inbox = inbox
        connection = NewConnection(
            name="Contoso",
            azure_tenant=directory.tenant_id,
            client_id=directory.client_id,
            client_secret=directory.client_secret,
            authority_url=url,
            graph_url=url,
            report_email="admin@example.com",
        )
        self.sync_id = live.do(live.gateway.create_connection(connection))
        self.scim = live.client()

    def join(self, name: str, **more: Any) -> str:
        address = f"{name}@contoso.com"
        return self.directory.add_user(
            userPrincipalName=address, displayName=name.title(), mail=address, **more
        )

    def sync(self) -> None:
        self.live.do(self.live.gateway.run_sync(self.sync_id, trigger="cli"))

    def enroll(self, kind: str) -> None:
        async def change() -> None:
            gateway = self.live.gateway
            room = await gateway.workspaces.ensure_default()
            await gateway.user_syncs.change(room.row_id, self.sync_id, enrollment=kind)

        self.live.do(change())

    def shown(self, name: str) -> tuple[Any, Any]:
        """Return emailVerified and inviteStatus, as SCIM shows them."""
        query = {"filter": f'userName eq "{name}@contoso.com"'}
        (user,) = self.scim.get("/Users", params=query).json()["Resources"]
        ezto = user[EZTO_USER_URN]
        return ezto.get("emailVerified"), ezto.get("inviteStatus")

    def invited(self) -> Counter[str]:
        """Return how many invitations arrived at each mailbox."""
        messages = [parsed(content) for _, content in self.inbox.messages]
        found = [each for each in messages if "invites you" in each["Subject"]]
        return Counter(str(each["To"]).partition("@")[0] for each in found)

    def open_link(self, name: str) -> str:
        """Open the newest link of a mailbox in a browser and press the button."""
        arrived = [parsed(content) for _, content in self.inbox.messages]
        mine = [each for each in arrived if each["To"] == f"{name}@contoso.com"]
        link = link_in(mine[-1]).replace(NOWHERE, self.live.url)
        assert httpx.get(link).status_code == 200
        return httpx.post(link, headers=OWN).text


@pytest.fixture
def company(database_url: str, tmp_path: Path, inbox: Inbox, smtp: str) -> Iterator[Company]:
    directory = Directory(seed=4)
    settings = settings_for(
        tmp_path, database_url, base_url=NOWHERE, smtp_url=SecretStr(smtp), organization="Contoso"
    )
    with live_app(create_app(directory)) as url, live_gateway(settings) as live:
        each = Company(live, directory, url, inbox)
        yield each
        each.scim.close()


def test_from_azure_to_a_verified_address(company: Company) -> None:
    company.join("ann")
    company.join("off", accountEnabled=False)
    company.sync()
    assert company.invited() == {"ann": 1}
    assert company.shown("ann") == (False, "sent")
    assert company.shown("off") == (None, None)
    assert "Your e-mail address is verified" in company.open_link("ann")
    assert company.shown("ann") == (True, "accepted")
    for _ in range(2):
        company.sync()
    assert company.invited() == {"ann": 1}
    assert company.shown("ann") == (True, "accepted")
    reports = [content for to, content in company.inbox.messages if to == ["admin@example.com"]]
    assert len(reports) == 3
    first = parsed(reports[0])
    assert "users 2 created" in first["Subject"]
    assert "Invitations: 1 sent." in text_of(first)
    (file,) = first.iter_attachments()
    assert b"ann@contoso.com" in file.get_payload(decode=True)  # type: ignore[operator]


def test_a_new_address_is_asked_again_and_who_is_enabled_is_asked_first_then(
    company: Company,
) -> None:
    ann, off = company.join("ann"), company.join("off", accountEnabled=False)
    company.sync()
    company.open_link("ann")
    company.directory.update_user(ann, mail="new@contoso.com", proxyAddresses=[])
    company.directory.update_user(off, accountEnabled=True)
    company.sync()
    assert company.shown("ann") == (False, "sent")
    assert company.invited() == {"ann": 1, "new": 1, "off": 1}
    assert "is verified" in company.open_link("new")
    assert company.shown("ann") == (True, "accepted")


def test_trust_email_verifies_and_sends_nothing(company: Company) -> None:
    company.enroll("trust_email")
    company.join("ann")
    company.sync()
    assert company.shown("ann") == (True, None)
    assert company.invited() == {}


def test_only_sync_does_nothing(company: Company) -> None:
    company.enroll("only_sync")
    company.join("ann")
    company.sync()
    assert company.shown("ann") == (None, None)
    assert company.invited() == {}


def test_a_person_who_comes_back_is_not_asked_again(company: Company) -> None:
    ann = company.join("ann")
    company.sync()
    company.open_link("ann")
    company.directory.delete_user(ann)
    company.sync()
    company.directory.restore_user(ann)
    company.sync()
    assert company.shown("ann") == (True, "accepted")
    assert company.invited() == {"ann": 1}


def test_killed_between_the_batch_and_the_mails_each_is_sent_once(
    database_url: str,
    tmp_path: Path,
    inbox: Inbox,
    smtp: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EZTO_SMTP_URL", smtp)
    monkeypatch.setenv("EZTO_BASE_URL", NOWHERE)
    directory = generate(Directory(seed=2), GeneratorOptions(users=60, groups=0))
    active = [
        user
        for user in directory.objects.values()
        if user.attrs.get("mail") and user.attrs.get("accountEnabled")
    ]
    with live_app(create_app(directory)) as simulator:
        sync_id = finish(command(database_url, tmp_path, *connect(directory, simulator)))
        run = ("sync", "run", sync_id)
        watcher = Waiting(database_url)
        assert kill_when(command(database_url, tmp_path, *run), lambda: watcher.queued() > 0)
        watcher.let_the_lease_run_out()
        assert watcher.queued() > 0
        watcher.close()
        finish(command(database_url, tmp_path, *run))
    sent = Counter(to for to, _ in map(invitation, inbox.messages) if to)
    assert set(sent.values()) == {1}
    assert len(sent) == len(active)
    assert run_with(database_url, open_links) == len(active)


def connect(directory: Directory, simulator: str) -> list[str]:
    return [
        *("connection", "create", "--name", "Contoso", "--unique-field", "username"),
        *("--azure-tenant", directory.tenant_id, "--client-id", directory.client_id),
        *("--client-secret", directory.client_secret),
        *("--authority-url", simulator, "--graph-url", simulator),
    ]


def invitation(arrived: tuple[list[str], bytes]) -> tuple[str, bytes]:
    """Return an arrived mail's recipient, "" if it is no invitation."""
    recipients, content = arrived
    return (recipients[0] if b"invites you" in content else ""), content


async def open_links(database: Database) -> int:
    sql = "SELECT COUNT(*) FROM invitation WHERE accepted_at IS NULL AND voided_at IS NULL"
    return int(await database.session.value(sql))


class Waiting(Watcher):
    """Looks at the mails that wait."""

    def queued(self) -> int:
        sql = "SELECT COUNT(*) FROM mail_outbox WHERE kind = ? AND status = ?"
        parameters = (MailKind.enrollment.value, MailStatus.queued.value)
        return int(self._runner.run(self._database.session.value(sql, parameters)))


def test_the_loop_of_a_server_delivers(company: Company) -> None:
    """What the server does every few seconds needs nobody who asks."""
    arrived = company.inbox.arrived

    async def delivered() -> bool:
        gateway = company.live.gateway
        room = await gateway.workspaces.ensure_default()
        await gateway.outbox.enqueue(room.row_id, "sync_report", "a@x.org", "S", "Subject: x\n\n")
        task = asyncio.create_task(delivering(gateway.postman, 0.01))
        try:
            return await asyncio.to_thread(arrived.wait, 30)
        finally:
            task.cancel()

    assert company.live.do(delivered())


def test_a_lost_sign_in_is_one_mail(company: Company) -> None:
    company.join("ann")
    company.sync()
    company.directory.secret_expired = True
    for _ in range(3):
        company.sync()
    subjects = [str(parsed(content)["Subject"]) for _, content in company.inbox.messages]
    assert subjects.count("Sync Contoso cannot sign in to Microsoft: reauthorize it") == 1
    assert not any("failed" in each for each in subjects)
