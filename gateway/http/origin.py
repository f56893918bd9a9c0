"""Whether a form was sent from a page of this gateway."""

from collections.abc import Mapping
from urllib.parse import urlsplit

OWN_SITES = frozenset({"same-origin", "none"})
"""Values of Sec-Fetch-Site that say: from a page of this origin, or from the person directly."""


def is_own_form(headers: Mapping[str, str], own: str) -> bool:
    """Tell whether a POST comes from a page of this gateway, as far as its browser says.

    A page that is sent with ``Referrer-Policy: no-referrer`` has the Origin ``null`` (Fetch
    Standard, "append a request Origin header"), so ``Sec-Fetch-Site``, which no page can forge,
    decides where a browser sends it. A program that sends neither is nobody's browser.

    Args:
        headers: of the request.
        own: the gateway's base URL.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in OWN_SITES
    origin = headers.get("origin")
    if origin is None or origin == "null":
        return True
    given, mine = urlsplit(origin), urlsplit(own)
    return (given.scheme, given.netloc) == (mine.scheme, mine.netloc)
