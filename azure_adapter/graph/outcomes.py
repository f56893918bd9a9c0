"""What an error answer of Graph means for us: a table, not branches.

Sources: Microsoft Graph: "error responses and resource types", "throttling guidance", "delta
query overview" (token expiry), "resolve authorization errors". Codes are compared without case;
messages never decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What to do about an answer."""

    retry = "retry"
    """Wait and ask again."""
    resync = "resync"
    """The cursor is no longer good: begin a fresh initial cycle."""
    reauthorize = "reauthorize"
    """The token or its permissions are not good: one new token, then a person."""
    skip = "skip"
    """This one object is not there (any more)."""
    fail = "fail"
    """Asking again will not help."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of the table.

    Attributes:
        status: HTTP status; 0 stands for any.
        graph_code: ``error.code`` in lower case; empty stands for any.
        verdict: What to do.
        code: Stable word for the error that a person sees, if it comes to that.
    """

    status: int
    graph_code: str
    verdict: Verdict
    code: str


TABLE: Final = (
    # Expired delta tokens, in every form seen. Source: delta query overview, "Token duration";
    # public reports of 400 and 410 with either code.
    Outcome(0, "syncstatenotfound", Verdict.resync, "cursor_expired"),
    Outcome(0, "syncstateinvalid", Verdict.resync, "cursor_expired"),
    Outcome(0, "resyncrequired", Verdict.resync, "cursor_expired"),
    Outcome(0, "resyncchangesapplydifferences", Verdict.resync, "cursor_expired"),
    Outcome(0, "resyncchangesuploaddifferences", Verdict.resync, "cursor_expired"),
    Outcome(0, "directory_expiredpagetoken", Verdict.resync, "cursor_expired"),
    Outcome(410, "", Verdict.resync, "cursor_expired"),
    # Source: error responses ("Retry"), throttling guidance; 509 is the bandwidth limit.
    Outcome(429, "", Verdict.retry, "throttled"),
    Outcome(509, "", Verdict.retry, "throttled"),
    Outcome(408, "", Verdict.retry, "server_error"),
    Outcome(500, "", Verdict.retry, "server_error"),
    Outcome(502, "", Verdict.retry, "server_error"),
    Outcome(503, "", Verdict.retry, "server_error"),
    Outcome(504, "", Verdict.retry, "server_error"),
    # Source: resolve authorization errors. 401 is the token, 403 its permissions.
    Outcome(401, "", Verdict.reauthorize, "token_refused"),
    Outcome(403, "", Verdict.reauthorize, "missing_permission"),
    Outcome(404, "request_resourcenotfound", Verdict.skip, "not_found"),
    Outcome(404, "resourcenotfound", Verdict.skip, "not_found"),
    Outcome(404, "itemnotfound", Verdict.skip, "not_found"),
    # An unknown property in $select, or a cursor that is none.
    Outcome(400, "", Verdict.fail, "bad_request"),
)
"""The first row that fits is meant; rows without a code come after those with one."""

OTHERWISE: Final = Outcome(0, "", Verdict.fail, "refused")
"""What every answer means that the table does not know."""

_BY_KEY: Final = {(row.status, row.graph_code): row for row in TABLE}


def judge(status: int, graph_code: str) -> Outcome:
    """Find the row of an answer.

    Args:
        status: HTTP status.
        graph_code: ``error.code`` as it came, or empty.
    """
    code = graph_code.lower()
    for key in ((status, code), (0, code), (status, "")):
        row = _BY_KEY.get(key)
        if row is not None:
            return row
    return OTHERWISE
