"""Errors of the API as ``application/problem+json`` (RFC 9457): what, which, the remedy."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from starlette.responses import Response

from azure_adapter.mapping import MappingTableError
from azure_adapter.sync.refusals import SyncRefused
from gateway.connections import ConnectionProblem
from gateway.secrets import UnreadableSecretError
from gateway.syncs.edits import EditProblems
from gateway.syncs.fields import FieldProblem
from scim.provisioning.records import LeaseLost, SourceError

MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: "The request cannot be read",
    401: "A token is needed",
    403: "The token's role is not enough",
    404: "There is no such thing",
    405: "The method is not known here",
    408: "The request took too long",
    409: "It cannot be done now",
    413: "The request is too large",
    415: "The media type is not known",
    422: "A value is wrong",
    429: "Too many requests",
    502: "Another system failed",
    503: "It cannot be told now",
}

MISSING = frozenset({"no_such_run", "no_such_object"})
"""Refusals that mean 404 instead of 409."""


class Problem(Exception):
    """A request is answered with an error.

    Attributes:
        status: HTTP status.
        code: stable word for programs.
        detail: what is wrong, with which thing, in a sentence.
        remedy: what to do.
        errors: what is wrong with single fields.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        remedy: str = "",
        *,
        errors: Iterable[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the problem as JSON values."""
        values: dict[str, Any] = {
            "type": f"urn:ezto:problem:{self.code}",
            "title": TITLES.get(self.status, "It failed"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "remedy": self.remedy,
        }
        if self.errors:
            values["errors"] = [
                {"field": each.field, "message": each.message, "remedy": each.advice}
                for each in self.errors
            ]
        return values

    def answer(self) -> Response:
        """Return the HTTP answer."""
        body = orjson.dumps(self.body())
        return Response(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


KNOWN = (
    SyncRefused,
    ConnectionProblem,
    MappingTableError,
    SourceError,
    UnreadableSecretError,
    LeaseLost,
)
"""What goes wrong without anybody's defect."""


def problem_of(error: Exception) -> Problem:
    """Return the problem that one of :data:`KNOWN` is to who asked."""
    match error:
        case SyncRefused():
            status = 404 if error.code in MISSING else 409
            return Problem(status, error.code, error.message, error.advice)
        case EditProblems():
            return Problem(422, "invalid", "Some values are wrong.", errors=error.problems)
        case MappingTableError():
            problems = [
                FieldProblem(f"mapping.{p.kind.value}[{p.row}]", p.message, p.advice)
                for p in error.problems
            ]
            return Problem(422, "invalid", "The mapping cannot be used.", errors=problems)
        case SourceError():
            return Problem(502, error.code, error.message, error.advice)
        case LeaseLost():
            return Problem(409, "running", "Another process took the user sync over.", "Try again.")
        case UnreadableSecretError():
            return Problem(503, "unreadable_secret", str(error))
    return Problem(422, "invalid", str(error))
