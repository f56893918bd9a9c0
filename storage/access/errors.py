"""What the repositories refuse."""

from collections.abc import Sequence


class NameTaken(Exception):
    """Another one of the workspace has this name already: choose a different one.

    Attributes:
        name: the name that is taken.
    """

    def __init__(self, what: str, name: str) -> None:
        super().__init__(f"There is a {what} named {name!r} already. Choose a different name.")
        self.name = name


class EditedMeanwhile(Exception):
    """Somebody else edited it since it was read: look at what it is now, and edit that."""

    def __init__(self, what: str, name: str) -> None:
        super().__init__(
            f"The {what} {name!r} was edited by somebody else meanwhile. Look at what it is now, "
            "then edit it again."
        )
        self.name = name


class TooManyLive(Exception):
    """A client has two live secrets of a kind already, and a third was asked for.

    Attributes:
        live: ids of the live ones, the oldest first.
    """

    def __init__(self, what: str, client: str, live: Sequence[str]) -> None:
        super().__init__(
            f"The SCIM client {client!r} has {len(live)} live {what} already, the most there may "
            f"be at once. Revoke one first (the oldest is {live[0]}), or replace the oldest."
        )
        self.live = tuple(live)


class BindingTaken(Exception):
    """Tokens of this issuer and audience open a SCIM client already: one binding, one client."""

    def __init__(self, issuer: str, audience: str) -> None:
        super().__init__(
            f"Tokens of {issuer} for {audience} are bound already. Each pair of issuer and "
            "audience opens one SCIM client of one workspace: remove the other binding first, or "
            "have the issuer use another audience."
        )
