"""Where sign-in and Graph are, and how a local stand-in is reached instead.

Requests always name Microsoft's hosts, because msal refuses an ``http://`` authority and Graph's
links name its own host. When a connection's settings point elsewhere, a transport sends those
requests there, ``Host`` header kept. Source: Microsoft Graph: national cloud deployments.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from azure_adapter.graph.outgoing import WriteRefused, check_outgoing

LOGIN_URL: Final = "https://login.microsoftonline.com"
"""Microsoft identity platform, global cloud."""

GRAPH_URL: Final = "https://graph.microsoft.com"
"""Microsoft Graph, global cloud."""

_HOST: Final = re.compile(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+")

CLOUDS: Final[Mapping[str, str]] = {
    GRAPH_URL: LOGIN_URL,
    "https://graph.microsoft.us": "https://login.microsoftonline.us",
    "https://dod-graph.microsoft.us": "https://login.microsoftonline.us",
    "https://microsoftgraph.chinacloudapi.cn": "https://login.partner.microsoftonline.cn",
}
"""Sign-in by Graph URL of every cloud. Source: Microsoft Graph: national cloud deployments."""


CLOUD_NAMES: Final[Mapping[str, str]] = {
    "global": GRAPH_URL,
    "us-government": "https://graph.microsoft.us",
    "us-government-dod": "https://dod-graph.microsoft.us",
    "china": "https://microsoftgraph.chinacloudapi.cn",
}
"""Graph URL by the name that an administrator gives. Source: national cloud deployments."""


@dataclass(frozen=True, slots=True)
class GraphEndpoints:
    """The addresses of one connection.

    Attributes:
        login_url: Microsoft's sign-in, as requests name it.
        graph_url: Microsoft's Graph, as requests name it.
        reroutes: URL that is really contacted, by host name; empty in production.
    """

    login_url: str = LOGIN_URL
    graph_url: str = GRAPH_URL
    reroutes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_settings(
        cls, authority_url: str = LOGIN_URL, graph_url: str = GRAPH_URL
    ) -> GraphEndpoints:
        """Read the settings ``authority_url`` and ``graph_url`` of a connection.

        URLs of a Microsoft cloud are used as they are; any other is a stand-in to which the
        global cloud's requests are sent.

        Raises:
            ValueError: a URL that is none, plain http that leaves this machine, or the sign-in
                of one cloud with the Graph of another.
        """
        login, graph = _base(authority_url, "authority_url"), _base(graph_url, "graph_url")
        named_login = login if login in CLOUDS.values() else LOGIN_URL
        named_graph = graph if graph in CLOUDS else GRAPH_URL
        if CLOUDS[named_graph] != named_login:
            raise ValueError(
                f"authority_url {login} and graph_url {graph} belong to different Microsoft "
                f"clouds; with this graph_url the authority_url is {CLOUDS[named_graph]}"
            )
        pairs = ((named_login, login), (named_graph, graph))
        reroutes = {httpx.URL(named).host: real for named, real in pairs if named != real}
        return cls(named_login, named_graph, reroutes)

    @classmethod
    def of_cloud(cls, name: str) -> GraphEndpoints:
        """Return the addresses of a Microsoft cloud by its name in ``CLOUD_NAMES``.

        Raises:
            ValueError: there is no such cloud; the message names those there are.
        """
        graph = CLOUD_NAMES.get(name.lower())
        if graph is None:
            raise ValueError(f"there is no cloud {name!r}; known: {', '.join(CLOUD_NAMES)}")
        return cls(CLOUDS[graph], graph)

    @property
    def cloud(self) -> str:
        """The name of the cloud."""
        return next(name for name, url in CLOUD_NAMES.items() if url == self.graph_url)

    def browser_url(self, url: str) -> str:
        """Return a URL as a browser on this machine reaches it; unchanged in production."""
        parsed = httpx.URL(url)
        base = self.reroutes.get(parsed.host)
        if base is None:
            return url
        real = httpx.URL(base)
        moved = parsed.copy_with(scheme=real.scheme, host=real.host, port=real.port)
        return str(moved)

    @property
    def scope(self) -> str:
        """The scope of application permissions on Graph."""
        return f"{self.graph_url}/.default"

    def owns(self, url: str) -> bool:
        """Say whether a URL is on this Graph, so that the token may be sent there."""
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError):
            return False
        expected = httpx.URL(self.graph_url)
        return (parsed.scheme, parsed.host, parsed.port, parsed.userinfo) == (
            expected.scheme,
            expected.host,
            expected.port,
            b"",
        )

    def http(self, timeout: float) -> httpx.AsyncClient:
        """Open the HTTP client for Graph; it sends only reads and follows no redirects."""
        transport = Reroute(self.reroutes) if self.reroutes else None
        hooks = {"request": [_only_reads]}
        return httpx.AsyncClient(timeout=timeout, transport=transport, event_hooks=hooks)

    def login_http(self, timeout: float) -> httpx.Client:
        """Open the blocking HTTP client for signing in; it follows no redirects."""
        transport = BlockingReroute(self.reroutes) if self.reroutes else None
        return httpx.Client(timeout=timeout, transport=transport)


async def _only_reads(request: httpx.Request) -> None:
    """Let nothing but reads leave for Graph, whoever holds the client."""
    try:
        content = request.content
    except httpx.RequestNotRead:
        raise WriteRefused(f"refused to stream to {request.url.path}") from None
    check_outgoing(request.method, str(request.url), content)


class Reroute(httpx.AsyncHTTPTransport):
    """Sends requests for certain hosts to another base URL, ``Host`` header kept."""

    def __init__(self, reroutes: Mapping[str, str]) -> None:
        super().__init__()
        self._reroutes = reroutes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        return await super().handle_async_request(_rerouted(request, self._reroutes))


class BlockingReroute(httpx.HTTPTransport):
    """The same for blocking clients."""

    def __init__(self, reroutes: Mapping[str, str]) -> None:
        super().__init__()
        self._reroutes = reroutes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        return super().handle_request(_rerouted(request, self._reroutes))


def _rerouted(request: httpx.Request, reroutes: Mapping[str, str]) -> httpx.Request:
    base = reroutes.get(request.url.host)
    if base is None:
        return request
    real = httpx.URL(base)
    return httpx.Request(
        request.method,
        request.url.copy_with(scheme=real.scheme, host=real.host, port=real.port),
        headers=request.headers,
        stream=request.stream,
        extensions=request.extensions,
    )


def _base(text: str, setting: str) -> str:
    """Check a base URL and return it without the closing slash."""
    try:
        url = httpx.URL(text.strip().rstrip("/"))
    except httpx.InvalidURL as error:
        raise ValueError(f"{setting} is not a URL: {text!r}") from error
    if url.scheme not in ("http", "https") or _HOST.fullmatch(url.host) is None:
        raise ValueError(f"{setting} is not a URL that begins with https://: {text!r}")
    if url.path.strip("/") or url.query or url.fragment or url.userinfo:
        raise ValueError(f"{setting} is a scheme and host only, such as {GRAPH_URL}")
    if url.scheme == "http" and not is_loopback(url.host):
        raise ValueError(f"{setting} must be https: plain http is only for this machine: {text!r}")
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def is_loopback(host: str) -> bool:
    """Say whether a host name is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
