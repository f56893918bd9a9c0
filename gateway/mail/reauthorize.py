"""The mail that says that somebody has to sign in again."""

from email.message import EmailMessage
from typing import Any

from gateway.mail.message import Letter, moment_text, one_line, short_name, write
from gateway.values import cut
from scim.provisioning.records import RunRecord

LONGEST_TEXT = 1_000


def build_reauthorize(
    sync_name: str, run: RunRecord, sync_url: str | None, sender: str, recipient: str
) -> EmailMessage:
    """Return the mail.

    Args:
        sync_name: what the administrator called the user sync.
        run: the run that could not sign in.
        sync_url: the page of the user sync, if the gateway's public URL is known.
        sender: an address.
        recipient: an address.

    Raises:
        ValueError: an address is none.
    """
    headline = f"Sync {short_name(sync_name)} cannot sign in to Microsoft: reauthorize it"
    moment = run.finished_at or run.started_at
    values: dict[str, Any] = {
        "headline": headline,
        "message": cut(one_line(run.message), LONGEST_TEXT),
        "advice": cut(one_line(run.advice), LONGEST_TEXT),
        "started": moment_text(run.started_at),
        "sync_url": sync_url,
        "sync_id": run.sync_id,
        "run_id": run.id,
    }
    letter = Letter(f"{run.id}.reauthorize", headline, "reauthorize", values, moment)
    return write(letter, sender, recipient)
