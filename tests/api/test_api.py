"""The JSON API over a real server: everything that the engine can do, and its description."""

from __future__ import annotations

import re
from typing import Any

from gateway.http.api.routes import ENDPOINTS
from storage.access.api_tokens import Role
from tests.api.conftest import Api
from tests.api.test_access import assert_problem, call

DRAFT = {"deletion_policy": "deactivate"}


def test_a_run_from_the_api_is_told_apart_and_browsed(api: Api) -> None:
    counts = api.directory.counts()
    with api.client() as http:
        runs = f"/user-syncs/{api.sync}/runs"
        first = http.post(runs, json={"preview": True})
        again = http.post(runs, json={"preview": True})
        assert first.json()["id"] == again.json()["id"]
        preview = api.finished(http, first)
        assert (preview["preview"], preview["trigger"]) == (True, "api")
        assert preview["users"]["created"] == counts["users"]

        wrong = http.post(f"{runs}/{preview['id']}/apply", json={"checksum": "0"})
        assert assert_problem(wrong, 409)["code"] == "outdated"
        checksum = {"checksum": preview["checksum"]}
        run = api.finished(http, http.post(f"{runs}/{preview['id']}/apply", json=checksum))
        assert (run["status"], run["reviewed_run"]) == ("succeeded", preview["id"])
        assert run["actor"] == "api:tests administrator"
        late = http.post(f"{runs}/{preview['id']}/apply", json=checksum)
        assert assert_problem(late, 409)["code"] == "outdated"

        third = api.finished(http, http.post(runs))
        listed = http.get(runs, params={"limit": 2}).json()
        assert [each["id"] for each in listed["items"]] == [third["id"], run["id"]]
        rest = http.get(runs, params={"after": listed["next"]}).json()
        assert [each["id"] for each in rest["items"]] == [preview["id"]]
        assert rest["next"] is None

        operations = f"{runs}/{run['id']}/operations"
        seen: list[dict[str, Any]] = []
        after = 0
        while after is not None:
            page = http.get(operations, params={"after": after, "limit": 3}).json()
            seen += page["items"]
            after = page["next"]
        assert [each["seq"] for each in seen] == sorted({each["seq"] for each in seen})
        created = {"action": "create", "kind": "user", "status": "done"}
        users = http.get(operations, params=created).json()["items"]
        assert len(users) == counts["users"]
        one = users[0]
        by_label = {"search": one["label"].upper(), **created}
        assert one in http.get(operations, params=by_label).json()["items"]
        by_id = http.get(operations, params={"search": one["source_id"], **created}).json()
        assert by_id["items"] == [one]
        assert http.get(operations, params={"search": "%"}).json()["items"] == []
        assert_problem(http.get(operations, params={"status": "nonsense"}), 400)

        csv = http.get(f"{operations}.csv")
        assert csv.headers["content-type"].startswith("text/csv")
        assert len(csv.text.splitlines()) == len(seen) + 1
        assert one["label"] in csv.text


def test_create_edit_pause_and_delete(api: Api) -> None:
    with api.client() as http:
        new = {
            "name": "Second",
            "azure_tenant": api.directory.tenant_id,
            "client_id": api.directory.client_id,
            "client_secret": "very~secret",
            "authority_url": api.simulator_url,
            "graph_url": api.simulator_url,
            "unique_field": "username",
            "schedule": {"every_minutes": 40},
        }
        made = http.post("/user-syncs", json=new)
        assert made.status_code == 201, made.text
        assert "very~secret" not in made.text
        second = made.json()["id"]
        assert made.json()["schedule"]["settings"] == {"every_minutes": 40}
        assert made.json()["unique_field"] == "username"
        assert_problem(http.post("/user-syncs", json=new), 422)
        bad = {**new, "name": "Third", "schedule": {"cron": "x"}, "nested": "maybe"}
        refused = assert_problem(http.post("/user-syncs", json=bad), 422)
        assert refused["errors"][0]["field"] == "schedule.cron"
        page = http.get("/user-syncs", params={"limit": 1}).json()
        assert [each["id"] for each in page["items"]] == [api.sync]
        page = http.get("/user-syncs", params={"after": page["next"]}).json()
        assert [each["id"] for each in page["items"]] == [second]

        sync = f"/user-syncs/{second}"
        saved = http.patch(sync, json={"name": "Renamed", **DRAFT}).json()
        assert saved["saved"] is True
        assert saved["user_sync"]["deletion_policy"] == "deactivate"
        errors = assert_problem(http.patch(sync, json={"nested": "maybe"}), 422)["errors"]
        assert errors[0]["field"] == "nested"
        paused = http.post(f"{sync}/pause", json={"reason": "holidays"}).json()
        assert (paused["paused"], paused["pause_reason"]) == (True, "holidays")
        assert paused["paused_by"] == "api:tests administrator"
        assert assert_problem(http.post(f"{sync}/runs"), 409)["code"] == "paused"
        assert http.post(f"{sync}/resume").json()["paused"] is False
        assert http.post(f"{sync}/cancel").json() == {"done": False}
        secret = http.put(f"{sync}/credential", json={"client_secret": "other~secret"})
        assert "other~secret" not in secret.text

        answer = http.put(f"{sync}/schedule", json={"value": {"cron": "30 2 * * *"}})
        assert len(answer.json()["next"]) == 5
        assert http.get(f"{sync}/schedule").json()["settings"] == {"cron": "30 2 * * *"}
        assert_problem(http.put(f"{sync}/schedule", json={"value": {"cron": "nonsense"}}), 422)

        assert http.delete(sync).status_code == 202
        api.work()
        assert_problem(http.get(sync), 404)


def test_a_decisive_edit_is_previewed_then_applied(api: Api) -> None:
    with api.client() as http:
        sync = f"/user-syncs/{api.sync}"
        api.finished(http, http.post(f"{sync}/runs"))
        saved = http.patch(sync, json=DRAFT).json()
        assert (saved["saved"], saved["user_sync"]) == (False, None)
        api.work()
        request = http.get(f"{sync}/requests/{saved['request']['id']}").json()
        draft = http.get(f"{sync}/runs/{request['run']}").json()
        assert draft["kind"] == "draft"
        assert http.get(sync).json()["deletion_policy"] == "delete"
        checksum = {"checksum": draft["checksum"]}
        api.finished(http, http.post(f"{sync}/runs/{draft['id']}/apply", json=checksum))
        assert http.get(sync).json()["deletion_policy"] == "deactivate"


def test_only_an_administrator_chooses_where_is_written(api: Api) -> None:
    target = {"target": {"base_url": "https://scim.example.com", "token": "very~secret"}}
    with api.client(api.token(Role.user_manager)) as http:
        assert_problem(http.patch(f"/user-syncs/{api.sync}", json=target), 403)
    with api.client() as http:
        answer = http.patch(f"/user-syncs/{api.sync}", json=target)
        assert answer.json()["saved"] is True
        assert "very~secret" not in answer.text
        preview = http.post(f"/user-syncs/{api.sync}/preview-edit", json=target)
        assert_problem(preview, 422)
        assert "very~secret" not in preview.text


def test_drift_undo_on_demand_explain_and_mapping(api: Api) -> None:
    user = next(iter(api.directory.live("user")))
    name = user.attrs["userPrincipalName"]
    with api.client() as http:
        sync = f"/user-syncs/{api.sync}"
        who = {"identifier": name}
        dry = http.post(f"{sync}/on-demand", json=who).json()
        assert (dry["ok"], dry["applied"], dry["run"]) == (True, False, "")
        assert [each["name"] for each in dry["steps"]] == ["read", "scope", "match", "map", "apply"]
        run = api.finished(http, http.post(f"{sync}/runs"))
        done = http.post(f"{sync}/on-demand", json={**who, "apply": True}).json()
        assert (done["ok"], done["source_id"]) == (True, user.id)

        explained = http.get("/explain", params={"who": name}).json()
        assert explained["standings"][0]["source_id"] == user.id
        assert run["id"] in [each["run"] for each in explained["decisions"]]
        assert_problem(http.get("/explain", params={"who": "nobody"}), 404)

        drift = api.finished(http, http.post(f"{sync}/drift"))
        assert (drift["kind"], drift["preview"]) == ("drift", True)

        mapping = http.get(f"{sync}/mapping").json()
        tested = http.post(f"{sync}/mapping/test", json=who).json()
        assert tested["source_id"] == user.id
        assert len(tested["rows"]) == len(mapping["value"]["users"])
        assert_problem(http.post(f"{sync}/mapping/test", json={"identifier": "nobody@x.y"}), 404)
        assert_problem(http.post(f"{sync}/mapping/import", json={"value": {}}), 422)
        wrong = {"value": {"users": [{"target": "x", "kind": "direct", "source": "y"}]}}
        assert assert_problem(http.put(f"{sync}/mapping", json=wrong), 422)["errors"]
        kept = http.put(f"{sync}/mapping", json=mapping).json()
        assert kept["saved"] is True

        count = http.post(f"{sync}/invite-existing").json()["count"]
        assert 0 < count <= api.directory.counts()["users"]
        assert http.post(f"{sync}/target/check").json()["target"] == "this gateway"
        choice = {"choice": "create"}
        made = http.put(f"{sync}/objects/{user.id}/choice", json=choice).json()
        assert (made["choice"], made["decided_by"]) == ("create", "api:tests administrator")
        assert http.delete(f"{sync}/objects/{user.id}/choice").json() == {"done": True}
        assert http.post(f"{sync}/objects/{user.id}/enable").json() == {"done": False}

        undo = api.finished(http, http.post(f"{sync}/runs/{run['id']}/undo"))
        assert undo["undoes_run"] == run["id"]
        assert http.get(sync).json()["paused"] is True
        assert http.get("/health").json()["user_syncs"] == {"ready": 1}


def test_held_operations_are_allowed_or_discarded(api: Api) -> None:
    with api.client() as http:
        runs = f"/user-syncs/{api.sync}/runs"
        api.finished(http, http.post(runs))
        for user in list(api.directory.live("user")):
            api.directory.delete_user(user.id)
        run = api.finished(http, http.post(runs))
        assert run["status"] == "quarantined"
        held = http.get(f"{runs}/{run['id']}/operations", params={"status": "held"}).json()
        seqs = [each["seq"] for each in held["items"]]
        count = http.post(f"{runs}/{run['id']}/discard", json={"seqs": seqs[:1]}).json()
        assert count == {"count": 1}
        allow = http.post(f"{runs}/{run['id']}/allow", json={"seqs": seqs[1:2]})
        allowed = api.finished(http, allow)
        assert allowed["users"]["deleted"] == 1


def test_every_route_is_described_and_every_description_answers(api: Api) -> None:
    with api.client() as http:
        described = http.get("/openapi.json").json()
        assert described["openapi"] == "3.1.0"
        listed = {
            (method.upper(), path): operation
            for path, operations in described["paths"].items()
            for method, operation in operations.items()
        }
        assert listed.keys() == {(each.method, each.path) for each in ENDPOINTS}
        names = [operation["operationId"] for operation in listed.values()]
        assert len(set(names)) == len(names)
        for endpoint in ENDPOINTS:
            operation = listed[endpoint.method, endpoint.path]
            assert operation["x-role"] == endpoint.role.value
            in_path = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert in_path == set(re.findall(r"\{(\w+)\}", endpoint.path))
            answer = call(http, endpoint, sync=api.sync)
            assert answer.status_code not in (405, 501), endpoint.path
            assert answer.json().get("code") != "no_such_path"
        text = str(described)
        for reference in set(re.findall(r"#/components/schemas/(\w+)", text)):
            assert reference in described["components"]["schemas"]
