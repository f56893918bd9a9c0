"""What an operator says about an issuer of JWTs, checked, and Entra's own as a preset."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.access.jwks import ALGORITHMS, check_keys_url
from gateway.access.problem import AccessProblem
from storage.access import IssuerBinding

ENTRA_AUDIENCE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""``aud`` of the tokens that Entra signs for every non-gallery application (its template id).

Source: Microsoft, "Tutorial: Develop and plan provisioning for a SCIM endpoint", section "Handling
endpoint authentication". Gallery applications and national clouds have other ids.
"""

ENTRA_LOGIN = "https://login.microsoftonline.com"

LONGEST = 512


@dataclass(frozen=True, slots=True)
class NewIssuer:
    """An issuer that is to open a SCIM client.

    Attributes:
        issuer: the claim ``iss``, exactly.
        audience: one of the claim ``aud``, exactly.
        jwks_url: where its keys are.
        algorithms: which of RS256 and ES256 may sign.
        directory: the claim ``tid``, exactly, or "".
        claims: further claims with their exact values, such as ``client_id``.
    """

    issuer: str
    audience: str
    jwks_url: str
    algorithms: tuple[str, ...] = ("RS256",)
    directory: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)

    def binding(self) -> IssuerBinding:
        """Return what is stored.

        Raises:
            AccessProblem: something of it could never work; the message names it.
        """
        _check_text("issuer", self.issuer)
        _check_text("audience", self.audience)
        unknown = sorted(set(self.algorithms) - set(ALGORITHMS))
        if unknown or not self.algorithms:
            raise AccessProblem(
                f"The algorithm {', '.join(unknown) or '(none)'} may not sign tokens. "
                f"Use {' or '.join(ALGORITHMS)}."
            )
        try:
            check_keys_url(self.jwks_url)
        except ValueError as error:
            raise AccessProblem(f"{error}.") from None
        for name, value in self.claims.items():
            _check_text(f"claim {name!r}", value)
        return IssuerBinding(
            issuer=self.issuer,
            audience=self.audience,
            jwks_url=self.jwks_url,
            algorithms=tuple(dict.fromkeys(self.algorithms)),
            directory=self.directory,
            claims=dict(self.claims),
        )


def entra_issuers(
    tenant_id: str, audience: str | None = None, claims: Mapping[str, str] | None = None
) -> list[NewIssuer]:
    """Return the two issuers (v1 and v2 tokens) of a directory of Entra ID.

    Args:
        tenant_id: the directory (tenant) id.
        audience: another ``aud`` than that of non-gallery applications.
        claims: further claims with their exact values.

    Raises:
        AccessProblem: the tenant id is none.
    """
    try:
        tenant = str(uuid.UUID(tenant_id))
    except ValueError:
        raise AccessProblem(
            f"{tenant_id!r} is no directory id. It looks like "
            "11111111-2222-4333-8444-555555555555 and stands in the overview of Entra ID."
        ) from None
    keys = f"{ENTRA_LOGIN}/{tenant}/discovery/v2.0/keys"
    issuers = (f"https://sts.windows.net/{tenant}/", f"{ENTRA_LOGIN}/{tenant}/v2.0")
    return [
        NewIssuer(
            issuer=issuer,
            audience=audience or ENTRA_AUDIENCE,
            jwks_url=keys,
            directory=tenant,
            claims=claims or {},
        )
        for issuer in issuers
    ]


def _check_text(what: str, text: str) -> None:
    if not text or len(text) > LONGEST or not text.isprintable():
        raise AccessProblem(f"The {what} has to have 1 to {LONGEST} printable characters.")
