"""Which absolute URLs the simulator writes into its answers.

Source: Microsoft Graph: national cloud deployments (hosts of sign-in and Graph).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LOGIN_HOSTS: Final = frozenset(
    {
        "login.microsoftonline.com",
        "login.microsoft.com",
        "login.windows.net",
        "sts.windows.net",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "login.chinacloudapi.cn",
    }
)
"""Hosts of the Microsoft identity platform."""

GRAPH_HOSTS: Final = frozenset(
    {
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
    }
)
"""Hosts of Microsoft Graph."""


def base_url(headers: Mapping[str, str]) -> str:
    """Build the scheme and host that the caller believes to be talking to.

    Args:
        headers: Request headers with lower-case names.

    Returns:
        ``https://`` and the host for a Microsoft cloud host, else ``http://`` and the host as
        sent.
    """
    host = headers.get("host", "localhost")
    name = host.partition(":")[0].lower()
    scheme = "https" if name in LOGIN_HOSTS or name in GRAPH_HOSTS else "http"
    return f"{scheme}://{host}"
