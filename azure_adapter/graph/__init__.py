"""Reads users and groups from Microsoft Graph; the only place that signs in and speaks to it.

Only GET requests leave for Graph. ``open_reader`` gives a ``GraphReader``, which is the
``SourceReader`` of the sync engine.
"""

from azure_adapter.graph.client import GraphClient, GraphPage
from azure_adapter.graph.delta import GROUP_SELECT, USER_SELECT
from azure_adapter.graph.endpoints import GRAPH_URL, LOGIN_URL, GraphEndpoints, WriteRefused
from azure_adapter.graph.reader import CheckedConnection, GraphReader, open_reader
from azure_adapter.graph.retry import Pace, RetryPolicy
from azure_adapter.graph.signin import ClientCredentials, ClientSignIn, TokenSource

__all__ = [
    "GRAPH_URL",
    "GROUP_SELECT",
    "LOGIN_URL",
    "USER_SELECT",
    "CheckedConnection",
    "ClientCredentials",
    "ClientSignIn",
    "GraphClient",
    "GraphEndpoints",
    "GraphPage",
    "GraphReader",
    "Pace",
    "RetryPolicy",
    "TokenSource",
    "WriteRefused",
    "open_reader",
]
