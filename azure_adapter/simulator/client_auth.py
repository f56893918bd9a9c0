"""Client authentication at the token endpoint: a secret, or an assertion signed by a certificate.

Sources: Microsoft identity platform: "Application authentication certificate credentials",
"OAuth 2.0 client credentials flow".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_plus

from azure_adapter.simulator.directory import Directory
from azure_adapter.simulator.identity_errors import (
    assertion_time,
    bad_assertion,
    expired_secret,
    missing,
    no_credential,
    unknown_client,
    wrong_secret,
)
from azure_adapter.simulator.registrations import Installation, Registration
from azure_adapter.simulator.signing import (
    BadAssertionError,
    certificate_expires,
    read,
    thumbprints,
    verify,
)

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LEEWAY: Final = 300.0


def authenticate(directory: Directory, form: Mapping[str, str]) -> Installation:
    """Find the app that a token request comes from, and check its credential.

    Raises:
        IdentityError: It is not in this tenant, or its credential is absent, wrong or expired.
    """
    client_id = form.get("client_id", "")
    if not client_id:
        raise missing("client_id")
    installation = directory.installations.get(client_id.lower())
    if installation is None:
        raise unknown_client(client_id, directory.display_name)
    if "client_assertion" in form:
        _check_assertion(directory, installation.app, form)
    elif "client_secret" in form:
        _check_secret(directory, installation.app, form["client_secret"])
    else:
        raise no_credential()
    return installation


def basic_credentials(headers: Mapping[str, str]) -> dict[str, str]:
    """Read client id and secret from an ``Authorization: Basic`` header; empty without one."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return {}
    client_id, _, secret = pair.partition(":")
    return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}


def _check_secret(directory: Directory, app: Registration, secret: str) -> None:
    known = [one for one in app.secrets if hmac.compare_digest(one.value.encode(), secret.encode())]
    if not known:
        raise wrong_secret(app.client_id)
    now = directory.clock()
    if all(one.expires is not None and one.expires <= now for one in known):
        raise expired_secret(app.client_id)


def _check_assertion(directory: Directory, app: Registration, form: Mapping[str, str]) -> None:
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise missing("client_assertion_type")
    try:
        header, claims = read(form["client_assertion"])
        pem = _certificate(app, header)
        verify(form["client_assertion"], str(header.get("alg")), pem)
    except BadAssertionError as error:
        raise bad_assertion(str(error)) from error
    _check_claims(directory, app, claims)
    if certificate_expires(pem) <= directory.clock():
        raise bad_assertion("The certificate is expired.")


def _certificate(app: Registration, header: dict[str, Any]) -> str:
    wanted = [str(header.get(name)).rstrip("=") for name in ("x5t", "x5t#S256")]
    for pem in app.certificates:
        sha1, sha256 = thumbprints(pem)
        if wanted[0] == sha1 or wanted[1] == sha256:
            return pem
    raise BadAssertionError("The thumbprint of the assertion is no registered certificate's.")


def _check_claims(directory: Directory, app: Registration, claims: dict[str, Any]) -> None:
    if not claims.get("iss") == claims.get("sub") == app.client_id:
        raise bad_assertion("Issuer and subject have to be the client id.")
    audience = str(claims.get("aud"))
    tenants = (directory.tenant_id.lower(), directory.domain.lower(), "common", "organizations")
    if not any(f"/{one}/" in audience.lower() for one in tenants):
        raise bad_assertion(f"The audience '{audience}' is not this tenant's token endpoint.")
    now = directory.clock()
    begin, end = claims.get("nbf", now), claims.get("exp")
    if not isinstance(begin, int | float) or not isinstance(end, int | float):
        raise assertion_time()
    if not begin - _LEEWAY <= now <= end + _LEEWAY:
        raise assertion_time()
