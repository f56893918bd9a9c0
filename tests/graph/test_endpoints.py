"""Addresses, stand-ins, and where a token may go."""

from __future__ import annotations

import httpx
import pytest

from azure_adapter.graph import GRAPH_URL, LOGIN_URL, GraphEndpoints, WriteRefused
from tests.graph.support import run


def test_production_is_not_rerouted() -> None:
    endpoints = GraphEndpoints.from_settings()
    assert endpoints == GraphEndpoints(LOGIN_URL, GRAPH_URL, {})
    assert endpoints.scope == "https://graph.microsoft.com/.default"
    assert GraphEndpoints.from_settings(f"{LOGIN_URL}/ ", f"{GRAPH_URL}/") == endpoints


def test_national_clouds_are_used_as_they_are() -> None:
    endpoints = GraphEndpoints.from_settings(
        "https://login.microsoftonline.us", "https://graph.microsoft.us"
    )
    assert endpoints.scope == "https://graph.microsoft.us/.default"
    assert endpoints.reroutes == {}
    with pytest.raises(ValueError, match=r"https://login\.microsoftonline\.us"):
        GraphEndpoints.from_settings(LOGIN_URL, "https://graph.microsoft.us")


def test_a_stand_in_is_rerouted() -> None:
    endpoints = GraphEndpoints.from_settings("http://127.0.0.1:8365", "http://[::1]:8365")
    assert (endpoints.login_url, endpoints.graph_url) == (LOGIN_URL, GRAPH_URL)
    assert endpoints.reroutes == {
        "login.microsoftonline.com": "http://127.0.0.1:8365",
        "graph.microsoft.com": "http://[::1]:8365",
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://graph.example.com",
        "http://10.0.0.1:80",
        "ftp://localhost",
        "graph.microsoft.com",
        "https://graph.microsoft.com/v1.0",
        "https://user:pass@graph.microsoft.com",
        "https://[",
        "",
    ],
)
def test_unusable_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="graph_url"):
        GraphEndpoints.from_settings(graph_url=url)


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        (f"{GRAPH_URL}/v1.0/users/delta?$deltatoken=x", True),
        ("https://GRAPH.microsoft.com:443/v1.0/users", True),
        ("http://graph.microsoft.com/v1.0/users", False),
        ("https://graph.microsoft.com.evil.example/v1.0/users", False),
        ("https://graph.microsoft.com@evil.example/v1.0/users", False),
        ("https://me@graph.microsoft.com/v1.0/users", False),
        ("https://graph.microsoft.com:8443/v1.0/users", False),
        ("//graph.microsoft.com/v1.0/users", False),
        ("https://[/", False),
        ("", False),
    ],
)
def test_a_token_goes_to_graph_only(url: str, owned: bool) -> None:
    assert GraphEndpoints().owns(url) is owned


def test_the_graph_client_lets_only_get_out() -> None:
    async def main() -> None:
        endpoints = GraphEndpoints.from_settings(graph_url="http://127.0.0.1:9")
        async with endpoints.http(1.0) as http:
            for method in ("POST", "PATCH", "PUT", "DELETE", "get"):
                if method == "get":
                    with pytest.raises(httpx.ConnectError):
                        await http.request(method, f"{GRAPH_URL}/v1.0/users")
                else:
                    with pytest.raises(WriteRefused):
                        await http.request(method, f"{GRAPH_URL}/v1.0/users")

    run(main())
