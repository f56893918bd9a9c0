"""The answers of a ``$batch``: one status for each request in it.

Source: Microsoft Graph: "Combine multiple HTTP requests using JSON batching" (response format,
throttling and batching: ``Retry-After`` stands with the inner answer).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azure_adapter.graph.outcomes import Outcome, Verdict, judge
from azure_adapter.graph.payload import Damaged
from azure_adapter.graph.retry import parse_retry_after


@dataclass(frozen=True, slots=True)
class Step:
    """One answer inside a batch.

    Attributes:
        status: HTTP status; 0 when the batch did not answer this request.
        body: JSON object; empty when there was none.
        headers: Headers with lower-case names.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether it is what was asked for."""
        return self.status == 200

    @property
    def outcome(self) -> Outcome:
        """What a bad answer means."""
        error = self.body.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return judge(self.status, code if isinstance(code, str) else "")

    @property
    def missing(self) -> bool:
        """Whether Graph says that the object does not exist."""
        return not self.good and self.outcome.verdict is Verdict.skip

    @property
    def again(self) -> bool:
        """Whether the same request may have a good answer later."""
        return self.status == 0 or (not self.good and self.outcome.verdict is Verdict.retry)

    def retry_after(self, now: float) -> float | None:
        """Return the seconds that Graph wants to be left alone for."""
        return parse_retry_after(self.headers.get("retry-after"), now)


def read_steps(body: dict[str, Any]) -> dict[str, Step]:
    """Read the answer of a batch, by the ids of the requests.

    Raises:
        Damaged: it is none.
    """
    found = body.get("responses")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Damaged("damaged_answer", "a batch without answers")
    return {str(one.get("id")): _step(one) for one in found}


def _step(answer: dict[str, Any]) -> Step:
    status, body, headers = answer.get("status"), answer.get("body"), answer.get("headers")
    if not isinstance(status, int):
        raise Damaged("damaged_answer", "an answer in a batch without a status")
    named = headers.items() if isinstance(headers, dict) else ()
    return Step(
        status,
        body if isinstance(body, dict) else {},
        {str(name).lower(): str(value) for name, value in named},
    )
