"""What names this process in the lease of a user sync, and whether another one has ended.

A name is host, boot and process namespace, process id and start, so that a process on the same
machine that was killed is recognised at once: its syncs go on without waiting for its lease to
run out. Of a process that may be on another machine, or in another container, nothing is known.
"""

import hashlib
import os
import socket
from pathlib import Path

LONGEST_HOST = 24

ENDED = "ZX"
"""States of a process that has ended and that nobody has taken note of yet."""


def process_owner() -> str:
    """Return what names this process, at most 64 characters."""
    pid = os.getpid()
    return f"{_here()}:{pid}:{_start_of(pid) or 0}"


def has_ended(owner: str) -> bool:
    """Tell whether the process of a name has certainly ended.

    Args:
        owner: what :func:`process_owner` returned there.
    """
    here, _, process = owner.rpartition(":")
    here, _, pid = here.rpartition(":")
    if here != _here() or not pid.isdigit() or not process.isdigit():
        return False
    started = _start_of(int(pid))
    return started is None if process == "0" else started != int(process)


def _here() -> str:
    """Return what names this machine since it was started, and the namespace of its processes."""
    facts = [_read("/proc/sys/kernel/random/boot_id"), _namespace()]
    digest = hashlib.blake2b("\n".join(facts).encode(), digest_size=6).hexdigest()
    return f"{socket.gethostname()[:LONGEST_HOST]}:{digest}"


def _namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _start_of(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the boot; ``None`` when there is none.

    Source: proc(5), fields 3 and 22 of ``/proc/pid/stat``; the second one may hold spaces.
    """
    text = _read(f"/proc/{pid}/stat")
    if text:
        facts = text.rpartition(")")[2].split()
        return None if facts[0] in ENDED else int(facts[19])
    if Path("/proc/self/stat").exists():
        return None
    return _start_without_proc(pid)


def _start_without_proc(pid: int) -> int | None:
    """Return 0 for a process that is there, on systems without ``/proc``."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
