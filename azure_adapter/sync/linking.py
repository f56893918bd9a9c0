"""What an applied operation makes of the link between source object and resource. Pure."""

from azure_adapter.sync.enrolling import DUE, is_new
from scim.provisioning.operations import Action, Operation
from scim.provisioning.records import LinkRecord, LinkState

STATES = {
    Action.create: LinkState.linked,
    Action.restore: LinkState.linked,
    Action.take_over: LinkState.linked,
    Action.contribute: LinkState.linked,
    Action.delete: LinkState.tombstone,
    Action.unlink: LinkState.unlinked,
}
"""The state of the link after an action; others leave it alone."""


def link_after(operation: Operation, resource_id: str, *, invites: bool) -> LinkRecord | None:
    """Return the link as it is after an operation, or ``None`` when it stays what it is.

    Args:
        operation: what was applied.
        resource_id: the resource that it acted on; "": the one that its path names.
        invites: whether the user sync sends enrollment mails.
    """
    state = STATES.get(operation.action)
    if state is None:
        return None
    return LinkRecord(
        source_id=operation.source_id,
        kind=operation.kind,
        resource_id=resource_id or operation.path.rpartition("/")[2],
        state=state,
        joined=_joined(operation),
        enrollment=DUE if invites and is_new(operation) else "",
        kept_disabled=_kept_disabled(operation),
    )


def _joined(operation: Operation) -> bool:
    """Tell whether the resource existed before this sync joined it."""
    if operation.action is Action.take_over:
        return is_new(operation)
    return operation.action in (Action.contribute, Action.unlink)


def _kept_disabled(operation: Operation) -> bool:
    """Tell whether a user was joined while it was disabled here, and Azure says enabled."""
    told = [(each or {}).get("active") for each in (operation.before, operation.after)]
    return operation.action is Action.take_over and told == [False, False]
