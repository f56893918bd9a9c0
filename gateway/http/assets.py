"""Files that pages need: read once at start, served under ``/static/`` with a digest in the URL."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.http.answers import not_found

STATIC = "/static"

MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
"""What is served, by the end of its name; anything else is not."""

DIGITS = 12

FOR_EVER = "public, max-age=31536000, immutable"
"""For the URL with the digest of the content: other content has another URL."""

FOR_NOW = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file.

    Attributes:
        content: its bytes.
        media_type: of them.
        digest: the beginning of their SHA-256.
    """

    content: bytes
    media_type: str
    digest: str


@lru_cache(maxsize=1)
def assets() -> Mapping[str, Asset]:
    """Return the files of the package by their names."""
    found = {}
    for file in (files("gateway.http") / "static").iterdir():
        media_type = MEDIA_TYPES.get(file.name.rpartition(".")[2])
        if media_type is not None:
            content = file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:DIGITS]
            found[file.name] = Asset(content, media_type, digest)
    return found


def asset_url(name: str) -> str:
    """Return the URL of a file, which changes with its content.

    Raises:
        KeyError: there is no such file.
    """
    return f"{STATIC}/{name}?v={assets()[name].digest}"


async def _serve(request: Request) -> Response:
    asset = assets().get(request.path_params["name"])
    if asset is None:
        return await not_found(request, LookupError())
    headers = {"etag": f'"{asset.digest}"'}
    asked = request.query_params.get("v")
    headers["cache-control"] = FOR_EVER if asked == asset.digest else FOR_NOW
    if asset.digest in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def asset_routes() -> list[Route]:
    """Return the route of the files."""
    return [Route(STATIC + "/{name}", _serve, methods=["GET"])]
