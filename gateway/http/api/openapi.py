"""The description of the API (OpenAPI 3.1), written from the table that dispatches."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from gateway.http.api.endpoints import ROOT, Answer, Endpoint

REFERENCE = "#/components/schemas/{model}"

ERRORS = {
    "400": "The request cannot be read.",
    "401": "The token is missing, or not good.",
    "403": "The token's role is not enough.",
    "404": "There is no such thing.",
    "409": "It cannot be done now: it runs, is paused, or the plan is outdated.",
    "422": "A value is wrong; `errors` says which, and why.",
    "429": "Too many requests; `Retry-After` says when to repeat.",
}


class FieldError(Answer):
    """What is wrong with one value."""

    field: str
    message: str
    remedy: str


class ProblemDetails(Answer):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    remedy: str
    errors: list[FieldError] = Field(default_factory=list)


def document(endpoints: Sequence[Endpoint], server: str) -> dict[str, Any]:
    """Return the description of the API as JSON values.

    Args:
        endpoints: the table.
        server: base URL of the gateway.
    """
    models: list[type[BaseModel]] = [ProblemDetails]
    for each in endpoints:
        models += [model for model in (each.body, each.answer) if model is not None]
    unique = list(dict.fromkeys(models))
    _, definitions = models_json_schema(
        [(model, "validation") for model in unique], ref_template=REFERENCE
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ezto provisioning gateway",
            "version": version("ezto-gateway"),
            "summary": "Runs, configures and explains user syncs.",
        },
        "servers": [{"url": f"{server}{ROOT}"}],
        "security": [{"token": []}],
        "paths": _paths(endpoints),
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token made by `ezto-gateway api-token create`.",
                }
            },
        },
    }


def _paths(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return paths


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f"Needs the role {endpoint.role} or more.",
        "x-role": endpoint.role.value,
        "parameters": _path_parameters(endpoint) + _query_parameters(endpoint),
        "responses": {str(endpoint.status): _good(endpoint)} | _errors(),
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": not endpoint.optional_body,
            "content": {"application/json": {"schema": _reference(endpoint.body)}},
        }
    return operation


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)\}", endpoint.path)
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema()
    known = schema.get("$defs", {})
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _inlined(value, known),
            **({"description": value["description"]} if "description" in value else {}),
        }
        for name, value in schema["properties"].items()
    ]


def _inlined(value: Any, known: dict[str, Any]) -> Any:
    """Return a schema with its definitions in the place of references to them."""
    if isinstance(value, list):
        return [_inlined(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _inlined(known[value["$ref"].rpartition("/")[2]], known)
    return {key: _inlined(each, known) for key, each in value.items() if key != "description"}


def _good(endpoint: Endpoint) -> dict[str, Any]:
    schema = {"type": "string"} if endpoint.answer is None else _reference(endpoint.answer)
    return {
        "description": endpoint.summary,
        "content": {endpoint.media_type: {"schema": schema}},
    }


def _errors() -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _reference(ProblemDetails)}}
    return {status: {"description": text, "content": content} for status, text in ERRORS.items()}


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REFERENCE.format(model=model.__name__)}
