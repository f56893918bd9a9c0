"""Enrollment over whole syncs: who is invited, once, and whose address counts as verified."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from azure_adapter.sync.config import DeletionPolicy, Enrollment
from gateway.enrollment import EnrollmentService
from gateway.secrets import SecretBox
from gateway.settings import Settings
from scim.provisioning.authority import Source, SourceKind
from scim.provisioning.records import UniqueField
from storage.mail import Outbox
from tests.databases import run
from tests.sync.stories import person, problems, rename
from tests.sync.world import World, assert_in_step, world

SEND, TRUST, ONLY = Enrollment.send_email, Enrollment.trust_email, Enrollment.only_sync
BOX = SecretBox([Fernet.generate_key()])


@asynccontextmanager
async def enrolling(database_url: str, folder: Path, **changes: Any) -> AsyncIterator[World]:
    """Open a world whose syncs enroll people."""
    async with world(database_url) as w:
        settings = Settings(data_dir=folder, base_url="https://idm.example.com")
        service = EnrollmentService(w.database, settings, BOX, Outbox(w.database))
        w.enrollment = service.port(w.workspace, Source(SourceKind.user_sync, w.config.sync_id))
        w.configure(**changes)
        yield w


async def invited(w: World) -> list[str]:
    """Return the addresses that were ever invited, in order."""
    found = await w.database.session.rows("SELECT address FROM invitation ORDER BY id")
    return [row["address"] for row in found]


async def shown(w: World, source_id: str) -> tuple[bool | None, str | None]:
    """Return emailVerified and inviteStatus of a linked user."""
    account = (await w.users())[source_id]["id"]
    state = (await w.target().enrollment([account]))[account]
    return state.email_verified, state.invite_status


def test_a_new_user_is_invited_once(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path) as w:
            ann = person(w.directory)
            assert (await w.sync(preview=True))["status"] == "succeeded"
            assert await invited(w) == [], "a preview invites nobody"
            await w.sync()
            assert await invited(w) == ["ann@contoso.com"]
            assert await shown(w, ann) == (False, "sent")
            w.directory.update_user(ann, jobTitle="Buyer")
            await w.sync()
            await w.store().mark_all_dirty()
            await w.sync(full=True)
            assert await invited(w) == ["ann@contoso.com"]

    run(story())


def test_who_is_disabled_or_has_no_address_is_invited_later(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path, unique_field=UniqueField.username) as w:
            off = person(w.directory, "off", accountEnabled=False)
            bare = person(w.directory, "bare", mail=None)
            await w.sync()
            assert await invited(w) == []
            w.directory.update_user(off, accountEnabled=True)
            await w.sync()
            assert await invited(w) == ["off@contoso.com"]
            w.directory.update_user(bare, mail="bare@contoso.com")
            await w.sync()
            assert await invited(w) == ["off@contoso.com", "bare@contoso.com"]

    run(story())


def test_a_changed_address_is_invited_and_the_old_link_is_void(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path) as w:
            ann = person(w.directory)
            await w.sync()
            rename(w.directory, ann, "ann.k")
            await w.sync()
            assert await invited(w) == ["ann@contoso.com", "ann.k@contoso.com"]
            assert await shown(w, ann) == (False, "sent")
            voided = await w.database.session.value(
                "SELECT address FROM invitation WHERE voided_at IS NOT NULL"
            )
            assert voided == "ann@contoso.com"

    run(story())


def test_a_changed_address_of_a_disabled_user_is_invited_when_the_user_is_back(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path) as w:
            ann = person(w.directory)
            await w.sync()
            rename(w.directory, ann, "ann.k")
            w.directory.update_user(ann, accountEnabled=False)
            await w.sync()
            assert await invited(w) == ["ann@contoso.com"]
            w.directory.update_user(ann, accountEnabled=True)
            await w.sync()
            assert await invited(w) == ["ann@contoso.com", "ann.k@contoso.com"]

    run(story())


def test_who_was_disabled_meanwhile_is_not_invited_by_accident_again(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path) as w:
            ann = person(w.directory)
            await w.sync()
            w.directory.update_user(ann, accountEnabled=False)
            await w.sync()
            assert await shown(w, ann) == (False, "voided")
            w.directory.update_user(ann, accountEnabled=True)
            await w.sync()
            assert await invited(w) == ["ann@contoso.com"], "a person may resend it"

    run(story())


@pytest.mark.parametrize("first", [ONLY, TRUST])
def test_a_changed_type_concerns_new_users_only(
    database_url: str, tmp_path: Path, first: Enrollment
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path, enrollment=first) as w:
            ann = person(w.directory)
            await w.sync()
            before = await shown(w, ann)
            assert before == ((True, None) if first is TRUST else (None, None))
            w.configure(enrollment=SEND)
            person(w.directory, "bob")
            w.directory.update_user(ann, jobTitle="Buyer")
            await w.sync(full=True)
            assert await invited(w) == ["bob@contoso.com"]
            assert await shown(w, ann) == before
            await w.store().mark_due([ann])
            await w.store().mark_dirty([ann])
            await w.sync()
            wanted = ["bob@contoso.com", *(["ann@contoso.com"] if first is ONLY else [])]
            assert await invited(w) == wanted, "asked for, and not verified"

    run(story())


def test_nobody_is_invited_any_more_when_the_type_is_another(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path) as w:
            ann = person(w.directory)
            off = person(w.directory, "off", accountEnabled=False)
            await w.sync()
            w.configure(enrollment=ONLY)
            w.directory.update_user(off, accountEnabled=True)
            rename(w.directory, ann, "ann.k")
            person(w.directory, "eve")
            await w.sync(full=True)
            assert await invited(w) == ["ann@contoso.com"]

    run(story())


def test_trusted_addresses_are_verified_and_changed_ones_are_again(
    database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path, enrollment=TRUST) as w:
            ann = person(w.directory)
            by_hand = await w.add_dashboard_user(userName="bob@contoso.com")
            bob = person(w.directory, "bob")
            await w.sync()
            assert await shown(w, ann) == await shown(w, bob) == (True, None)
            assert (await w.users())[bob]["id"] == by_hand
            rename(w.directory, ann, "ann.k")
            await w.sync()
            assert await shown(w, ann) == (True, None)
            assert await invited(w) == []

    run(story())


def test_only_sync_says_nothing(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path, enrollment=ONLY) as w:
            ann = person(w.directory)
            await w.sync()
            assert await shown(w, ann) == (None, None)
            assert await invited(w) == []
            await assert_in_step(w)

    run(story())


@pytest.mark.parametrize("policy", list(DeletionPolicy))
def test_a_restored_user_keeps_its_status(
    database_url: str, tmp_path: Path, policy: DeletionPolicy
) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path, deletion_policy=policy) as w:
            ann = person(w.directory)
            await w.sync()
            w.directory.delete_user(ann)
            await w.sync()
            w.directory.restore_user(ann)
            report = await w.sync()
            assert report["status"] == "succeeded", await problems(w)
            assert await invited(w) == ["ann@contoso.com"]
            back = await shown(w, ann)
            assert back == (False, "sent" if policy is DeletionPolicy.delete else "voided")

    run(story())


def test_a_joined_user_who_is_verified_is_not_invited(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with enrolling(database_url, tmp_path) as w:
            emails = [{"value": "ann@contoso.com", "type": "work", "primary": True}]
            known = await w.add_dashboard_user(userName="ann@contoso.com", emails=emails)
            await w.resources().set_enrollment(known, email_verified=True, invite_status=None)
            await w.add_dashboard_user(userName="bob@contoso.com", emails=[])
            ann, bob = person(w.directory), person(w.directory, "bob")
            await w.sync()
            assert await invited(w) == ["bob@contoso.com"]
            assert await shown(w, ann) == (True, None)
            assert await shown(w, bob) == (False, "sent")
            rename(w.directory, ann, "ann.k")
            await w.sync()
            assert await invited(w) == ["bob@contoso.com", "ann.k@contoso.com"]

    run(story())
