"""Custom extension schemas named in the settings are served like the built-in ones."""

import json
from pathlib import Path

import pytest

from gateway.settings import SettingsError
from gateway.wiring import Gateway
from tests.databases import run
from tests.gateway.support import live_gateway, settings_for

URN = "urn:acme:params:scim:schemas:extension:badge:1.0:User"


def badge(folder: Path, **attribute: object) -> str:
    schema = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": URN,
        "name": "Badge",
        "description": "The badge of a person",
        "attributes": [
            {
                "name": "badgeNumber",
                "type": "string",
                "multiValued": False,
                "description": "Number on the badge",
                "required": False,
                "caseExact": True,
                "mutability": "readWrite",
                "returned": "default",
                "uniqueness": "none",
                **attribute,
            }
        ],
    }
    file = folder / "badge.json"
    file.write_text(json.dumps({"resourceType": "User", "schema": schema}))
    return str(file)


def test_a_custom_extension_is_announced_stored_filtered_and_patched(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, database_url, scim_extensions=badge(tmp_path))
    with live_gateway(settings) as live, live.client() as http:
        assert http.get(f"/Schemas/{URN}").json()["name"] == "Badge"
        user = {"schemas": [], "userName": "ann", URN: {"badgeNumber": "A-17"}}
        created = http.post("/Users", json=user)
        assert created.status_code == 201, created.text
        assert created.json()[URN] == {"badgeNumber": "A-17"}
        found = http.get("/Users", params={"filter": f'{URN}:badgeNumber eq "A-17"'}).json()
        assert found["totalResults"] == 1
        patch = [{"op": "replace", "path": f"{URN}:badgeNumber", "value": "B-18"}]
        path = f"/Users/{created.json()['id']}"
        assert http.patch(path, json={"Operations": patch}).status_code == 200
        assert http.get(path).json()[URN] == {"badgeNumber": "B-18"}
        entra = [{"op": "Remove", "path": f"{URN}:badgeNumber", "value": "B-18"}]
        removed = http.patch(path, json={"Operations": entra})
        assert removed.status_code == 200, removed.text
        assert URN not in http.get(path).json()


def test_a_schema_that_cannot_be_served_stops_the_start_with_a_reason(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, scim_extensions=badge(tmp_path, type="colour"))

    async def start() -> None:
        async with Gateway.open(settings):
            raise AssertionError("it started")

    with pytest.raises(SettingsError) as refused:
        run(start())
    assert "EZTO_SCIM_EXTENSIONS" in str(refused.value)
    assert "badge.json" in str(refused.value)
    assert "schema.attributes[0].type: must be one of" in str(refused.value)
