"""What the engine of a user sync is opened with: its configuration, and where it writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure_adapter.mapping import extension_targets
from azure_adapter.mapping.targets import Target
from azure_adapter.remote import open_remote_target
from azure_adapter.remote.reading import LinksOf
from gateway.connections import ConnectionProblem
from gateway.secrets import SecretBox
from gateway.signin.vault import KeptSecrets
from gateway.syncs.fields import FieldsInvalid
from gateway.syncs.remote import remote_settings
from scim.handler import GatewayHandler
from scim.provisioning.ports import ProvisioningTarget
from scim.service import GatewayService
from scim.target import InProcessTarget
from storage.access import UserSyncRecord

OWN_EXTENSIONS = (
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ezto:params:scim:schemas:extension:1.0:User",
)
"""The extensions of User that are no custom ones."""


def custom_targets(service: GatewayService) -> tuple[Target, ...]:
    """Return the custom attributes of users that a mapping may feed."""
    model = service.get_model(service.get_resource_type("User"))
    return tuple(
        target
        for urn, extension in model.get_extension_models().items()
        if urn not in OWN_EXTENSIONS
        for target in extension_targets(extension)
    )


def seed_of(box: SecretBox, sync_id: str) -> bytes:
    """Return the secret of a user sync from which its expressions make something up."""
    return box.derive(f"mapping of {sync_id}")


@asynccontextmanager
async def open_target(
    record: UserSyncRecord, handler: GatewayHandler, box: SecretBox, links: LinksOf
) -> AsyncIterator[ProvisioningTarget]:
    """Open where a user sync writes to: this gateway's user store, or a remote SCIM server.

    Args:
        record: the user sync.
        handler: sees its workspace, and writes as it.
        box: decrypts its secrets.
        links: tells which user syncs feed a user.

    Raises:
        ConnectionProblem: its remote server cannot be used as it is set.
        UnreadableSecretError: the server's secret cannot be decrypted.
    """
    public = record.settings.get("target")
    if not public:
        yield InProcessTarget(handler)
        return
    try:
        settings = remote_settings(public, KeptSecrets.opened(record.secrets, box).target_secret)
    except FieldsInvalid as error:
        raise ConnectionProblem(
            f"The user sync {record.name!r} has a target that cannot be used: {error}"
        ) from None
    async with open_remote_target(settings, links=links) as target:
        yield target
