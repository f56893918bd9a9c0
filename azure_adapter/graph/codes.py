"""Every error code that a person may see from here, with what it means and what to do.

The administrators' documentation shows this table; a test keeps the two in step. What the tables
of outcomes and refusals hold is taken from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from azure_adapter.graph.outcomes import OTHERWISE as ANY_ANSWER
from azure_adapter.graph.outcomes import TABLE
from azure_adapter.graph.signin_errors import BY_ERROR, BY_NUMBER, TRANSIENT_NUMBERS
from azure_adapter.graph.signin_errors import OTHERWISE as ANY_REFUSAL

OWN: Final[Mapping[str, tuple[str, str]]] = {
    "throttled": (
        "Microsoft limits the requests of the application, and patience ended.",
        "Nothing. The next run goes on where this one stopped. If it stays, other programs use "
        "the same app registration: give each its own.",
    ),
    "server_error": (
        "Microsoft Graph has an outage.",
        "Nothing. The next run goes on. Look at the health of Microsoft 365 if it stays.",
    ),
    "cursor_expired": (
        "The place where the last cycle ended is too old for Microsoft (7 days).",
        "Nothing. Everything is read again (a fresh initial cycle).",
    ),
    "cursor_refused": (
        "Microsoft does not understand the place where the last cycle ended.",
        "Nothing. Everything is read again.",
    ),
    "foreign_cursor": (
        "The place where the last cycle ended is one of another cloud.",
        "Nothing. Everything is read again.",
    ),
    "restored_since_listing": (
        "A user was restored that was deleted during the fast initial read.",
        "Nothing. Everything is read again, so that its memberships come back.",
    ),
    "token_refused": (
        "Microsoft Graph does not accept the token, not even a new one.",
        "Check that the application is enabled in Entra, then reauthorize.",
    ),
    "missing_permission": (
        "The application or the account may not read users or groups; the message names what is "
        "missing. Nothing is deleted for it.",
        "Grant User.Read.All and GroupMember.Read.All with admin consent, then run the sync again; "
        "with an administrator's login, reauthorize first.",
    ),
    "not_found": ("The object does not exist (any more).", "Nothing."),
    "bad_request": (
        "Microsoft Graph does not understand the request, mostly because a property in the "
        "attribute mapping is none that it tells changes of.",
        "Take the property that the message names out of the mapping. Else run a full sync; if "
        "that fails too, report the message.",
    ),
    "refused": (
        "Microsoft Graph gave an answer that has no meaning here.",
        "Run a full sync. If that fails too, report the message with its request id.",
    ),
    "unreachable": (
        "This server does not reach Microsoft Graph.",
        "Check network, proxy, firewall and DNS.",
    ),
    "damaged_answer": (
        "Answers break off or are no JSON.",
        "Check the proxy or firewall in between if it stays.",
    ),
    "too_large": ("An answer is larger than 64 MiB.", "Report it."),
    "foreign_link": (
        "A link leads to another host than Microsoft Graph.",
        "Check the cloud of the user sync. Report it if it stays.",
    ),
    "loop": ("Microsoft's pages go in a circle.", "Nothing. Run a full sync if it stays."),
    "incomplete_chain": ("Microsoft's pages end too early.", "Nothing. Nothing is deleted for it."),
    "out_of_time": (
        "Reading took longer than a run may take (6 hours).",
        "Nothing. The next run goes on where this one stopped.",
    ),
    "malformed": (
        "One user or group cannot be used as it came; the others were read.",
        "Look at that object in Entra.",
    ),
    "sign_in_unavailable": (
        "Microsoft's sign-in does not answer.",
        "Nothing if it passes. Else check that this server reaches the sign-in of the cloud.",
    ),
    "wrong_state": (
        "What the browser brought back belongs to another login.",
        "Begin the login again.",
    ),
    "login_too_old": ("The login took longer than 15 minutes.", "Begin the login again."),
    "invalid_reply": ("Microsoft's answer to the login is incomplete.", "Begin the login again."),
}
"""Meaning and advice of the codes that no table of refusals explains."""


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table."""

    code: str
    microsoft: tuple[str, ...]
    meaning: str
    advice: str


def known_codes() -> list[Code]:
    """List every code, in the order in which they are shown."""
    return [*_own(), *_refusals()]


def error_table() -> str:
    """Return the table as Markdown."""
    lines = [
        "| Code | What Microsoft says | What it means | What to do |",
        "| --- | --- | --- | --- |",
    ]
    for one in known_codes():
        said = ", ".join(one.microsoft)
        lines.append(f"| `{one.code}` | {said} | {one.meaning} | {one.advice} |")
    return "\n".join(lines) + "\n"


def _own() -> Iterator[Code]:
    for code, (meaning, advice) in OWN.items():
        yield Code(code, tuple(_answers(code)), meaning, advice)


def _answers(code: str) -> Iterator[str]:
    if code == "sign_in_unavailable":
        yield from (f"AADSTS{number}" for number in sorted(TRANSIENT_NUMBERS))
    if code == ANY_ANSWER.code:
        yield "anything else"
    for row in TABLE:
        if row.code == code:
            parts = (
                str(row.status) if row.status else "",
                f"`{row.graph_code}`" * bool(row.graph_code),
            )
            yield " ".join(part for part in parts if part)


def _refusals() -> Iterator[Code]:
    """Join refusals that say the same: a row has every number and error that means it."""
    said: dict[tuple[str, str, str], list[str]] = {}
    named = [(f"AADSTS{number}", one) for number, one in BY_NUMBER.items()]
    named += [(f"`{error}`", one) for error, one in BY_ERROR.items()]
    for name, one in [*named, ("anything else", ANY_REFUSAL)]:
        said.setdefault((one.code, one.reason, one.advice), []).append(name)
    for (code, reason, advice), names in sorted(said.items()):
        yield Code(code, tuple(names), f"{reason[:1].upper()}{reason[1:]}.", advice)
