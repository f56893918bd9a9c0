"""The routes of the API: one table, dispatched here and described by :mod:`.openapi`."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.contextvars import bind_contextvars

from gateway.access.limits import FailureLimit, TokenBuckets
from gateway.http.answers import json_answer
from gateway.http.api import objects, runs, syncs
from gateway.http.api.endpoints import LARGEST_BODY, ROOT, Call, Endpoint
from gateway.http.api.gate import ApiGate
from gateway.http.api.openapi import document
from gateway.http.api.problems import KNOWN, Problem, problem_of
from gateway.http.bodies import BodyTooSlowError, read_body
from gateway.http.scim import base_url_of
from gateway.syncs.fields import FieldProblem

if TYPE_CHECKING:
    from gateway.wiring import Gateway

ENDPOINTS: Final[tuple[Endpoint, ...]] = (*syncs.ENDPOINTS, *runs.ENDPOINTS, *objects.ENDPOINTS)
"""Everything that the API does."""

DESCRIPTION: Final = f"{ROOT}/openapi.json"

log = structlog.stdlib.get_logger("gateway.api")


def api_routes(gateway: "Gateway") -> list[Route]:
    """Return the routes of the API."""
    settings = gateway.settings
    rates = TokenBuckets(settings.rate_per_second, settings.rate_burst)
    failures = FailureLimit(settings.failed_tokens_per_minute)
    gate = ApiGate(gateway.api_tokens, rates, failures)
    by_path: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for endpoint in ENDPOINTS:
        by_path[endpoint.path][endpoint.method] = endpoint

    async def description(request: Request) -> Response:
        server = settings.base_url or base_url_of(request.scope)
        return json_answer(document(ENDPOINTS, server))

    async def nothing(request: Request) -> Response:
        return Problem(
            404,
            "no_such_path",
            f"Nothing is at {request.url.path}.",
            f"{DESCRIPTION} describes what there is.",
        ).answer()

    return [
        Route(DESCRIPTION, description, methods=["GET"]),
        *(
            Route(ROOT + path, _Dispatch(gateway, gate, methods), methods=None)
            for path, methods in by_path.items()
        ),
        Route("/api/{path:path}", nothing, methods=METHODS),
    ]


METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Dispatch:
    """Answers the requests to one path."""

    def __init__(self, gateway: "Gateway", gate: ApiGate, methods: dict[str, Endpoint]) -> None:
        self._gateway = gateway
        self._gate = gate
        self._methods = methods

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            answer = Response(status_code=400)
        except Problem as problem:
            answer = problem.answer()
        except KNOWN as error:
            answer = problem_of(error).answer()
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        token = await self._gate.token_of(request)
        bind_contextvars(source=f"api:{token.id}")
        endpoint = self._methods.get(request.method)
        if endpoint is None:
            raise _no_method(request, self._methods)
        call = Call(self._gateway, token, dict(request.path_params))
        call.need(endpoint.role)
        query = _query(request, endpoint)
        body = await _body(request, endpoint)
        made = await endpoint.handler(
            Call(self._gateway, token, dict(request.path_params), query, body)
        )
        if isinstance(made, Response):
            return made
        answer = Response(made.model_dump_json(), endpoint.status, media_type="application/json")
        if endpoint.status == 202:
            answer.headers["Location"] = _where(made)
        return answer


def _where(made: BaseModel) -> str:
    return f"{ROOT}/user-syncs/{getattr(made, 'sync', '')}/requests/{getattr(made, 'id', '')}"


def _no_method(request: Request, methods: dict[str, Endpoint]) -> Problem:
    return Problem(
        405,
        "no_such_method",
        f"{request.url.path} does not know {request.method}.",
        f"It knows {', '.join(sorted(methods))}.",
        headers={"Allow": ", ".join(sorted(methods))},
    )


def _query(request: Request, endpoint: Endpoint) -> BaseModel | None:
    """Read the query.

    Raises:
        Problem: (400) it has something that is not known, or wrong.
    """
    given: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise Problem(400, "invalid", f"The parameter {name[:40]!r} is there twice.")
        given[name] = value
    if endpoint.query is None:
        if given:
            raise Problem(
                400,
                "invalid",
                f"The parameter {next(iter(given))[:40]!r} is not known here.",
                "Leave it out.",
            )
        return None
    try:
        return endpoint.query.model_validate(given)
    except ValidationError as error:
        raise _wrong(400, "The query cannot be used.", error) from None


async def _body(request: Request, endpoint: Endpoint) -> BaseModel | None:
    """Read the body.

    Raises:
        Problem: (400, 408, 413, 415, 422) it is missing, slow, too large, or wrong.
    """
    try:
        content = await read_body(request.receive, LARGEST_BODY)
    except BodyTooSlowError:
        raise Problem(408, "too_slow", "The body did not arrive in time.", "Repeat it.") from None
    if len(content) > LARGEST_BODY:
        detail = f"The body is larger than {LARGEST_BODY:,} bytes."
        raise Problem(413, "too_large", detail, "Send less.")
    if endpoint.body is None:
        if content.strip() not in (b"", b"{}"):
            raise Problem(400, "invalid", "This request has no body.", "Leave it out.")
        return None
    if not content and endpoint.optional_body:
        return endpoint.body()
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        detail = "The body has to be application/json."
        raise Problem(415, "media_type", detail, "Send `Content-Type: application/json`.")
    return _parsed(content, endpoint.body)


def _parsed(content: bytes, model: type[BaseModel]) -> BaseModel:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError as error:
        detail = f"The body is no JSON: {error.msg} (line {error.lineno}, column {error.colno})."
        raise Problem(400, "invalid", detail) from None
    try:
        return model.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise _wrong(422, "The body cannot be used.", error) from None


def _wrong(status: int, detail: str, error: ValidationError) -> Problem:
    problems = [
        FieldProblem(".".join(str(part) for part in each["loc"]), f"{each['msg']}.")
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return Problem(status, "invalid", detail, errors=problems)
