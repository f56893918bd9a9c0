"""One server process at a time on an embedded database."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.settings import PREFIX, Settings, SettingsError

LOCK_FILE = "server.lock"


@contextmanager
def only_server(settings: Settings) -> Iterator[None]:
    """Be the one server process of an embedded database inside of the block.

    With PostgreSQL there may be any number.

    Raises:
        SettingsError: another server process runs.
    """
    if not settings.embedded:
        yield
        return
    with (settings.make_data_dir() / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SettingsError(
                f"Another server process works in {settings.data_dir}. An embedded database has "
                "one server process, which does everything: stop the other one, or use PostgreSQL "
                f"({PREFIX}DATABASE_URL) to run several."
            ) from None
        yield
