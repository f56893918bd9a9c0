"""Turns what went wrong with a request into an error that a person can act on.

Messages name what was read and what Graph answered. They hold neither a token nor a query
string: cursors are in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import httpx
import orjson

from azure_adapter.graph.batch import Step
from azure_adapter.graph.outcomes import Outcome, Verdict
from azure_adapter.graph.payload import Damaged, describe_error
from azure_adapter.graph.permissions import SCOPES
from scim.provisioning.records import (
    SourceCursorExpired,
    SourceError,
    SourceNeedsLogin,
    SourceUnavailable,
)

_LATER: Final = "Nothing was changed. The sync tries again by itself; if it stays, "
_NETWORK: Final = f"{_LATER}check that this server reaches Microsoft Graph (network, proxy, DNS)."
_STATUS: Final = (
    f"{_LATER}look at the health of Microsoft 365, and give the request id to Microsoft's support."
)
_ODD: Final = "Nothing was changed. Run a full cycle; if that fails too, report this message."
_BAD: Final = (
    "Nothing was changed. If the message names a property, take that out of the attribute mapping; "
    "else run a full cycle, and if that fails too, report this message."
)
_SIGN_IN: Final = (
    "Check the app registration of this user sync in Microsoft Entra and its client secret, then "
    "run the sync again."
)
_SECRETIVE: Final = re.compile(r"[A-Za-z0-9_.~+/=-]{48,}")
_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}")
_SHOWN: Final = 200


def page_name(url: str) -> str:
    """Name what a URL reads, without its query."""
    try:
        return httpx.URL(url).path
    except (httpx.InvalidURL, TypeError):
        return "an unreadable URL"


class ObjectNotFound(SourceError):
    """Graph does not have what was asked for."""


def of_answer(
    outcome: Outcome, answer: httpx.Response, where: str, lacking: Sequence[str] = ()
) -> SourceError:
    """Build the error of an answer that was not good.

    Args:
        outcome: What the answer means.
        answer: The answer.
        where: What was read, such as ``page 3 of /v1.0/users/delta``.
        lacking: Needed permissions that the token says it lacks.
    """
    message = f"Microsoft Graph answered {_said(answer)} for {where}."
    if outcome.verdict is Verdict.resync:
        return SourceCursorExpired(
            outcome.code,
            f"{message} The place where the last cycle ended is no longer known.",
            "Nothing has to be done: the next cycle reads everything again.",
        )
    if outcome.verdict is Verdict.reauthorize:
        if answer.status_code == 401:
            return SourceNeedsLogin(outcome.code, message, _SIGN_IN)
        if lacking:
            message += f" The token lacks {' and '.join(lacking)}."
        return SourceNeedsLogin(outcome.code, message, _permissions_advice(lacking or SCOPES))
    if outcome.verdict is Verdict.skip:
        return ObjectNotFound(outcome.code, message, "Check that it still exists in Entra.")
    if outcome.verdict is Verdict.retry:
        return SourceUnavailable(outcome.code, message, _STATUS)
    return SourceError(outcome.code, message, _BAD if outcome.code == "bad_request" else _ODD)


def lacks_permissions(missing: Sequence[str]) -> SourceError:
    """Build the error of a token that lacks permissions."""
    return SourceNeedsLogin(
        "missing_permission",
        f"The sign-in works, but these permissions are missing: {', '.join(missing)}. Nothing was "
        "read, so that nothing looks as if it were gone.",
        _permissions_advice(missing),
    )


def _permissions_advice(names: Sequence[str]) -> str:
    return (
        f"Grant {' and '.join(names)} to the app registration in Microsoft Entra (API permissions, "
        "Microsoft Graph) with admin consent, then run the sync again; where an administrator "
        "signs in, sign in again first (Reauthorize)."
    )


def of_exception(error: Exception, where: str, attempts: int) -> SourceError:
    """Build the error of a request that got no usable answer."""
    where = f"{where} (tried {attempts} times)"
    if isinstance(error, Damaged):
        return SourceUnavailable(
            error.code, f"Microsoft Graph's answer for {where} was unusable: {error}.", _STATUS
        )
    if isinstance(error, httpx.RemoteProtocolError):
        return SourceUnavailable(
            "damaged_answer", f"The answer for {where} broke off before its end.", _NETWORK
        )
    return SourceUnavailable(
        "unreachable",
        f"Microsoft Graph could not be reached for {where}: {type(error).__name__}.",
        _NETWORK,
    )


def foreign_link(where: str) -> SourceError:
    """Build the error of a link that leads away from Graph."""
    return SourceUnavailable(
        "foreign_link",
        f"A link on {where} does not lead to this connection's Microsoft Graph, so it "
        "was not followed.",
        "Check graph_url of this user sync; then run a full cycle.",
    )


def foreign_cursor() -> SourceError:
    """Build the error of a stored cursor that belongs to another Graph."""
    return SourceCursorExpired(
        "foreign_cursor",
        "The place where the last cycle ended belongs to another Microsoft Graph than this "
        "connection's.",
        "Nothing has to be done: the next cycle reads everything again.",
    )


def refused_cursor(error: SourceError) -> SourceError:
    """Build the error of a stored cursor that Graph calls a bad request."""
    return SourceCursorExpired(
        "cursor_refused",
        f"{error.message} The place where the last cycle ended is no longer understood.",
        "Nothing has to be done: the next cycle reads everything again.",
    )


def out_of_time(where: str, seconds: float) -> SourceError:
    """Build the error of a run that used its time up."""
    return SourceUnavailable(
        "out_of_time",
        f"Reading took longer than the {seconds / 3600:g} hours that a run may take; it stopped "
        f"before {where}.",
        "Nothing has to be done: what was read is kept, and the next run goes on there.",
    )


def refused_step(step: Step, where: str) -> SourceError:
    """Build the error of an answer inside a batch that was not good."""
    content = orjson.dumps(dict(step.body))
    outcome = step.outcome
    if step.status == 0:
        return SourceUnavailable("damaged_answer", f"A batch did not answer {where}.", _STATUS)
    return of_answer(outcome, httpx.Response(step.status, content=content), where)


def restored_since() -> SourceError:
    """Build the error of a restored user whose relations a listing could not show."""
    return SourceCursorExpired(
        "restored_since_listing",
        "A user was restored in Microsoft Entra that was deleted when everything was listed, and "
        "changes do not tell its memberships and reports.",
        "Nothing has to be done: the next cycle reads everything again.",
    )


def loop(where: str) -> SourceError:
    """Build the error of a chain whose links go in a circle."""
    return SourceUnavailable(
        "loop",
        f"The pages go in a circle: a link came for the second time on {where}.",
        _STATUS,
    )


def incomplete_chain(where: str) -> SourceError:
    """Build the error of a delta chain that stops without a delta link."""
    return SourceUnavailable(
        "incomplete_chain",
        f"The pages of {where} ended without a delta link, so they may be incomplete.",
        _STATUS,
    )


def _said(answer: httpx.Response) -> str:
    error = describe_error(answer.content)
    parts = [f"HTTP {answer.status_code}"]
    if error.code:
        parts.append(error.code)
    said = " ".join(parts)
    if error.message:
        cut = _SECRETIVE.sub("…", error.message)[:_SHOWN]
        said += f" ({cut}{'…' if len(error.message) > _SHOWN else ''})"
    request_id = answer.headers.get("request-id", "")
    if _REQUEST_ID.fullmatch(request_id):
        said += f" [request id {request_id}]"
    return said
