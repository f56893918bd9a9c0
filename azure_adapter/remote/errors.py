"""What makes a remote SCIM server unusable for a whole run, in sentences for a person.

They are :class:`~scim.provisioning.records.SourceError`, which ends a run with code, message and
advice. What concerns one operation only is an :class:`~scim.provisioning.operations.Outcome`.
"""

from typing import ClassVar, Final

from scim.provisioning.records import SourceError

_LATER: Final = "What was applied is kept. The next run goes on by itself; if it stays, "


class RemoteTargetError(SourceError):
    """The remote SCIM server cannot be used now, or not as it is set up.

    Attributes:
        status: HTTP status that operations get which could not be sent because of it.
    """

    status: ClassVar[int] = 503


class RemoteUnavailable(RemoteTargetError):
    """No good answer within the patience of one request: outage, network, or throttling."""


class RemoteCredentialRefused(RemoteTargetError):
    """The token, or the client secret that gets one, is not good any more."""

    status = 401


class RemoteUnsuitable(RemoteTargetError):
    """The server lacks what a user sync cannot do without."""

    status = 501


def unavailable(code: str, detail: str) -> RemoteUnavailable:
    """Say that the server does not answer as it should.

    Args:
        code: stable word, such as ``unreachable`` or ``throttled``.
        detail: what happened, a sentence without secrets.
    """
    return RemoteUnavailable(
        code,
        f"The remote SCIM server cannot be used now. {detail}",
        f"{_LATER}check that this server reaches it (URL, network, proxy, TLS) and that it works.",
    )


def refused_token() -> RemoteCredentialRefused:
    """Say that the server refuses the token."""
    return RemoteCredentialRefused(
        "unauthorized",
        "The remote SCIM server refused the token (HTTP 401).",
        "Give this user sync a valid token of the remote server, then run it again.",
    )


def refused_client(word: str, token_url: str) -> RemoteCredentialRefused:
    """Say that the token endpoint gives no token.

    Args:
        word: its error code (RFC 6749 §5.2), or the HTTP status.
        token_url: where it was asked.
    """
    return RemoteCredentialRefused(
        "client_refused",
        f"The token endpoint {token_url} gave no token ({word}).",
        "Check client id, client secret, scope and audience of the remote target, and whether the "
        "secret has expired; then run the user sync again.",
    )


def no_filters(detail: str) -> RemoteUnsuitable:
    """Say that the server cannot be searched, without which nobody can be matched."""
    return RemoteUnsuitable(
        "no_filters",
        f"The remote SCIM server cannot be searched as a user sync needs it. {detail}",
        "Turn on filtering (RFC 7644 §3.4.2.2) in the remote server, at least on userName and "
        "externalId, then run the user sync again.",
    )


def no_email_filter() -> RemoteUnsuitable:
    """Say that users cannot be found by their e-mail address."""
    return RemoteUnsuitable(
        "no_email_filter",
        "The remote SCIM server cannot be searched by e-mail address, which is the Unique field "
        "of this user sync.",
        "Make a user sync whose Unique field is the user name, or turn on filters on emails in "
        "the remote server.",
    )


def ambiguous_id(resource_id: str) -> RemoteUnsuitable:
    """Say that a user and a group share an id."""
    return RemoteUnsuitable(
        "ambiguous_id",
        f"The remote SCIM server has a user and a group with the same id {resource_id!r}, so it "
        "cannot be told which of them is meant (RFC 7643 §3.1 asks for unique ids).",
        "Have the remote server give users and groups ids that differ.",
    )


def unreadable(what: str, detail: str) -> RemoteUnavailable:
    """Say that something which must be known could not be read; nothing is guessed from that.

    Args:
        what: such as ``/Users/17``.
        detail: why, a sentence without secrets.
    """
    return RemoteUnavailable(
        "unreadable",
        f"{what} could not be read from the remote SCIM server. {detail}",
        f"{_LATER}see that the token may read it, and that the remote server can show it.",
    )
