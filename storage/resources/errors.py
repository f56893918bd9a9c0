"""What the database refuses, said as SCIM errors (RFC 7644 §3.12); never with SQL in them."""

from collections.abc import Iterator
from contextlib import contextmanager

from scim2_models import ConflictException, UniquenessException
from tortoise.exceptions import IntegrityError


@contextmanager
def translated(user_name: str | None = None) -> Iterator[None]:
    """Turn a violated constraint into the SCIM error that it means.

    Args:
        user_name: the userName that is being written.

    Raises:
        UniquenessException: the userName is taken in the workspace.
        ConflictException: something that the write refers to has just gone.
    """
    try:
        yield
    except IntegrityError as error:
        if "user_name" in str(error):
            raise UniquenessException(
                attribute="userName",
                value=user_name,
                detail=f"The userName {user_name!r} is already taken.",
            ) from None
        raise ConflictException(
            detail="The resource, or one that it refers to, was changed by another request."
        ) from None
