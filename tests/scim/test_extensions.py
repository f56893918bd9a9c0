"""Extension schemas from JSON files: checked at start, then served like the built-in ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from scim.extensions import ExtensionError
from scim.schema import build_provider
from scim.service import GatewayService
from tests.scim.world import Api, Serve, op

HR = "urn:example:params:scim:schemas:extension:hr:2.0:User"
TEAM = "urn:example:params:scim:schemas:extension:team:2.0:Group"


def attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "multiValued": False, **more}


def document(*attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": HR,
        "name": "HrUser",
        "description": "What the HR system knows.",
        "attributes": list(attributes),
    }
    return {"resourceType": "User", "schema": {**schema, **more}}


BADGES = attribute(
    "badges",
    "complex",
    multiValued=True,
    subAttributes=[attribute("value"), attribute("type"), attribute("since", "dateTime")],
)
WHOLE = document(
    attribute("costCenter", description="Who pays.", canonicalValues=["A", "B"]),
    attribute("badgeCode", caseExact=True, mutability="immutable"),
    attribute("grade", "integer"),
    attribute("ratio", "decimal"),
    attribute("contractor", "boolean"),
    attribute("hiredAt", "dateTime"),
    attribute("photo", "binary"),
    attribute("mentor", "reference", referenceTypes=["User"]),
    attribute("site", "complex", subAttributes=[attribute("room"), attribute("floor", "integer")]),
    attribute("tags", multiValued=True),
    attribute("score", "integer", mutability="readOnly"),
    attribute("note", returned="request"),
    BADGES,
)


def write(directory: Path, content: Any, name: str = "hr.json") -> Path:
    file = directory / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


@pytest.fixture
def service(tmp_path: Path) -> GatewayService:
    team = {
        "resourceType": "Group",
        "required": True,
        "schema": {"id": TEAM, "name": "TeamGroup", "attributes": [attribute("cost", "integer")]},
    }
    files = [write(tmp_path, WHOLE), write(tmp_path, team, "team.json")]
    return GatewayService("secret", build_provider(extension_files=files))


def test_it_is_stored_filtered_and_served(serve: Serve, service: GatewayService) -> None:
    async def check(api: Api) -> None:
        values = {
            "costCenter": "Sales",
            "badgeCode": "Ab",
            "grade": 7,
            "ratio": 0.5,
            "contractor": False,
            "hiredAt": "2024-01-31T12:00:00Z",
            "photo": "aGVsbG8=",
            "site": {"room": "B12", "floor": -1},
            "tags": ["x", "y"],
            "badges": [{"value": "gold", "type": "club"}],
        }
        user = await api.user("ann", **{HR: {**values, "score": 9, "note": "kept"}})
        await api.user("bob")
        read = await api.get(f"/Users/{user}")
        assert read.body[HR] == values
        assert HR in read.body["schemas"]
        asked = await api.get(f"/Users/{user}", attributes=f"{HR}:note,{HR}:site.room")
        assert asked.body[HR] == {"note": "kept", "site": {"room": "B12"}}
        for filter_text in (
            f'{HR}:costCenter eq "SALES"',
            f"{HR}:grade gt 6",
            f"{HR}:ratio le 0.5",
            f"{HR}:contractor eq false",
            f'{HR}:hiredAt lt "2024-02-01T00:00:00+01:00"',
            f'{HR}:site.room sw "b1" and {HR}:site.floor lt 0',
            f'{HR}:tags eq "Y"',
            f'{HR}:badges[type eq "club" and value co "ol"]',
            f'{HR}:badgeCode eq "Ab" and not ({HR}:badgeCode eq "AB")',
        ):
            assert (await api.get("/Users", filter=filter_text)).names == ["ann"], filter_text
        found = await api.get("/Users", sortBy=f"{HR}:grade", sortOrder="descending")
        assert found.names == ["bob", "ann"]

    serve(check, service)


def test_it_is_written_by_its_rules(serve: Serve, service: GatewayService) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann", **{HR: {"badgeCode": "Ab", "grade": 1}})
        path = f"/Users/{user}"
        answer = await api.patch(
            path,
            op("replace", f"{HR}:grade", 2),
            op("add", None, {HR: {"costCenter": "Sales"}}),
            op("add", f'{HR}:badges[type eq "club"].value', "gold"),
            op("add", f"{HR}:badges", [{"value": "GOLD", "type": "club"}]),
        )
        assert answer.body[HR] == {
            "badgeCode": "Ab",
            "grade": 2,
            "costCenter": "Sales",
            "badges": [{"value": "gold", "type": "club"}],
        }
        for operation, word in (
            (op("replace", f"{HR}:badgeCode", "x"), "badgeCode"),
            (op("replace", f"{HR}:score", 1), "score"),
            (op("replace", f"{HR}:grade", "high"), f"{HR}:grade"),
        ):
            refused = await api.patch(path, operation)
            assert refused.status == 400
            assert word in refused.detail
        too_big = await api.patch(path, op("replace", f"{HR}:grade", 2**70))
        assert too_big.error == (400, "invalidValue")
        assert HR in too_big.detail
        refused = await api.patch(path, op("remove", HR))
        assert refused.error == (400, "mutability")
        bob = await api.user("bob", **{HR: {"grade": 2}})
        await api.patch(f"/Users/{bob}", op("remove", HR))
        assert HR not in (await api.get(f"/Users/{bob}")).body["schemas"]
        assert (await api.audit(bob))[-1].changes[HR] == {"old": {"grade": 2}, "new": None}
        missing = await api.post("/Groups", {"displayName": "g"})
        assert missing.error == (400, "invalidValue")
        assert TEAM in missing.detail
        assert (await api.post("/Groups", {"displayName": "g", TEAM: {"cost": 1}})).status == 201

    serve(check, service)


def test_it_is_discovered(serve: Serve, service: GatewayService) -> None:
    async def check(api: Api) -> None:
        shown = (await api.get(f"/Schemas/{HR}")).body
        assert (shown["name"], shown["description"]) == ("HrUser", "What the HR system knows.")
        by_name = {each["name"]: each for each in shown["attributes"]}
        for given in WHOLE["schema"]["attributes"]:
            served = by_name[given["name"]]
            assert {name: served[name] for name in given if name != "subAttributes"} == {
                name: value for name, value in given.items() if name != "subAttributes"
            }
        user_type = (await api.get("/ResourceTypes/User")).body
        assert {"schema": HR, "required": False} in user_type["schemaExtensions"]
        group_type = (await api.get("/ResourceTypes/Group")).body
        assert group_type["schemaExtensions"] == [{"schema": TEAM, "required": True}]

    serve(check, service)


WRONG: list[tuple[Any, str]] = [
    ("{", "the file: is not JSON"),
    ([], "the file: must be one object with schema, resourceType"),
    ({**WHOLE, "extra": 1}, "the file: must be one object"),
    ({**WHOLE, "resourceType": "Pet"}, "resourceType: must be one of User, Group"),
    ({**WHOLE, "required": "yes"}, "required: must be true or false"),
    ({**WHOLE, "schema": 5}, "schema: The body must be an object"),
    (document(), "schema.attributes: must declare at least one attribute"),
    (document(attribute("a"), id="hr"), "schema.id:"),
    (document(attribute("a"), id="https://example.com/hr"), "schema.id: must be a URN"),
    (document(attribute("a"), name="HR user"), "schema.name: must be letters and digits"),
    (document(attribute("a"), name="emails"), "schema.name: is the name of an attribute of User"),
    (
        document(attribute("a"), id="urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"),
        "schema.id: is served by the server itself already",
    ),
    (document(attribute("a", "text")), "schema.attributes[0].type: must be one of 'string'"),
    (document({"name": "a", "type": "string"}), "attribute a: needs multiValued"),
    (document({"name": "a", "multiValued": False}), "attribute a: needs a type"),
    (document(attribute("")), "attribute number 1: needs a name"),
    (document(attribute("1a")), "attribute 1a: has a name that RFC 7643 §2.1 does not allow"),
    (document(attribute("Id")), "attribute Id: has the name of a common attribute"),
    (document(attribute("ab"), attribute("AB")), "attribute AB: is declared twice"),
    (document(attribute("a", "complex")), "attribute a: is complex and needs subAttributes"),
    (
        document(attribute("a", subAttributes=[attribute("b")])),
        "attribute a: has subAttributes but is not complex",
    ),
    (
        document(
            attribute(
                "a", "complex", subAttributes=[attribute("b", "complex", subAttributes=[BADGES])]
            )
        ),
        "attribute a.b: cannot be complex inside",
    ),
    (document(attribute("a", mutability="writeOnly")), "attribute a: cannot be writeOnly"),
    (document(attribute("a", returned="never")), "attribute a: cannot be writeOnly or never"),
    (
        document(attribute("a", required=True, mutability="readOnly")),
        "attribute a: cannot be required and readOnly",
    ),
    (document(attribute("a", uniqueness="server")), "attribute a: must have uniqueness none"),
    (document(attribute("a", mutability="maybe")), "schema.attributes[0].mutability: must be one"),
]


@pytest.mark.parametrize(("content", "reason"), WRONG, ids=[reason for _, reason in WRONG])
def test_a_file_that_cannot_be_served_is_told(tmp_path: Path, content: Any, reason: str) -> None:
    file = write(tmp_path, content)
    with pytest.raises(ExtensionError) as refused:
        build_provider(extension_files=[file])
    assert str(refused.value).startswith(f"{file}: {reason}")


def test_files_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    one = write(tmp_path, document(attribute("a")), "one.json")
    same = write(tmp_path, document(attribute("a")), "same.json")
    with pytest.raises(ExtensionError, match=r"same\.json: schema\.id: is served by .*one\.json"):
        build_provider(extension_files=[one, same])
    other = write(tmp_path, document(attribute("a"), id=f"{HR}2"), "other.json")
    with pytest.raises(ExtensionError, match=r"other\.json: schema\.name: .*one\.json"):
        build_provider(extension_files=[one, other])
    with pytest.raises(ExtensionError, match=r"none\.json: the file: cannot be read"):
        build_provider(extension_files=[tmp_path / "none.json"])
