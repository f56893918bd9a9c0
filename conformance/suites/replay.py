"""Suites that are data files."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources

from conformance.outcome import Outcome
from conformance.replay import interpreter
from conformance.replay.scenario import Collection, load
from conformance.server import Server


@dataclass(frozen=True)
class ReplaySuite:
    """The scenarios of one data file."""

    collection: Collection

    @property
    def name(self) -> str:
        """What ``--suite`` calls it."""
        return self.collection.name

    @property
    def title(self) -> str:
        """What it tests."""
        return self.collection.title

    @cached_property
    def size(self) -> str:
        """How many checks it has."""
        return str(len(self.collection.scenarios))

    def run(self, server: Server) -> Iterator[Outcome]:
        """Carry out the scenarios, with the token of the file's profile if there is one."""
        for each in self.collection.scenarios:
            yield interpreter.run(each, server, self.collection.profile)


def replay_suites(folder: str) -> list[ReplaySuite]:
    """The suites of a folder of data files, in the order of the files' names."""
    files = (resources.files("conformance") / folder).iterdir()
    chosen = sorted((each for each in files if each.name.endswith(".json")), key=lambda f: f.name)
    return [ReplaySuite(load(each)) for each in chosen]
