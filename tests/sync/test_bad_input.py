"""What goes wrong at the source is said in a sentence, stops nobody else, and deletes nothing."""

from __future__ import annotations

import pytest

from azure_adapter.graph import ClientCredentials, GraphEndpoints, RetryPolicy, open_reader
from azure_adapter.simulator import Directory, Fault, GeneratorOptions, generate
from azure_adapter.sync.config import SafeguardLimits
from tests.databases import run
from tests.sync.world import PACE, World, assert_in_step, world


def directory(users: int = 10) -> Directory:
    made = Directory(seed=9)
    generate(made, GeneratorOptions(users=users, groups=3, memberships=4, seed=9))
    return made


async def failing_run(w: World, credentials: ClientCredentials, url: str) -> dict[str, object]:
    """Run the sync with another sign-in or address, and return its error."""
    endpoints = GraphEndpoints.from_settings(url, url)
    impatient = RetryPolicy(attempts=2, budget=5)
    async with open_reader(
        credentials, endpoints, policy=impatient, sign_in_policy=impatient, pace=PACE
    ) as reader:
        run_record = await w.engine(source=reader).run()
    assert run_record.status == "failed"
    assert run_record.finished_at is not None
    return {"code": run_record.code, "message": run_record.message, "advice": run_record.advice}


def test_a_wrong_secret_says_so_and_never_shows_it(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory()) as w:
            await w.sync()
            before = await w.users()
            wrong = ClientCredentials(w.directory.tenant_id, w.directory.client_id, "wr0ng-s3cret")
            url = w.reader._client.endpoints.reroutes["graph.microsoft.com"]
            error = await failing_run(w, wrong, url)
            assert error["code"] == "invalid_client"
            assert "secret" in str(error["advice"])
            assert "wr0ng" not in str(error)
            assert await w.users() == before
            await w.sync()
            await assert_in_step(w)

    run(story())


def test_an_unreachable_graph_deletes_nothing_and_the_next_run_picks_up(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory()) as w:
            await w.sync()
            before = await w.users()
            good = ClientCredentials(
                w.directory.tenant_id, w.directory.client_id, w.directory.client_secret
            )
            error = await failing_run(w, good, "http://127.0.0.1:9")
            assert error["code"]
            assert error["message"]
            assert await w.users() == before
            await w.sync()
            await assert_in_step(w)

    run(story())


@pytest.mark.parametrize("effect", ["truncate", "invalid_json", "server_error", "throttle"])
def test_a_broken_page_for_ever_stops_the_run_and_the_next_goes_on(
    database_url: str, effect: str
) -> None:
    async def story() -> None:
        async with world(database_url, directory(30), page_size=7) as w:
            w.simulator.faults.add(Fault(effect, path="/v1.0/users/delta", nth=3, times=1_000))
            failed = await w.sync()
            assert failed["status"] == "failed"
            assert failed["error"]["message"]
            assert failed["error"]["advice"]
            assert await w.users() == {}
            w.simulator.faults.clear()
            before = len(w.simulator.requests)
            report = await w.sync()
            assert report["status"] == "succeeded"
            await assert_in_step(w)
            asked = [path for _, _, path in list(w.simulator.requests)[before:]]
            assert sum("/users/delta" in path for path in asked) < 5, "it started again"

    run(story())


@pytest.mark.parametrize(
    "effect", ["object_without_id", "malformed_object", "duplicate_items", "throttle", "truncate"]
)
@pytest.mark.parametrize("full", [False, True])
def test_a_malformed_object_stops_nobody_else_and_deletes_nobody(
    database_url: str, effect: str, full: bool
) -> None:
    async def story() -> None:
        async with world(database_url, directory(30), page_size=7) as w:
            await w.sync()
            users = await w.users()
            for user in list(w.directory.live("user"))[:12]:
                w.directory.update_user(user.id, officeLocation="9/0000")
            w.simulator.faults.add(Fault(effect, path="/v1.0/users/delta", nth=1, times=1))
            report = await w.sync(full=full)
            assert report["users"]["deleted"] == 0
            if effect in ("object_without_id", "malformed_object"):
                assert report["users"]["failed"] == 1
                assert report["status"] == "incomplete"
                rows = await w.store().operations(w.runs[-1].id)
                (problem,) = [row for row in rows if row.status == "failed"]
                assert problem.message
                assert problem.advice
            assert (await w.users()).keys() == users.keys()
            await w.sync(full=True)
            await assert_in_step(w)

    run(story())


def test_an_answer_that_is_far_too_small_deletes_nothing(database_url: str) -> None:
    """The directory suddenly shows nobody: believed only when a person says so."""

    async def story() -> None:
        async with world(database_url, directory(30)) as w:
            await w.sync()
            w.configure(safeguard=SafeguardLimits())
            everybody = await w.users()
            for user in list(w.directory.live("user")):
                w.directory.purge_user(user.id)
            w.directory.forget_changes()
            report = await w.sync()
            assert report["mode"] == "initial"
            assert report["users"]["deleted"] == 0
            assert (await w.users()).keys() == everybody.keys()
            assert any("nothing was deleted" in note for note in report["notes"])
            report = await w.sync(full=True, allow=True)
            assert report["users"]["deleted"] == len(everybody)
            assert await w.users() == {}

    run(story())


def test_an_expired_cursor_is_a_fresh_initial_cycle_and_says_so(database_url: str) -> None:
    async def story() -> None:
        async with world(database_url, directory()) as w:
            assert (await w.sync())["mode"] == "initial"
            assert (await w.sync())["mode"] == "incremental"
            gone = next(iter(w.directory.live("user")))
            w.directory.purge_user(gone.id)
            w.directory.expire_delta_tokens()
            report = await w.sync()
            assert report["mode"] == "initial"
            assert any("fresh initial cycle" in note for note in report["notes"])
            assert report["users"]["deleted"] == 1
            await assert_in_step(w)

    run(story())
