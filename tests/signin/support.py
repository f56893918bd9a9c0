"""Shared by the sign-in tests: a simulated identity platform, a browser, a gateway."""

from __future__ import annotations

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from azure_adapter.graph import (
    ClientCredentials,
    GraphEndpoints,
    SignedIn,
    StartedLogin,
    finish_login,
    start_login,
)
from azure_adapter.simulator import Directory, Simulator, SimulatorServer, create_app
from tests.graph.support import FakeTime

REDIRECT = "http://localhost:8400/callback"


@dataclass
class Platform:
    """A served identity platform and what signs in there."""

    directory: Directory
    simulator: Simulator
    url: str
    endpoints: GraphEndpoints
    time: FakeTime

    def app(self, tenant: str | None = None, secret: str | None = None) -> ClientCredentials:
        one = self.directory
        return ClientCredentials(
            one.tenant_id if tenant is None else tenant,
            one.client_id,
            one.client_secret if secret is None else secret,
        )

    async def start(self, tenant: str | None = None) -> StartedLogin:
        return await start_login(
            self.app(tenant), REDIRECT, endpoints=self.endpoints, pace=self.time.pace()
        )

    async def browse(self, url: str) -> dict[str, str]:
        return await browse(self.endpoints.browser_url(url))

    async def finish(
        self, started: StartedLogin, query: dict[str, str], tenant: str | None = None
    ) -> SignedIn:
        return await finish_login(
            self.app(tenant),
            started.flow,
            query,
            endpoints=self.endpoints,
            pace=self.time.pace(),
        )

    async def login(self, tenant: str | None = None) -> SignedIn:
        started = await self.start(tenant)
        return await self.finish(started, await self.browse(started.url), tenant)


async def browse(url: str) -> dict[str, str]:
    """Open a page of the unattended platform; returns what it sends the browser back with."""
    async with httpx.AsyncClient() as http:
        answer = await http.get(url)
    assert answer.status_code == 302, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


@asynccontextmanager
async def platform(*directories: Directory, unattended: str = "accept") -> AsyncIterator[Platform]:
    tenants = directories or (Directory(seed=1),)
    app = create_app(list(tenants), unattended=unattended)
    async with SimulatorServer(app) as server:
        endpoints = GraphEndpoints.from_settings(server.url, server.url)
        yield Platform(tenants[0], app.state.simulator, server.url, endpoints, FakeTime())


def make_certificate(name: str = "gateway", passphrase: str = "") -> tuple[str, str]:
    """Return a private key and its self-signed certificate, PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .sign(key, SHA256())
    )
    hidden = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)
    return private.decode(), certificate.public_bytes(Encoding.PEM).decode()
