"""``ezto-gateway demo``: the main job end to end, on this machine alone.

A simulated Entra directory is synced through SCIM into the user store and served; then the
directory changes, and the next sync brings what changed.
"""

import fcntl
import random
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from azure_adapter.simulator import Directory, GeneratorOptions, churn, create_app, generate
from azure_adapter.sync.config import Enrollment
from azure_adapter.sync.summary import summary
from gateway.cli.changes import told
from gateway.cli.console import FAILED, say, say_json, tell
from gateway.cli.plans import plan_rows, say_failures, say_summary
from gateway.cli.progress import RunDisplay
from gateway.cli.runs import EXIT_STATUS
from gateway.cli.setup import load_settings
from gateway.connections import NewConnection
from gateway.secrets import KEY_FILE
from gateway.server import PortTakenError, bind, run, serving, until_stopped, url_of
from gateway.settings import DATABASE_FILE, Settings
from gateway.wiring import MAIL_DIRECTORY, Gateway
from scim.provisioning.records import RunRecord, UniqueField

LINES_SHOWN = 12
"""How many of the changes that a sync brought are listed."""

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What was typed."""

    users: int
    groups: int
    seed: int
    port: int
    once: bool
    as_json: bool


def demo(
    users: Annotated[int, typer.Option(min=1, help="How many users the directory has.")] = 500,
    groups: Annotated[int, typer.Option(min=0, help="How many groups it has.")] = 40,
    seed: Annotated[int, typer.Option(help="One seed always gives the same directory.")] = 1,
    port: Annotated[int, typer.Option(help="Port of the gateway; a free one if taken.")] = 8080,
    once: Annotated[bool, typer.Option("--once", help="End after the second sync.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Sync a simulated Entra directory, change it, sync again, and serve the result."""
    raise typer.Exit(run(_demo(DemoOptions(users, groups, seed, port, once, as_json))))


async def _demo(options: DemoOptions) -> int:
    settings = load_settings()
    directory = generate(
        Directory(seed=options.seed),
        GeneratorOptions(users=options.users, groups=options.groups),
    )
    with _own_directory(settings.make_data_dir()) as place, closing(_bound(options.port)) as bound:
        return await _show(directory, options, _embedded(settings, place, url_of(bound)), bound)


async def _show(
    directory: Directory, options: DemoOptions, settings: Settings, bound: socket.socket
) -> int:
    async with (
        serving(create_app(directory), bind(HOST, 0)) as simulator_url,
        Gateway.open(settings) as gateway,
        serving(gateway.app(), bound) as url,
    ):
        show = Demonstration(gateway, directory, options, url, simulator_url)
        status = await show.run()
        if not options.once and status != FAILED:
            tell("Serving until Ctrl-C.")
            await until_stopped()
    return status


@dataclass(frozen=True, slots=True)
class Demonstration:
    """The demo, once everything is up.

    Attributes:
        gateway: the gateway, served at ``url``.
        directory: the simulated directory.
        options: what was typed.
        url: where the gateway is.
        simulator_url: where the simulator is.
    """

    gateway: Gateway
    directory: Directory
    options: DemoOptions
    url: str
    simulator_url: str

    async def run(self) -> int:
        """Sync, change, sync again; returns the exit status."""
        sync_id = await self._connect()
        token = await self.gateway.create_token(
            "default", "demo", read_only=True, replace_oldest=True
        )
        self._say(f"Simulated Entra directory at {self.simulator_url}, gateway at {self.url}.")
        counts = self.directory.counts()
        self._say(f"The directory has {counts['users']} users and {counts['groups']} groups.")
        self._say()
        first = await self._sync(sync_id)
        self._say()
        changes = self._change()
        self._say()
        second = await self._sync(sync_id)
        await self._say_changes(sync_id, second)
        self._say()
        curl = self._curl(token)
        self._say_farewell(curl)
        if self.options.as_json:
            say_json(self._document(sync_id, first, second, changes, curl))
        ended = {EXIT_STATUS.get(each.status, FAILED) for each in (first, second)}
        return FAILED if FAILED in ended else 0

    async def _connect(self) -> str:
        return await self.gateway.create_connection(
            NewConnection(
                name=self.directory.display_name,
                azure_tenant=self.directory.tenant_id,
                client_id=self.directory.client_id,
                client_secret=self.directory.client_secret,
                unique_field=UniqueField.username,
                enrollment=Enrollment.trust_email,
                authority_url=self.simulator_url,
                graph_url=self.simulator_url,
            )
        )

    async def _sync(self, sync_id: str) -> RunRecord:
        with RunDisplay(quiet=self.options.as_json) as display:
            record = await self.gateway.run_sync(sync_id, trigger="demo", progress=display.show)
        if not self.options.as_json:
            say_summary(self.directory.display_name, record)
            await say_failures(self.gateway, record)
        return record

    def _change(self) -> list[str]:
        """Change the directory, by about a twentieth of its users."""
        chance = random.Random(f"demo:{self.options.seed}")  # noqa: S311
        amount = max(10, min(200, self.options.users // 20))
        sentences = list(churn(self.directory, chance, amount).sentences)
        self._say("The directory changes:")
        self._say_some([f"  {sentence}" for sentence in sentences])
        return sentences

    async def _say_changes(self, sync_id: str, record: RunRecord) -> None:
        rows = [row async for row in plan_rows(self.gateway, sync_id, record.id)]
        self._say("What the sync did:")
        self._say_some([f"  {line}" for line in told(rows)])

    def _curl(self, token: str) -> str:
        query = "count=2&attributes=userName,displayName,emails,active"
        return f"curl -sH 'Authorization: Bearer {token}' '{self.url}/scim/v2/Users?{query}'"

    def _say_farewell(self, curl: str) -> None:
        self._say(f"Report mails: {self.gateway.postman.directory}")
        if self.options.once:
            self._say("Without --once the gateway goes on serving, and a line like this works:")
        else:
            self._say("Look at the result:")
        self._say(f"  {curl}")

    def _document(
        self,
        sync_id: str,
        first: RunRecord,
        second: RunRecord,
        changes: list[str],
        curl: str,
    ) -> dict[str, Any]:
        return {
            "sync": sync_id,
            "first": summary(first),
            "changes": changes,
            "second": summary(second),
            "mails": str(self.gateway.postman.directory),
            "url": self.url,
            "curl": curl,
        }

    def _say(self, text: str = "") -> None:
        if not self.options.as_json:
            say(text)

    def _say_some(self, lines: Sequence[str]) -> None:
        for line in lines[:LINES_SHOWN]:
            self._say(line)
        if len(lines) > LINES_SHOWN:
            self._say(f"  … and {len(lines) - LINES_SHOWN} more")


def _bound(port: int) -> socket.socket:
    """Return a socket of a port, or of a free one if that is taken."""
    try:
        return bind(HOST, port)
    except PortTakenError:
        return bind(HOST, 0)


def _embedded(settings: Settings, directory: Path, url: str) -> Settings:
    """Return settings of an embedded gateway in a directory, whatever the environment says."""
    return Settings(
        data_dir=directory,
        log_level=settings.log_level,
        log_format=settings.log_format,
        database_url=None,
        secret_key=None,
        smtp_url=None,
        report_email=None,
        base_url=url,
    )


@contextmanager
def _own_directory(data_dir: Path) -> Iterator[Path]:
    """Yield ``demo`` in the data directory, emptied; another one while a demo runs in it."""
    place = (data_dir / "demo").absolute()
    place.mkdir(mode=0o700, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield Path(tempfile.mkdtemp(prefix="demo-", dir=data_dir.absolute()))
            return
        _empty(place)
        yield place


def _empty(directory: Path) -> None:
    """Remove what an earlier demo left, and nothing else."""
    for file in directory.glob(f"{DATABASE_FILE}*"):
        file.unlink()
    (directory / KEY_FILE).unlink(missing_ok=True)
    if (directory / MAIL_DIRECTORY).exists():
        shutil.rmtree(directory / MAIL_DIRECTORY)
