"""What an endpoint of the API is: the one description that is dispatched and documented."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from gateway.http.api.problems import Problem
from storage.access import UserSyncRecord
from storage.access.api_tokens import ApiTokenRecord, Role

if TYPE_CHECKING:
    from gateway.wiring import Gateway

ROOT = "/api/v1"

LARGEST_BODY = 4 * 1_048_576
"""How many bytes a request body has at most: a schema exported from Entra fits."""


class Body(BaseModel):
    """A request body: what is not known is refused, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The query of a URL: what is not known is refused."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """A JSON answer."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that passed the gate.

    Attributes:
        token: who calls.
        path: what stands in the path, by name.
        query: the query, as the endpoint's model.
        body: the body, as the endpoint's model.
    """

    gateway: "Gateway"
    token: ApiTokenRecord
    path: dict[str, str]
    query: Any = None
    body: Any = None

    @property
    def actor(self) -> str:
        """Who stands in history and audit."""
        return f"api:{self.token.name}"[:128]

    def need(self, role: Role) -> None:
        """Refuse a token whose role is not enough.

        Raises:
            Problem: (403).
        """
        if not self.token.role.includes(role):
            raise Problem(
                403,
                "forbidden",
                f"This needs the role {role}; the token has the role {self.token.role}.",
                f"Use a token made by `ezto-gateway api-token create --role {role}`.",
            )

    async def sync(self) -> UserSyncRecord:
        """Return the user sync that the path names.

        Raises:
            Problem: (404) the workspace has none of this id.
        """
        sync_id = self.path["sync"]
        record = await self.gateway.user_syncs.get(self.token.workspace, sync_id)
        if record is None:
            raise Problem(
                404,
                "no_such_user_sync",
                f"There is no user sync with the id {sync_id[:80]!r}.",
                f"GET {ROOT}/user-syncs lists them.",
            )
        return record


Handler = Callable[[Call], Awaitable[BaseModel | Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path.

    Attributes:
        method: of HTTP.
        path: below :data:`ROOT`, names in braces.
        handler: does it.
        role: the least role that may.
        summary: what it does, in a sentence.
        answer: model of the answer; ``None`` for one that is no JSON, or empty.
        body: model of the request's body, if it has one.
        query: model of the query.
        status: of a good answer.
        media_type: of the answer.
        optional_body: an empty body means the model's defaults.
    """

    method: str
    path: str
    handler: Handler
    role: Role
    summary: str
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    media_type: str = "application/json"
    optional_body: bool = False

    @property
    def name(self) -> str:
        """The operationId: the handler's name."""
        return str(getattr(self.handler, "__name__", "")).strip("_")
