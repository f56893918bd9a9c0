"""JSON Web Tokens: those the simulated platform signs, and the assertions that clients sign.

Sources: Microsoft identity platform: "Application authentication certificate credentials",
"Access tokens" (signature validation, signing key rollover), OpenID Connect discovery (JWKS).
"""

from __future__ import annotations

import base64
import functools
import hashlib
from typing import Any

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class BadAssertionError(ValueError):
    """A JWT that is malformed or not signed by the certificate."""


def encode(raw: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode base64url without padding; ``ValueError`` when it is none."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(claims: dict[str, Any]) -> str:
    """Sign claims with the platform's key, RS256."""
    header = {"typ": "JWT", "alg": "RS256", "kid": key_id()}
    signed = f"{encode(orjson.dumps(header))}.{encode(orjson.dumps(claims))}"
    signature = _key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{encode(signature)}"


def key_id() -> str:
    """Name the platform's signing key."""
    return encode(hashlib.sha256(_public_bytes()).digest())


def key_set(issuer: str) -> dict[str, Any]:
    """Build the JWKS document.

    Args:
        issuer: The issuer named beside the key.
    """
    numbers = _key().public_key().public_numbers()
    key = {
        "kty": "RSA",
        "use": "sig",
        "kid": key_id(),
        "x5t": key_id(),
        "n": encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": encode(numbers.e.to_bytes(3, "big")),
        "issuer": issuer,
    }
    return {"keys": [key]}


def thumbprints(pem: str) -> tuple[str, str]:
    """Compute the base64url SHA-1 and SHA-256 thumbprints of a certificate."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    sha1 = certificate.fingerprint(hashes.SHA1())  # noqa: S303 - x5t is defined as SHA-1
    return encode(sha1), encode(certificate.fingerprint(hashes.SHA256()))


def certificate_expires(pem: str) -> float:
    """Return when a certificate ends, in seconds since the epoch."""
    return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc.timestamp()


def read(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Decode the header and the claims of a JWT, unchecked.

    Raises:
        BadAssertionError: It is none.
    """
    parts = assertion.split(".")
    try:
        header, claims = (orjson.loads(decode(part)) for part in parts[:2])
    except ValueError as error:
        raise BadAssertionError("The assertion is no JWT.") from error
    if len(parts) != 3 or not isinstance(header, dict) or not isinstance(claims, dict):
        raise BadAssertionError("The assertion is no JWT.")
    return header, claims


def verify(assertion: str, algorithm: str, pem: str) -> None:
    """Check a JWT's signature against a certificate's public key.

    Args:
        assertion: The JWT.
        algorithm: ``RS256`` or ``PS256``.
        pem: The certificate.

    Raises:
        BadAssertionError: The signature is not this certificate's.
    """
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    if not isinstance(key, rsa.RSAPublicKey) or algorithm not in ("RS256", "PS256"):
        raise BadAssertionError("Only RS256 and PS256 are known.")
    pad: padding.AsymmetricPadding = padding.PKCS1v15()
    if algorithm == "PS256":
        pad = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    signed, _, signature = assertion.rpartition(".")
    try:
        key.verify(decode(signature), signed.encode(), pad, hashes.SHA256())
    except (InvalidSignature, ValueError) as error:
        raise BadAssertionError("The signature does not fit.") from error


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    """Make the platform's key once a process, when it is first needed."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _public_bytes() -> bytes:
    return (
        _key()
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
