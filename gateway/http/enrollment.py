"""The public pages of invitations: what the link of the mail leads to.

A GET never uses a link up, since mail scanners follow links; the button's POST does. The token in
the path is the secret and the only credential: there is no session and no cookie, so a foreign
page that does not know the token has nothing to forge. All works without JavaScript.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.access.limits import FailureLimit, TokenBuckets, network_of
from gateway.enrollment import EnrollmentRefused, EnrollmentService, InvitationPage, PageState
from gateway.http.access import seconds_of
from gateway.http.origin import is_own_form
from gateway.http.pages import page
from gateway.http.scim import base_url_of
from gateway.links import ENROLL
from gateway.mail.invitation import day_text
from gateway.settings import Settings

STATUS = {
    PageState.live: 200,
    PageState.verified: 200,
    PageState.accepted: 200,
    PageState.expired: 410,
    PageState.voided: 410,
    PageState.unknown: 404,
}
"""HTTP status of each page; 410 (Gone) is for a link that was good once."""

REQUESTS_A_SECOND = 20.0
REQUESTS_AT_ONCE = 200
"""What one address may ask for: behind one there may be a company that has just been invited."""

Handler = Callable[[Request], Awaitable[Response]]

log = structlog.stdlib.get_logger("gateway.enrollment")


class EnrollmentPages:
    """Serves the pages of invitations.

    Args:
        service: what the pages do.
        settings: the public URL, where people sign in, and the limits.
        rates: counts requests by address.
        failures: counts links that do not exist by address.
    """

    def __init__(
        self,
        service: EnrollmentService,
        settings: Settings,
        rates: TokenBuckets | None = None,
        failures: FailureLimit | None = None,
    ) -> None:
        self._service = service
        self._base_url = settings.base_url
        self._sign_in_url = settings.sign_in_url
        self._rates = rates or TokenBuckets(REQUESTS_A_SECOND, REQUESTS_AT_ONCE)
        self._failures = failures or FailureLimit(settings.failed_tokens_per_minute)

    def routes(self) -> list[Route]:
        """Return the routes of the pages."""
        return [
            Route(f"{ENROLL}/{{token}}", self._guarded(self._show), methods=["GET"]),
            Route(f"{ENROLL}/{{token}}", self._guarded(self._accept), methods=["POST"]),
            Route(f"{ENROLL}/{{token}}/renew", self._guarded(self._renew), methods=["POST"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Return a handler with limits in front, and a page for people when it breaks."""

        async def guarded(request: Request) -> Response:
            wait = self._rates.take(network_of(_address(request)))
            if wait:
                return _busy(wait)
            if request.method == "POST" and not is_own_form(request.headers, self._own(request)):
                return page("enroll_foreign.html", {"form": _path(request)}, 403)
            try:
                return await handler(request)
            except Exception:
                log.exception("a page of an invitation failed")
                return page("enroll_broken.html", {}, 500)

        return guarded

    def _own(self, request: Request) -> str:
        return self._base_url or base_url_of(request.scope)

    async def _show(self, request: Request) -> Response:
        await self._failures.pause(_address(request))
        return self._page(request, await self._service.look(_token(request)))

    async def _accept(self, request: Request) -> Response:
        await self._failures.pause(_address(request))
        return self._page(request, await self._service.accept(_token(request)))

    async def _renew(self, request: Request) -> Response:
        await self._failures.pause(_address(request))
        try:
            invitation = await self._service.renew(_token(request))
        except EnrollmentRefused as refusal:
            if refusal.code == "not_found":
                return self._page(request, await self._service.look(_token(request)))
            return page("enroll_refused.html", {"message": str(refusal)}, 409)
        values = {"address": invitation.address, "until": day_text(invitation.expires_at)}
        return page("enroll_renewed.html", values)

    def _page(self, request: Request, shown: InvitationPage) -> Response:
        if shown.state is PageState.unknown:
            wait = self._failures.note(_address(request))
            if wait:
                return _busy(wait)
        values: dict[str, Any] = {
            "page": shown,
            "form": _path(request),
            "moment": day_text(shown.moment) if shown.moment else "",
            "sign_in_url": self._sign_in_url,
        }
        return page(f"enroll_{shown.state.value}.html", values, STATUS[shown.state])


def _token(request: Request) -> str:
    token: str = request.path_params["token"]
    return token


def _path(request: Request) -> str:
    """Return the path of the link's page, whichever of its pages was asked for."""
    return f"{ENROLL}/{quote(_token(request), safe='')}"


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _busy(wait: float) -> Response:
    seconds = seconds_of(wait)
    return page("enroll_busy.html", {"seconds": seconds}, 429, {"Retry-After": seconds})
