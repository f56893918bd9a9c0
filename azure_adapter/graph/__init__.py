"""Reads users and groups from Microsoft Graph; the only place that signs in and speaks to it.

Only reads leave for Graph. ``open_reader`` gives a ``GraphReader``, which is the ``SourceReader``
of the sync engine; ``start_login`` and ``finish_login`` let a person sign in.
"""

from azure_adapter.graph.client import GraphClient, GraphPage
from azure_adapter.graph.codes import error_table
from azure_adapter.graph.credentials import Certificate, ClientCredentials, is_directory_id
from azure_adapter.graph.delta import GROUP_SELECT, USER_SELECT, selection
from azure_adapter.graph.endpoints import CLOUD_NAMES, GRAPH_URL, LOGIN_URL, GraphEndpoints
from azure_adapter.graph.fast import FastRead
from azure_adapter.graph.login import (
    SignedIn,
    StartedLogin,
    admin_consent_url,
    check_directory,
    finish_consent,
    finish_login,
    start_login,
)
from azure_adapter.graph.login_errors import (
    ConsentDenied,
    LoginFailed,
    LoginTooOld,
    MissingPermissions,
    OtherDirectory,
    WrongState,
)
from azure_adapter.graph.outgoing import WriteRefused
from azure_adapter.graph.permissions import SCOPES, TokenFacts, missing_permissions
from azure_adapter.graph.reader import CheckedConnection, GraphReader, open_reader
from azure_adapter.graph.retry import Pace, RetryPolicy
from azure_adapter.graph.signin import AccountSignIn, ClientSignIn, SignIn, TokenSource

__all__ = [
    "CLOUD_NAMES",
    "GRAPH_URL",
    "GROUP_SELECT",
    "LOGIN_URL",
    "SCOPES",
    "USER_SELECT",
    "AccountSignIn",
    "Certificate",
    "CheckedConnection",
    "ClientCredentials",
    "ClientSignIn",
    "ConsentDenied",
    "FastRead",
    "GraphClient",
    "GraphEndpoints",
    "GraphPage",
    "GraphReader",
    "LoginFailed",
    "LoginTooOld",
    "MissingPermissions",
    "OtherDirectory",
    "Pace",
    "RetryPolicy",
    "SignIn",
    "SignedIn",
    "StartedLogin",
    "TokenFacts",
    "TokenSource",
    "WriteRefused",
    "WrongState",
    "admin_consent_url",
    "check_directory",
    "error_table",
    "finish_consent",
    "finish_login",
    "is_directory_id",
    "missing_permissions",
    "open_reader",
    "selection",
    "start_login",
]
