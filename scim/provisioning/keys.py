"""The folded form in which userName and e-mail addresses are compared."""

from typing import Any

from scim2_models import Path, User, default_comparison_key

_USER_NAME = Path[User[Any]]("userName").resolve()


def comparison_key(value: str) -> str:
    """Return the form of a case-insensitive string that comparisons use (NFC, lower, NFC).

    It is scim2-models' own, so that matching, uniqueness and filters agree. ``str.casefold`` is
    another folding: it would take ``straße`` and ``STRASSE`` for the same account.
    """
    return default_comparison_key(_USER_NAME, value)
