"""What a good bearer token proves."""

from dataclasses import dataclass

from scim.caller import Caller


@dataclass(frozen=True, slots=True)
class Credential:
    """A caller, and what the gate has to know beside it.

    Attributes:
        caller: who calls.
        key: what its requests are counted under. It stays the same for every access token of one
            client secret and every JWT of one issuer, so that new ones do not evade a limit.
        seconds: how long the token is still good; ``None``: until it is revoked.
    """

    caller: Caller
    key: str
    seconds: float | None = None


class KeysUnavailableError(Exception):
    """Whether a JWT is good cannot be told: the keys of its issuer cannot be read now.

    Attributes:
        retry_after: seconds after which it is worth asking again.
    """

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
