"""A tiny SCIM server with faults that can be switched on, to show that checks can fail."""

import json
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

Answer = tuple[int, Any]


class Tiny:
    """Just enough SCIM to be tested: creation, reading, lists, member changes, deletion.

    Args:
        faults: what it does wrong. ``html-errors``: errors are HTML with a traceback;
            ``keeps-ids``: a client's id is honoured; ``loses-updates``: a PATCH writes back the
            group as it was when it was created; ``undeletable``: nothing can be deleted;
            ``busy``: every other request is told to come again; ``open``: tokens are not looked at.
    """

    def __init__(self, faults: Iterable[str] = ()) -> None:
        self.faults = set(faults)
        self.resources: dict[str, dict[str, Any]] = {}
        self.created: dict[str, list[str]] = {}
        self.tokens: list[str] = []
        self._requests = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        self.tokens.append(headers.get("authorization", ""))
        status, document = self._answer(scope, headers, body)
        content, kind = self._encoded(status, document)
        sent = [(b"content-type", kind), (b"retry-after", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": content})

    def _encoded(self, status: int, document: Any) -> tuple[bytes, bytes]:
        if status >= 400 and "html-errors" in self.faults:
            text = "<html>Traceback (most recent call last): sqlite3.OperationalError</html>"
            return text.encode(), b"text/html"
        content = b"" if document is None else json.dumps(document).encode()
        return content, b"application/scim+json"

    def _answer(self, scope: Any, headers: dict[str, str], body: bytes) -> Answer:
        self._requests += 1
        if "busy" in self.faults and self._requests % 2:
            return _error(429)
        if "open" not in self.faults and headers.get("authorization") != "Bearer tiny":
            return _error(401)
        kind, _, id_ = scope["path"].removeprefix("/v2/").partition("/")
        if kind not in ("Users", "Groups"):
            return _error(404)
        if id_:
            return self._one(scope["method"], f"{kind}/{id_}", body)
        if scope["method"] == "POST":
            return self._create(kind, body)
        query = parse_qs(scope["query_string"].decode())
        found = [value for key, value in self.resources.items() if key.startswith(kind)]
        size = int(query.get("count", ["100"])[0])
        return 200, {"schemas": [LIST], "totalResults": len(found), "Resources": found[:size]}

    def _create(self, kind: str, body: bytes) -> Answer:
        try:
            resource = json.loads(body)
        except ValueError:
            return _error(400)
        if not isinstance(resource, dict):
            return _error(400)
        honoured = resource.get("id") if "keeps-ids" in self.faults else None
        resource["id"] = honoured or uuid.uuid4().hex
        key = f"{kind}/{resource['id']}"
        self.resources[key] = resource
        self.created[key] = [each["value"] for each in resource.get("members", [])]
        return 201, resource

    def _one(self, method: str, key: str, body: bytes) -> Answer:
        if key not in self.resources:
            return _error(404)
        if method == "DELETE":
            if "undeletable" in self.faults:
                return _error(500)
            del self.resources[key]
            return 204, None
        if method == "PATCH":
            self._patch(key, json.loads(body)["Operations"])
        return 200, self.resources[key]

    def _patch(self, key: str, operations: list[dict[str, Any]]) -> None:
        kept = [each["value"] for each in self.resources[key].get("members", [])]
        if "loses-updates" in self.faults:
            kept = self.created[key]
        added = [each["value"] for one in operations for each in one.get("value", [])]
        members = [{"value": each} for each in dict.fromkeys([*kept, *added])]
        self.resources[key]["members"] = members


def _error(status: int) -> Answer:
    return status, {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": "refused",
    }
