"""The ETag of an answer that shows memberships."""

import hashlib


def covering_tag(version: str, shown: bytes) -> str:
    """Return the ETag of a version that also covers what an answer shows beside the document.

    Args:
        version: ``meta.version``.
        shown: the memberships and links that the answer shows, as JSON.
    """
    digest = hashlib.blake2b(shown, digest_size=8).hexdigest()
    return f'{version[:-1]}-{digest}"'
