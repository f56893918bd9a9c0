"""A client with one connection of its own, beside those of its database."""

import importlib
from collections.abc import Mapping
from typing import Any, cast

from tortoise.backends.base.client import BaseDBAsyncClient

SETTINGS: dict[str, dict[str, Any]] = {
    "sqlite": {"foreign_keys": "OFF", "temp_store": "FILE", "cache_size": -8_000},
    "asyncpg": {
        "minsize": 1,
        "maxsize": 1,
        "max_inactive_connection_lifetime": 0,
        "server_settings": {
            "application_name": "ezto-gateway aside",
            "jit": "off",
            "plan_cache_mode": "force_custom_plan",
        },
    },
}
"""What differs, by engine: one connection that stays open, its temporary tables in files."""


def client_aside(connection: Mapping[str, Any]) -> BaseDBAsyncClient:
    """Return a client like the one of a configured connection, not connected yet.

    Args:
        connection: engine and credentials, as Tortoise's configuration has them.
    """
    engine = connection["engine"]
    settings = SETTINGS[engine.rpartition(".")[2]]
    credentials = {**connection["credentials"], **settings, "connection_name": "aside"}
    module = importlib.import_module(engine)
    return cast(BaseDBAsyncClient, module.client_class(**credentials))
