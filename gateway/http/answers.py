"""Small JSON answers of everything that is not SCIM."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response


def json_answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(body), status, media_type="application/json")


async def not_found(request: Request, _error: Exception) -> Response:
    """Answer a path that nothing is at."""
    detail = f"Nothing is at {request.url.path}. SCIM is below /scim/v2, health at /healthz."
    return json_answer({"error": "not_found", "detail": detail}, 404)


async def method_not_allowed(request: Request, error: Exception) -> Response:
    """Answer a method that a path does not know."""
    detail = f"{request.url.path} does not answer {request.method}."
    answer = json_answer({"error": "method_not_allowed", "detail": detail}, 405)
    allowed = (getattr(error, "headers", None) or {}).get("Allow", "")
    answer.headers["Allow"] = ", ".join(sorted(allowed.split(", ")))
    return answer
