"""Where things of this gateway are, for mails: they are written without a request to look at."""

from dataclasses import dataclass

from gateway.settings import Settings

ENROLL = "/enroll"
"""Below it are the public pages of invitations."""


@dataclass(frozen=True, slots=True)
class Links:
    """The public addresses of the gateway.

    Attributes:
        base: its URL without a slash at the end, or ``None`` when nobody said it.
    """

    base: str | None

    @classmethod
    def of(cls, settings: Settings) -> "Links":
        """Return the addresses that settings give.

        Without a base URL, a gateway that writes mails into files is one that is tried out on
        this machine, and its own address is good enough.
        """
        if settings.base_url or settings.smtp_url or not settings.port:
            return cls(settings.base_url)
        anywhere = settings.host in ("", "0.0.0.0", "::")  # noqa: S104
        host = "127.0.0.1" if anywhere else settings.host
        return cls(
            f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
        )

    def enroll(self, secret: str) -> str | None:
        """Return the link of an invitation."""
        return self.base and f"{self.base}{ENROLL}/{secret}"

    def sync(self, sync_id: str) -> str | None:
        """Return the page of a user sync."""
        return self.base and f"{self.base}/user-syncs/{sync_id}"

    def run(self, sync_id: str, run_id: str) -> str | None:
        """Return the page of a sync run."""
        return self.base and f"{self.base}/user-syncs/{sync_id}/runs/{run_id}"
