"""Passwords: kept as Argon2id only (RFC 9106), computed outside of the event loop."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's smallest parameters: writes wait for the hash inside their transaction."""


async def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def same_password(stored: str | None, password: str) -> bool:
    """Return whether a password is the one that was hashed."""
    if stored is None:
        return False
    try:
        return await asyncio.to_thread(_HASHER.verify, stored, password)
    except (VerificationError, InvalidHashError):
        return False
