"""How a remote SCIM server is reached: URL, credential, and how hard it may be worked."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import httpx

from azure_adapter.graph.endpoints import is_loopback
from scim.provisioning.operations import MEMBERS_PER_PATCH

MOST_CONCURRENT: Final = 32
"""Requests at once at most; more than that no SCIM service takes kindly."""

_VISIBLE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A long-lived token of the remote server (RFC 6750).

    Attributes:
        value: the token; not in ``repr``.
    """

    value: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no header can hold.

        Raises:
            ValueError: without repeating the token.
        """
        if not _VISIBLE.fullmatch(self.value):
            raise ValueError("the token is empty, or has spaces or other odd characters in it")


class ClientAuthentication(StrEnum):
    """How the token endpoint is told who asks (RFC 6749 §2.3.1)."""

    basic = "client_secret_basic"
    """In the Authorization header; every authorization server must take it."""

    post = "client_secret_post"
    """In the form."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """A client that gets tokens for itself: OAuth 2.0 client credentials (RFC 6749 §4.4).

    Attributes:
        token_url: the token endpoint; https, or on this machine.
        client_id: its id.
        client_secret: its secret; not in ``repr``.
        scope: scopes to ask for, separated by spaces; "" asks for the server's default.
        audience: the ``audience`` parameter that some authorization servers want, or "".
        authentication: where id and secret are sent.
    """

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""
    audience: str = ""
    authentication: ClientAuthentication = ClientAuthentication.basic

    def __post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: naming what is wrong, without repeating the secret.
        """
        check_url(self.token_url, "token_url")
        if not self.client_id or not self.client_secret:
            raise ValueError("client_id and client_secret are both needed")


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """A remote SCIM server as one user sync uses it.

    Attributes:
        base_url: the SCIM root, below which ``/Users`` is; https, or on this machine.
        credential: what opens it.
        concurrency: requests at once at most, from 1 to 32. Order is kept where it matters.
        bulk: whether Bulk is used where the server offers it (RFC 7644 §3.7).
        members_per_patch: members that one PATCH adds or removes at most, from 1 to 1,000.
            Some servers take no more than 100.
    """

    base_url: str
    credential: BearerToken | OAuthClient
    concurrency: int = 4
    bulk: bool = True
    members_per_patch: int = MEMBERS_PER_PATCH

    def __post_init__(self) -> None:
        """Refuse what could never work.

        Raises:
            ValueError: naming the setting that is wrong and what it must be.
        """
        check_url(self.base_url, "base_url")
        if not 1 <= self.concurrency <= MOST_CONCURRENT:
            raise ValueError(f"concurrency must be from 1 to {MOST_CONCURRENT}")
        if not 1 <= self.members_per_patch <= MEMBERS_PER_PATCH:
            raise ValueError(f"members_per_patch must be from 1 to {MEMBERS_PER_PATCH}")

    @property
    def root(self) -> str:
        """The base URL without a slash at its end."""
        return self.base_url.strip().rstrip("/")


def check_url(text: str, setting: str) -> httpx.URL:
    """Return a URL to which a secret may be sent.

    Raises:
        ValueError: it is none, has a query or credentials in it, or is plain http to another
            machine; the message names the setting.
    """
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        raise ValueError(f"{setting} is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"{setting} is not a URL that begins with https://")
    if url.userinfo or url.query or url.fragment:
        raise ValueError(f"{setting} must have no user, password, query or fragment in it")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ValueError(f"{setting} must be https: plain http is only for this machine")
    return url
