"""The pages that a browser sees: account picker, extra verification, consent, errors.

Rendered on the server, without scripts and without anything from elsewhere. Source: Microsoft
identity platform: "Microsoft Entra application consent experiences".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse

from azure_adapter.simulator.accounts import Account

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http: https:; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_STYLE: Final = """
:root{color-scheme:light dark}
body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText}
main{max-width:28rem;margin:2rem auto;padding:1.5rem;border:1px solid GrayText;border-radius:.5rem}
h1{font-size:1.4rem;margin:0 0 .5rem}h2{font-size:1rem;margin:1.25rem 0 .5rem}
p.note{border-inline-start:.25rem solid GrayText;padding-inline-start:.75rem}
ul{padding:0;list-style:none}li{margin:.5rem 0}
button,input[type=text]{font:inherit;padding:.6rem .8rem;min-height:2.75rem}
button{cursor:pointer}ul button,input[type=text]{width:100%;box-sizing:border-box;text-align:start}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
.actions{display:flex;gap:.75rem;flex-wrap:wrap;margin-top:1rem}
"""
FAILURES: Final = {
    "login_required": "The session has expired (login_required)",
    "interaction_required": "More interaction is needed (interaction_required)",
    "temporarily_unavailable": "Sign-in is overloaded (temporarily_unavailable)",
    "server_error": "Sign-in is broken (server_error)",
}
"""OAuth errors that the account picker offers, and their captions."""


@dataclass(frozen=True, slots=True)
class Form:
    """Where a page posts to.

    Attributes:
        tenant: The tenant of the path, as the caller wrote it.
        flow: The sealed state of the sign-in.
    """

    tenant: str
    flow: str

    def around(self, inner: str) -> str:
        """Put controls into a form."""
        return (
            f'<form method="post" action="/{quote(self.tenant)}/login">'
            f'<input type="hidden" name="flow" value="{escape(self.flow)}">{inner}</form>'
        )


def account_page(
    form: Form,
    app_name: str,
    groups: Iterable[tuple[str, Iterable[Account]]],
    *,
    hint: str = "",
    alert: str = "",
) -> HTMLResponse:
    """Render the account picker.

    Args:
        form: Where it posts to.
        app_name: The app that asks.
        groups: Accounts by directory name.
        hint: User principal name to begin with.
        alert: What went wrong before.
    """
    parts = [f"<p>to continue to <strong>{escape(app_name)}</strong></p>"]
    for name, accounts in groups:
        items = "".join(
            f'<li><button name="account" value="{escape(one.upn)}">{escape(one.name)}<br>'
            f"<small>{escape(one.upn)}</small></button></li>"
            for one in accounts
        )
        parts.append(f"<h2>{escape(name)}</h2>{form.around(f'<ul>{items}</ul>')}")
    parts.append("<h2>Use another account</h2>")
    parts.append(
        form.around(
            '<label for="typed">User principal name</label><br>'
            f'<input id="typed" name="account" type="text" value="{escape(hint)}" required '
            'autocomplete="username" spellcheck="false">'
            '<div class="actions"><button>Next</button></div>'
        )
    )
    parts.append(form.around(_actions(("cancel", "Cancel"))))
    failures = "".join(
        f'<li><button name="fail" value="{name}">{escape(text)}</button></li>'
        for name, text in FAILURES.items()
    )
    parts.append(
        "<details><summary>Let sign-in fail</summary>"
        f"{form.around(f'<ul>{failures}</ul>')}</details>"
    )
    return _page("Pick an account", "".join(parts), alert)


def verification_page(form: Form, account: Account, *, enrolment: bool) -> HTMLResponse:
    """Render the request for a second factor."""
    what = (
        "Your organization needs more information: enrol in multi-factor authentication."
        if enrolment
        else "Approve the sign-in request on your phone."
    )
    inner = f"<p>{escape(account.upn)}</p><p>{what}</p>" + form.around(
        _actions(("approve", "Approve"), ("refuse", "I can't do that now"))
    )
    return _page("Verify your identity", inner)


def consent_page(
    form: Form, account: Account, app_name: str, permissions: Iterable[str], *, everybody: bool
) -> HTMLResponse:
    """Render the consent page.

    Args:
        form: Where it posts to.
        account: Who is asked.
        app_name: The app that asks.
        permissions: What it asks for.
        everybody: Consent is for the organization in any case (admin consent).
    """
    items = "".join(f"<li>{escape(one)}</li>" for one in permissions)
    choice = ""
    if account.admin and not everybody:
        choice = (
            '<p><label><input type="checkbox" name="organization" value="1"> '
            "Consent on behalf of your organization</label></p>"
        )
    scope = " for your organization" if everybody else ""
    inner = (
        f"<p>{escape(account.upn)}</p><p><strong>{escape(app_name)}</strong> would like to"
        f"{scope}:</p><ul>{items}</ul>"
        + form.around(choice + _actions(("accept", "Accept"), ("deny", "Cancel")))
    )
    return _page("Permissions requested", inner)


def approval_page(form: Form, account: Account, app_name: str) -> HTMLResponse:
    """Render what somebody sees who may not consent."""
    inner = (
        f"<p>{escape(account.upn)}</p><p><strong>{escape(app_name)}</strong> needs permission to "
        "access resources in your organization that only an admin can grant. Please ask an admin "
        "to grant permission to this app before you can use it. (AADSTS90094)</p>"
        + form.around(
            _actions(("switch", "Have an admin account? Sign in"), ("back", "Return to the app"))
        )
    )
    return _page("Need admin approval", inner)


def error_page(text: str, status: int = 400) -> HTMLResponse:
    """Render an error that may not be sent to the app."""
    return _page("Sorry, but we're having trouble signing you in", "", text, status)


def post_page(redirect_uri: str, values: dict[str, str]) -> HTMLResponse:
    """Render ``response_mode=form_post``; without scripts the person presses the button."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in values.items()
    )
    form = (
        f'<form method="post" action="{escape(redirect_uri)}">{fields}'
        '<div class="actions"><button>Continue</button></div></form>'
    )
    return _page("Signed in", form)


def _actions(*buttons: tuple[str, str]) -> str:
    made = "".join(f'<button name="action" value="{v}">{escape(t)}</button>' for v, t in buttons)
    return f'<div class="actions">{made}</div>'


def _page(title: str, inner: str, alert: str = "", status: int = 200) -> HTMLResponse:
    warning = f'<p role="alert" class="note">{escape(alert)}</p>' if alert else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} (simulated sign-in)</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{warning}{inner}"
        f'<p class="note">This is a simulation of Microsoft\'s sign-in on this machine. No '
        f"password is asked for, and none should be typed.</p></main></body></html>",
        status,
        {"Cache-Control": "no-store, no-cache", "Content-Security-Policy": _POLICY},
    )
