"""Waiting for the browser that Microsoft sends back to this machine (loopback redirect)."""

import asyncio
import hmac
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_STYLE = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}
main{max-width:34rem;margin:12vh auto 0;padding:0 1.25rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What the browser shows in the end.

    Attributes:
        title: what happened.
        text: what to do now.
        good: whether it worked.
    """

    title: str
    text: str
    good: bool = False

    def page(self) -> Response:
        """Render it."""
        return HTMLResponse(
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)} (ezto gateway)</title><style>{_STYLE}</style></head>"
            f"<body><main><h1>{escape(self.title)}</h1><p>{escape(self.text)}</p></main></body>"
            "</html>",
            200 if self.good else 400,
            _HEADERS,
        )


FOREIGN = Ending(
    "This page belongs to another login",
    "Nothing was changed. Use the page that the terminal shows, or begin again there.",
)


class Callback:
    """Waits for the browser, and answers it when what it brought is dealt with.

    Args:
        state: what tells this login from everything else that may knock here.
    """

    def __init__(self, state: str) -> None:
        self._state = state
        loop = asyncio.get_running_loop()
        self._query: asyncio.Future[dict[str, str]] = loop.create_future()
        self._ending: asyncio.Future[Ending] = loop.create_future()

    def app(self, redirect_uri: str) -> Starlette:
        """Return the application that serves the path of the redirect URI."""
        path = urlsplit(redirect_uri).path or "/"
        return Starlette(routes=[Route(path, self._endpoint, methods=["GET"])])

    async def query(self) -> dict[str, str]:
        """Wait for the parameters that came with the redirect."""
        return await self._query

    async def answer(self, ending: Ending) -> None:
        """Answer the browser."""
        self._ending.set_result(ending)
        await asyncio.sleep(0)

    async def _endpoint(self, request: Request) -> Response:
        given = request.query_params.get("state", "")
        if self._query.done() or not hmac.compare_digest(given.encode(), self._state.encode()):
            return FOREIGN.page()
        self._query.set_result(dict(request.query_params))
        return (await self._ending).page()


def pasted_query(address: str) -> dict[str, str]:
    """Read the parameters of an address that a person copied from the browser.

    Raises:
        ValueError: it is not where Microsoft sends a browser back to.
    """
    query = dict(parse_qsl(urlsplit(address.strip().strip("'\"")).query))
    if "state" not in query:
        raise ValueError(
            "this is not the address that the browser ended at: it has ?code=… or ?error=… in it"
        )
    return query
