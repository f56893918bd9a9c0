"""The pages that a browser sees: account picker, extra verification, consent, errors.

Rendered on the server, without scripts and without anything from elsewhere. Source: Microsoft
identity platform: "Microsoft Entra application consent experiences".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.responses import HTMLResponse

from azure_adapter.simulator.accounts import Account
from azure_adapter.simulator.permissions import MEANINGS

_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' http: https:; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_STYLE: Final = """
:root{color-scheme:light dark;--page:#eef1f5;--card:#fff;--ink:#1b1f24;--muted:#566070;
--line:#cfd6df;--accent:#1f5fbf;--on:#fff;--hover:#f0f5fd;--bad:#9b1c1c;--tint:#fdeeee;
--strip:#fff4d6;--edge:#e3c46a}
@media(prefers-color-scheme:dark){:root{--page:#14171b;--card:#1d2127;--ink:#e8ebef;--muted:#a7b1be;
--line:#414a56;--accent:#8ab4f8;--on:#10203a;--hover:#272e38;--bad:#ffb4ab;--tint:#3a1f1f;
--strip:#33290f;--edge:#6b5a22}}
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:var(--page);color:var(--ink)}
.strip{margin:0;padding:.5rem 1rem;text-align:center;text-wrap:balance;font-size:.875rem;
background:var(--strip);border-bottom:1px solid var(--edge)}
main{max-width:28rem;margin:2.5rem auto;padding:2rem;background:var(--card);overflow-wrap:anywhere;
border:1px solid var(--line);border-radius:.75rem;box-shadow:0 .5rem 1.5rem rgb(0 0 0/.08)}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:.875rem;color:var(--muted);margin:1.5rem 0 .5rem}
p{margin:.5rem 0}small,.who{color:var(--muted)}
[role=alert]{margin:1rem 0;padding:.75rem 1rem;border-inline-start:.25rem solid var(--bad);
background:var(--tint);border-radius:.25rem}
ul{padding:0;margin:0;list-style:none}li{margin:.5rem 0}
.asked{margin:1rem 0;border:1px solid var(--line);border-radius:.5rem}
.asked li{margin:0;padding:.625rem .875rem}.asked li+li{border-top:1px solid var(--line)}
label{display:block;margin:0 0 .25rem}label.box{display:flex;gap:.5rem;margin:1rem 0}
button,input[type=text]{font:inherit;color:inherit;min-height:2.75rem;padding:.5rem 1rem;
background:var(--card);border:1px solid var(--line);border-radius:.5rem}
input[type=text]{width:100%;border-color:var(--muted)}input[type=checkbox]{width:1.25rem;flex:none}
button{cursor:pointer}button:hover{background:var(--hover)}
.main{background:var(--accent);border-color:var(--accent);color:var(--on);font-weight:600}
.main:hover{background:var(--accent);text-decoration:underline}
ul button{width:100%;text-align:start}
.account{display:grid;grid-template-columns:2.5rem 1fr;gap:.75rem;align-items:center}
.account::before{content:attr(data-initial);width:2.5rem;line-height:2.5rem;text-align:center;
border-radius:50%;background:var(--accent);color:var(--on);font-weight:600}
.account span{min-width:0}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.actions{display:flex;gap:.75rem;flex-wrap:wrap;margin-top:1rem}
details{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line)}
summary{cursor:pointer;color:var(--muted)}
@media(max-width:30rem){main{margin:0;padding:1.25rem;border-width:0 0 1px;border-radius:0;
box-shadow:none}}
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
        items = "".join(map(_account, accounts))
        parts.append(f"<h2>{escape(name)}</h2>{form.around(f'<ul>{items}</ul>')}")
    parts.append("<h2>Use another account</h2>")
    parts.append(
        form.around(
            '<label for="typed">User principal name</label>'
            f'<input id="typed" name="account" type="text" value="{escape(hint)}" required '
            'autocomplete="username" spellcheck="false">'
            '<div class="actions"><button class="main">Next</button>'
            '<button name="action" value="cancel" formnovalidate>Cancel</button></div>'
        )
    )
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
    inner = f"{_who(account)}<p>{what}</p>" + form.around(
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
    items = "".join(map(_permission, permissions))
    choice = ""
    if account.admin and not everybody:
        choice = (
            '<label class="box"><input type="checkbox" name="organization" value="1"> '
            "Consent on behalf of your organization</label>"
        )
    for_whom = "Review for your organization. " if everybody else ""
    meaning = (
        "<p>If you accept, this app gets access to these resources for all users in your "
        "organization. Nobody else will be asked.</p>"
        if everybody
        else ""
    )
    inner = (
        f"{_who(account)}<p>{for_whom}<strong>{escape(app_name)}</strong> would like to:</p>"
        f'<ul class="asked">{items}</ul>{meaning}'
        + form.around(choice + _actions(("accept", "Accept"), ("deny", "Cancel")))
    )
    return _page("Permissions requested", inner)


def approval_page(form: Form, account: Account, app_name: str) -> HTMLResponse:
    """Render what somebody sees who may not consent."""
    inner = (
        f"{_who(account)}<p><strong>{escape(app_name)}</strong> needs permission to "
        "access resources in your organization that only an admin can grant. Please ask an admin "
        "to grant permission to this app before you can use it. (AADSTS90094)</p>"
        + form.around(
            _actions(("switch", "Have an admin account? Sign in"), ("back", "Return to the app"))
        )
    )
    return _page("Need admin approval", inner)


def error_page(text: str, status: int = 400) -> HTMLResponse:
    """Render an error that may not be sent to the app."""
    inner = "<p>Nothing was sent to the app. Correct what is said above and begin there again.</p>"
    return _page("Sorry, but we're having trouble signing you in", inner, text, status)


def post_page(redirect_uri: str, values: dict[str, str]) -> HTMLResponse:
    """Render ``response_mode=form_post``; without scripts the person presses the button."""
    fields = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in values.items()
    )
    host = urlsplit(redirect_uri).netloc
    form = (
        f"<p>Continue to go back to <strong>{escape(host)}</strong>.</p>"
        f'<form method="post" action="{escape(redirect_uri)}">{fields}'
        '<div class="actions"><button class="main">Continue</button></div></form>'
    )
    return _page("Return to the app", form)


def _account(account: Account) -> str:
    return (
        f'<li><button class="account" name="account" value="{escape(account.upn)}" '
        f'data-initial="{escape(account.name[:1])}"><span>{escape(account.name)}<br>'
        f"<small>{escape(account.upn)}</small></span></button></li>"
    )


def _permission(name: str) -> str:
    meaning = MEANINGS.get(name.partition(" ")[0])
    told = f"{escape(meaning)}<br>" if meaning else ""
    return f"<li>{told}<small>{escape(name)}</small></li>"


def _who(account: Account) -> str:
    return f'<p class="who">{escape(account.upn)}</p>'


def _actions(first: tuple[str, str], *others: tuple[str, str]) -> str:
    """Render buttons, of which the first one is what most people want."""
    made = "".join(
        f'<button{look} name="action" value="{value}">{escape(caption)}</button>'
        for look, (value, caption) in [(' class="main"', first), *(("", one) for one in others)]
    )
    return f'<div class="actions">{made}</div>'


def _page(title: str, inner: str, alert: str = "", status: int = 200) -> HTMLResponse:
    warning = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} (simulated sign-in)</title><style>{_STYLE}</style></head>"
        f'<body><p class="strip">A simulation of Microsoft\'s sign-in on this machine. No password '
        f"is asked for, and none should be typed.</p>"
        f"<main><h1>{escape(title)}</h1>{warning}{inner}</main></body></html>",
        status,
        {"Cache-Control": "no-store, no-cache", "Content-Security-Policy": _POLICY},
    )
