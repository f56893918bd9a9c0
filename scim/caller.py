"""Who calls: the authenticated subject of a SCIM request."""

from contextvars import ContextVar
from dataclasses import dataclass

from scim.provisioning.authority import Source

READ = "read"
WRITE = "write"


@dataclass(frozen=True, slots=True)
class Caller:
    """The subject that the service sees in ``ScimRequest.subject``.

    Attributes:
        source: the provisioning source it writes as.
        workspace_id: the workspace that everything it sees is in.
        scopes: what its token permits, of ``read`` and ``write``.
        profile: the dialect of its provider (``generic``, ``entra``, ``okta``); it decides where
            two providers want opposite answers.
        user_id: the id of the user that the token stands for, which ``/Me`` is an alias of
            (RFC 7644 §3.11); ``None`` for a token that stands for a program.
        actor: who exactly writes, where the source alone does not tell: ``token:<id>`` or the
            name of an administrator. The audit keeps it beside the source.
    """

    source: Source
    workspace_id: int
    scopes: frozenset[str] = frozenset({READ, WRITE})
    profile: str = "generic"
    user_id: str | None = None
    actor: str = ""


current_actor: ContextVar[str] = ContextVar("current_actor", default="")
""":attr:`Caller.actor` of the request that is being served."""
