"""The provisioning target over HTTP: the same sync run can feed any SCIM 2.0 server.

``open_remote_target`` gives a :class:`RemoteTarget`, which is a ``ProvisioningTarget`` of the sync
engine. See docs/remote-target.md.
"""

from azure_adapter.remote.discovery import Capabilities
from azure_adapter.remote.errors import (
    RemoteCredentialRefused,
    RemoteTargetError,
    RemoteUnavailable,
    RemoteUnsuitable,
)
from azure_adapter.remote.reading import LinksOf
from azure_adapter.remote.settings import (
    BearerToken,
    ClientAuthentication,
    OAuthClient,
    RemoteSettings,
)
from azure_adapter.remote.target import RemoteTarget, open_remote_target

__all__ = [
    "BearerToken",
    "Capabilities",
    "ClientAuthentication",
    "LinksOf",
    "OAuthClient",
    "RemoteCredentialRefused",
    "RemoteSettings",
    "RemoteTarget",
    "RemoteTargetError",
    "RemoteUnavailable",
    "RemoteUnsuitable",
    "open_remote_target",
]
