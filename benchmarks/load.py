"""Load: wrk where it is installed (``apt-get install wrk``), else a process of Python.

Both hold 16 connections open, send the requests of a row in order, and count what is answered.
"""

import asyncio
import itertools
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 16

_LUA = """
local file = io.open("{file}")
local requests, n = {{}}, 0
for line in file:lines() do
  local method, path, body = line:match("([^\\t]*)\\t([^\\t]*)\\t?(.*)")
  n = n + 1
  requests[n] = wrk.format(method, path, {{
    ["Authorization"] = "Bearer {token}", ["Content-Type"] = "application/scim+json",
  }}, body ~= "" and body or nil)
end
file:close()
local i = {first}
request = function()
  i = i + 1
  return requests[(i - 1) % n + 1]
end
done = function(summary, latency)
  io.write(string.format(
    '\\nRESULT {{"requests":%d,"micros":%d,"bad":%d,"p50":%d,"p99":%d}}\\n', summary.requests,
    summary.duration, summary.errors.status + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    path: str
    body: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out of one run."""

    requests: int
    seconds: float
    bad: int

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def generator() -> str:
    """Return which load generator is used."""
    return "wrk" if shutil.which("wrk") else "python"


def run(
    url: str, token: str, requests: Sequence[Request], seconds: float, first: int, scratch: Path
) -> Measured:
    """Send requests for some time, beginning with the one at a position."""
    if generator() == "python":
        return run_python(url, token, requests, seconds, first)
    listed = scratch / "requests.tsv"
    listed.write_text("".join(f"{r.method}\t{r.path}\t{r.body}\n" for r in requests))
    script = scratch / "requests.lua"
    script.write_text(_LUA.format(file=listed, token=token, first=first))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "60s"]
    told = subprocess.run(
        [*command, "-s", str(script), url], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"RESULT (\{.*\})", told)
    assert found is not None, told
    result = json.loads(found[1])
    return Measured(result["requests"], result["micros"] / 1e6, result["bad"])


def run_python(
    url: str, token: str, requests: Sequence[Request], seconds: float, first: int = 0
) -> Measured:
    """Send requests from a Python process."""
    work = {"url": url, "token": token, "seconds": seconds, "first": first}
    lines = [[r.method, r.path, r.body] for r in requests]
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps({**work, "requests": lines}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return Measured(**json.loads(told))


def once(url: str, token: str, requests: Sequence[Request]) -> Measured:
    """Send each request once, over all connections, and wait for every answer."""
    return asyncio.run(_load(url, token, requests, None, 0))


async def _load(
    url: str, token: str, requests: Sequence[Request], seconds: float | None, first: int
) -> Measured:
    place = urlsplit(url)
    numbers = itertools.islice(itertools.count(first), len(requests) if seconds is None else None)
    started = time.perf_counter()
    until = None if seconds is None else started + seconds
    counts = [0, 0]

    async def work() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for number in numbers:
            if until is not None and time.perf_counter() >= until:
                break
            writer.write(_raw(requests[number % len(requests)], place.netloc, token))
            status = await _answer(reader)
            counts[0] += 1
            counts[1] += status >= 400
        writer.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return Measured(counts[0], time.perf_counter() - started, counts[1])


def _raw(request: Request, host: str, token: str) -> bytes:
    body = request.body.encode()
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/scim+json\r\n"
    )
    if body:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head, re.I)
    if length:
        await reader.readexactly(int(length[1]))
    elif b"chunked" in head.lower():
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    return int(head[9:12])


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    asked["requests"] = [Request(*each) for each in asked["requests"]]
    outcome = asyncio.run(_load(**asked))
    print(
        json.dumps({"requests": outcome.requests, "seconds": outcome.seconds, "bad": outcome.bad})
    )
