"""Shared by the sign-in tests: authorization requests by hand, msal over the wire, certificates."""

from __future__ import annotations

import base64
import datetime
import functools
import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import httpx
import msal
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from azure_adapter.simulator import Directory
from tests.simulator.support import LOGIN, Wire

REDIRECT = "http://localhost:8080/callback"
VERIFIER = "v" * 43
SCOPE = "https://graph.microsoft.com/User.Read.All offline_access openid profile"


def challenge(verifier: str = VERIFIER) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def authorize_url(directory: Directory, tenant: str | None = None, **changed: str | None) -> str:
    params: dict[str, str | None] = {
        "client_id": directory.client_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": SCOPE,
        "state": "state-1",
        "nonce": "nonce-1",
        "client_info": "1",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
        **changed,
    }
    query = urlencode({name: value for name, value in params.items() if value is not None})
    return f"{LOGIN}/{tenant or directory.tenant_id}/oauth2/v2.0/authorize?{query}"


def redeem(wire: Wire, code: str, **changed: str) -> httpx.Response:
    directory = wire.directory
    form = {
        "grant_type": "authorization_code",
        "client_id": directory.client_id,
        "client_secret": directory.client_secret,
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        "client_info": "1",
    }
    return wire.send("POST", token_url(directory), data={**form, **changed})


def refresh(wire: Wire, token: str, **changed: str) -> httpx.Response:
    directory = wire.directory
    form = {
        "grant_type": "refresh_token",
        "client_id": directory.client_id,
        "client_secret": directory.client_secret,
        "refresh_token": token,
        "scope": SCOPE,
    }
    return wire.send("POST", token_url(directory), data={**form, **changed})


def token_url(directory: Directory) -> str:
    return f"{LOGIN}/{directory.tenant_id}/oauth2/v2.0/token"


def code_for(wire: Wire, **changed: str | None) -> str:
    """Get a code without a browser."""
    wire.simulator.settings.unattended = "accept"
    answer = wire.send("GET", authorize_url(wire.directory, **changed))
    wire.simulator.settings.unattended = None
    location = httpx.URL(answer.headers["location"])
    return str(location.params["code"])


def tokens_for(wire: Wire, **changed: str | None) -> dict[str, Any]:
    answer = redeem(wire, code_for(wire, **changed))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return decoded


class WireHttp:
    """What msal wants of an HTTP client, over the in-process wire, under Microsoft's own URLs."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.asked: list[str] = []

    def get(self, url: str, *, params: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        self.asked.append(url)
        return self._wire.send("GET", url, params=params, headers=headers)

    def post(self, url: str, *, data: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        self.asked.append(url)
        form = {k: v.decode() if isinstance(v, bytes) else v for k, v in (data or {}).items()}
        return self._wire.send("POST", url, data=form, headers=headers)

    def close(self) -> None:
        pass


def msal_app(wire: Wire, tenant: str | None = None, credential: Any = None) -> Any:
    directory = wire.directory
    return msal.ConfidentialClientApplication(
        directory.client_id,
        client_credential=credential or directory.client_secret,
        authority=f"{LOGIN}/{tenant or directory.tenant_id}",
        http_client=WireHttp(wire),
    )


@functools.cache
def certificate(days: int = 30) -> tuple[str, str]:
    """Make a key and a self-signed certificate, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {days}")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=60))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode(), made.public_bytes(serialization.Encoding.PEM).decode()
