"""The state of a simulator as a JSON document, written and read line by line.

The document is JSON as a whole; its first line holds what is small, then every record has a line
of its own, so that neither writing nor reading holds more than one. Version 1 records::

    ["tenant", {...}]                     begins a tenant
    ["object", {...}]                     an object, in order of creation within its kind
    ["purged", kind, id]                  an object that is gone for good
    ["change", kind, op, id, detail]      a record of the change log, oldest first
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.directory_state import uncollected
from azure_adapter.simulator.grants import SignIn
from azure_adapter.simulator.model import MISSING, Change, Entry, Op
from azure_adapter.simulator.registrations import Installation, Registration, Secret
from azure_adapter.simulator.state import Simulator

FORMAT: Final = "ezto-azure-simulator"
VERSION: Final = 1
_END: Final = b"]}"
_UNIQUE: Final = frozenset(
    {"displayName", "employeeId", "mail", "mailNickname", "mobilePhone", "userPrincipalName"}
)
_FLAGS: Final = (
    "mfa",
    "member_read_hidden",
    "purge_tells_groups",
    "soft_delete_tells_groups",
    "delta_epoch",
)


class StateError(ValueError):
    """A document that is no saved state, or one of another version."""


@dataclass(slots=True)
class Saved:
    """What a document holds.

    Attributes:
        directories: The tenants.
        settings: Values of ``Settings``.
        refresh_tokens: Refresh tokens and what they stand for.
    """

    directories: list[Directory] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    refresh_tokens: list[tuple[str, SignIn]] = field(default_factory=list)


def save(simulator: Simulator, path: Path) -> None:
    """Write a simulator's state into a file, readable by its owner: it holds secrets.

    An existing file is replaced only when the new one is complete.
    """
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with draft.open("wb") as file:
        file.writelines(document(simulator))
    draft.replace(path)


def load(path: Path, *, clock: Callable[[], float] = time.time) -> Saved:
    """Read a state from a file.

    Raises:
        StateError: It holds none.
        OSError: It cannot be read.
    """
    with path.open("rb") as file, uncollected():
        return parse(file, clock=clock)


def document(simulator: Simulator) -> Iterator[bytes]:
    """Yield the lines of the document."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "settings": dataclasses.asdict(simulator.settings),
        "apps": [dataclasses.asdict(one) for one in _apps(simulator).values()],
        "refreshTokens": [
            [token, dataclasses.asdict(one)] for token, one in simulator.refresh_tokens.saved()
        ],
    }
    yield orjson.dumps(head)[:-1] + b',"records":['
    first = True
    for directory in simulator.directories.values():
        for record in _records(directory):
            yield (b"\n" if first else b",\n") + orjson.dumps(record)
            first = False
    yield b"\n" + _END + b"\n"


def parse(lines: Iterable[bytes], *, clock: Callable[[], float] = time.time) -> Saved:
    """Read a state from the lines of a document.

    Raises:
        StateError: They hold none.
    """
    reading, numbered = iter(lines), 1
    try:
        head = orjson.loads(next(reading, b"").rstrip() + _END)
        loader = _Loader(head, clock)
        for line in reading:
            numbered += 1
            text = line.strip()
            if text == _END:
                return loader.finish()
            loader.take(orjson.loads(text.removesuffix(b",")))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, StateError):
            raise
        raise StateError(f"line {numbered} is no part of a saved state") from error
    raise StateError("the saved state ends too early")


def _apps(simulator: Simulator) -> dict[str, Registration]:
    return {
        one.app.client_id.lower(): one.app
        for directory in simulator.directories.values()
        for one in directory.installations.values()
    }


def _records(directory: Directory) -> Iterator[list[Any]]:
    yield ["tenant", _tenant(directory)]
    for kind in directory.kinds():
        for object_id in directory.ids_of(kind):
            entry = directory.get(object_id)
            yield ["purged", kind, object_id] if entry is None else ["object", _entry(entry)]
    for change in directory.changes_between(directory.oldest_position, directory.position):
        yield ["change", change.kind, int(change.op), change.id, _detail(change)]


def _tenant(directory: Directory) -> dict[str, Any]:
    installations = [
        {
            "client_id": one.app.client_id,
            "roles": one.roles,
            "scopes": one.scopes,
            "consents": {user: sorted(names) for user, names in one.consents.items()},
        }
        for one in directory.installations.values()
    ]
    return {
        "tenant_id": directory.tenant_id,
        "domain": directory.domain,
        "display_name": directory.display_name,
        "seed": directory.seed,
        "admins": sorted(directory.admins),
        "installations": installations,
        "inner": directory.inner_state(),
        **{name: getattr(directory, name) for name in _FLAGS},
    }


def _entry(entry: Entry) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": entry.kind, "id": entry.id, "attrs": entry.attrs}
    if entry.members:
        record["members"] = list(entry.members.items())
    if entry.manager is not None:
        record["manager"] = entry.manager
    if entry.deleted is not None:
        record["deleted"] = entry.deleted
    return record


def _entry_from(record: dict[str, Any]) -> Entry:
    entry = Entry(record["kind"], record["id"], record["attrs"])
    if entry.members is not None:
        entry.members.update(record.get("members", ()))
    entry.manager, entry.deleted = record.get("manager"), record.get("deleted")
    return entry


def _detail(change: Change) -> Any:
    if change.op is Op.UPDATED:
        known = {name: old for name, old in change.detail.items() if old is not MISSING}
        return [known, [name for name in change.detail if name not in known]]
    if change.op is Op.PURGED:
        return [_entry(change.detail[0]), change.detail[1]]
    return change.detail


def _detail_from(op: Op, detail: Any) -> Any:
    if op is Op.UPDATED:
        return {**detail[0], **dict.fromkeys(detail[1], MISSING)}
    if op is Op.PURGED:
        return _entry_from(detail[0]), detail[1]
    return tuple(detail) if op is Op.MEMBER else detail


class _Loader:
    def __init__(self, head: dict[str, Any], clock: Callable[[], float]) -> None:
        if head.get("format") != FORMAT:
            raise StateError("this is no saved state of the simulator")
        if head.get("version") != VERSION:
            raise StateError(f"version {head.get('version')} is not known, only {VERSION}")
        self._clock = clock
        self._apps = {one["client_id"].lower(): _registration(one) for one in head["apps"]}
        tokens = [(token, _sign_in(one)) for token, one in head["refreshTokens"]]
        self._saved = Saved([], head["settings"], tokens)
        self._log: list[Change] = []
        self._values: dict[str, str] = {}

    def take(self, record: list[Any]) -> None:
        what, *rest = record
        if what == "tenant":
            self._close()
            self._saved.directories.append(self._directory(*rest))
        elif what == "object":
            self._saved.directories[-1].take_entry(self._shared(_entry_from(*rest)))
        elif what == "purged":
            self._saved.directories[-1].ids_of(rest[0]).append(rest[1])
        elif what == "change":
            kind, op, object_id, detail = rest
            self._log.append(Change(kind, Op(op), object_id, _detail_from(Op(op), detail)))
        else:
            raise StateError(f"there is no record {what!r}")

    def _shared(self, entry: Entry) -> Entry:
        """Let objects share equal values: directories say the same things again and again."""
        attrs, known = entry.attrs, self._values
        for name, value in attrs.items():
            if isinstance(value, str) and name not in _UNIQUE:
                attrs[name] = known.setdefault(value, value)
        return entry

    def finish(self) -> Saved:
        self._close()
        return self._saved

    def _close(self) -> None:
        if self._saved.directories:
            self._saved.directories[-1].take_log(self._log)
            self._log = []

    def _directory(self, record: dict[str, Any]) -> Directory:
        installed = record["installations"]
        directory = Directory(
            record["tenant_id"],
            seed=record["seed"],
            domain=record["domain"],
            display_name=record["display_name"],
            clock=self._clock,
            app=self._apps[installed[0]["client_id"].lower()],
        )
        directory.installations = {
            one["client_id"].lower(): Installation(
                self._apps[one["client_id"].lower()],
                one["roles"],
                one["scopes"],
                {user: set(names) for user, names in one["consents"].items()},
            )
            for one in installed
        }
        directory.admins = set(record["admins"])
        for name in _FLAGS:
            setattr(directory, name, record[name])
        directory.take_inner_state(record["inner"])
        return directory


def _registration(record: dict[str, Any]) -> Registration:
    secrets = [Secret(**one) for one in record["secrets"]]
    scopes, roles = tuple(record["scopes"]), tuple(record["roles"])
    return Registration(**{**record, "secrets": secrets, "scopes": scopes, "roles": roles})


def _sign_in(record: dict[str, Any]) -> SignIn:
    return SignIn(**{**record, "scopes": tuple(record["scopes"])})
