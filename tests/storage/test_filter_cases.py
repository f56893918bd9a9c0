"""Filters that translations into SQL get wrong, each against the evaluator on both databases."""

from typing import Any

import pytest
from scim2_models import ScimFilter, SearchRequest

from tests.storage.test_resource_world import GROUP, GROUPS, USER, USERS, Play, World

PEOPLE: list[dict[str, Any]] = [
    {"userName": "ann", "displayName": "", "title": "\ud7ff"},
    {"userName": "Straße", "title": "\ue000", "nickName": ""},
    {"userName": "STRASSE", "title": "a", "name": {"givenName": ""}},
    {"userName": "İstanbul", "title": "ab", "emails": [{"value": "a@example.com", "type": "work"}]},
    {"userName": "ΟΔΟΣ", "title": "e\u0301", "emails": [{"type": "work"}], "active": False},
    {"userName": "zoë", "emails": [{"value": "A@example.com", "primary": True}], "active": True},
]
USER_FILTERS = [
    'title gt "\\ud800"', 'title ge "\\udfff"', 'title lt "\\ud800"', 'title le "\\udfff"',
    'title gt "a\\u0000"', 'title ge "a\\u0000"', 'title lt "a\\u0000"', 'title le "a\\u0000z"',
    'title eq "a\\u0000"', 'title ne "a\\u0000"', 'title co "\\u0000"', 'title sw "\\ud800"',
    'title sw "\\ud7ff"', 'title ew ""', 'title co ""', 'title sw ""', 'nickName ew ""',
    'userName eq "straße"', 'userName eq "strasse"', 'userName eq "i\\u0307stanbul"',
    'userName eq "οδος"', 'userName eq "οδοσ"', 'userName sw "STRA"', 'userName gt "z"',
    'title eq "\\u00c9"', "name pr", "name eq null", "name ne null", "nickName pr",
    "emails eq null", "emails ne null", "emails.type eq null", "emails.value pr",
    'emails.value ne "a@example.com"', 'not (emails.value ne "a@example.com")',
    'emails[value eq "A@EXAMPLE.com" and type eq "work"]', 'emails[not (type eq "work")]',
    'emails[value eq "a@example.com" and primary eq true]', "active ne true", "active eq null",
    'schemas[value sw "urn:"]', 'schemas co "core:2.0"', 'groups.display eq "TEAM"',
    'groups[display eq "team" and type eq "DIRECT"]', "groups eq null", "meta pr",
    "meta.location pr",
    'meta.version eq "W/\\"1\\""', 'meta.resourceType eq "User"', 'meta.created co "20"',
    'meta.created gt "2011-05-13T04:42:34"', 'meta.created ne "2011-05-13T04:42:34"',
]  # fmt: skip
GROUP_FILTERS = [
    'members.display eq "ann"', 'members.display eq ""', 'members.type eq "user"', "members pr",
    'members.$ref sw "Users/"', 'members[type eq "User" and display sw "z"]', "members eq null",
    'members ne "nobody"', "members.display pr", 'not (members.type eq "User")',
    "externalId eq null", "externalId pr", 'externalId ne "x"', 'userName eq "ann"',
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "texts"),
    [("User", USER_FILTERS), ("Group", GROUP_FILTERS)],
    ids=["users", "groups"],
)
def test_hard_filters_agree_with_the_evaluator(play: Play, name: str, texts: list[str]) -> None:
    async def check(world: World) -> None:
        people = [await world.okta.create(USER, USERS.model_validate(each)) for each in PEOPLE]
        await world.group(people[0], people[5], name="Team")
        await world.group(name="Empty")
        await world.okta.create(GROUP, GROUPS(display_name="x", external_id="x"))
        resource_type, model = (USER, USERS) if name == "User" else (GROUP, GROUPS)
        stored = (await world.okta.search([resource_type], SearchRequest[model]())).resources
        for text in texts:
            bound = ScimFilter[model](text)
            search = SearchRequest[model].model_construct(filter=bound)
            page = await world.okta.search([resource_type], search)
            expected = [each.user_name if name == "User" else each.display_name for each in stored
                        if bound.match(each)]  # fmt: skip
            found = [
                each.user_name if name == "User" else each.display_name for each in page.resources
            ]
            assert found == expected, text

    play(check)


def test_text_sorts_by_code_point(play: Play) -> None:
    async def check(world: World) -> None:
        for number, title in enumerate(["b", "Z", "ä", "a", "_", "\U0001f600", "\ue000"]):
            await world.user(f"user{number}", title=title)
        search = SearchRequest[USERS](sort_by="title")
        page = await world.okta.search([USER], search)
        titles = [search.sort_value(each) for each in page.resources]
        assert titles == sorted(titles)
        assert titles == ["_", "a", "b", "z", "ä", "\ue000", "\U0001f600"]

    play(check)
