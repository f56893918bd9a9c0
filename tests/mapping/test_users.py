"""Users of Graph as SCIM users."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import validate_email
from scim2_models import Context, EnterpriseUser, User

from azure_adapter.mapping import (
    ENTERPRISE,
    USER_COVERAGE,
    USER_PROPERTIES,
    USER_TABLE,
    map_group,
    map_user,
)
from azure_adapter.mapping.text import stored_form
from azure_adapter.simulator import Directory, GeneratorOptions, generate

ANN: dict[str, Any] = {
    "userPrincipalName": "ann@contoso.com",
    "accountEnabled": True,
    "displayName": "Ann Bell",
    "givenName": "Ann",
    "surname": "Bell",
    "jobTitle": "Engineer",
    "preferredLanguage": "en-US",
    "employeeType": "Employee",
    "mail": "Ann@CONTOSO.com",
    "otherMails": ["ann@home.example", "ANN@contoso.com"],
    "proxyAddresses": [
        "SMTP:ann@contoso.com",
        "smtp:bell@contoso.com",
        "smtp:Ann@Home.example",
        "x500:/o=Contoso",
        "sip:ann@contoso.com",
    ],
    "businessPhones": ["+1 555 1"],
    "mobilePhone": "+1 555 2",
    "faxNumber": "+1 555 3",
    "streetAddress": "1 Main Street",
    "city": "Seattle",
    "state": "WA",
    "postalCode": "98101",
    "country": "US",
    "officeLocation": "Building 7",
    "department": "R&D",
    "employeeId": "000001",
    "companyName": "Contoso",
    "employeeOrgData": {"costCenter": "4711", "division": "North"},
    "manager": "m1",
}
DOCUMENT: dict[str, Any] = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
    "userName": "ann@contoso.com",
    "active": True,
    "displayName": "Ann Bell",
    "name": {"givenName": "Ann", "familyName": "Bell"},
    "title": "Engineer",
    "preferredLanguage": "en-US",
    "userType": "Employee",
    "emails": [
        {"value": "Ann@contoso.com", "type": "work", "primary": True},
        {"value": "ann@home.example", "type": "other"},
        {"value": "bell@contoso.com", "type": "other"},
    ],
    "phoneNumbers": [
        {"value": "+1 555 1", "type": "work"},
        {"value": "+1 555 2", "type": "mobile"},
        {"value": "+1 555 3", "type": "fax"},
    ],
    "addresses": [
        {
            "type": "work",
            "streetAddress": "1 Main Street",
            "locality": "Seattle",
            "region": "WA",
            "postalCode": "98101",
            "country": "US",
        },
        {"type": "other", "formatted": "Building 7"},
    ],
    ENTERPRISE: {
        "employeeNumber": "000001",
        "costCenter": "4711",
        "organization": "Contoso",
        "division": "North",
        "department": "R&D",
    },
}


def test_everything_is_mapped() -> None:
    mapped = map_user(ANN)
    assert mapped.document == DOCUMENT
    assert (mapped.user_name, mapped.email) == ("ann@contoso.com", "Ann@contoso.com")
    assert (mapped.manager, mapped.notes, mapped.problems) == ("m1", (), ())


def test_the_table_derives_selection_and_coverage() -> None:
    assert USER_PROPERTIES[:2] == ("userPrincipalName", "accountEnabled")
    assert set(USER_PROPERTIES) == set(ANN)
    assert USER_COVERAGE.kept == {"userName", "active"}
    assert USER_COVERAGE.types["emails"] == {"work", "other"}
    assert USER_COVERAGE.subs["name"] == {"givenName", "familyName"}
    assert "manager" in USER_COVERAGE.subs[ENTERPRISE]
    paths = {row.target for row in USER_TABLE}
    assert {
        'emails[type eq "work"].value',
        "name.givenName",
        f"{ENTERPRISE}:department",
        "title",
    } <= paths


def test_nothing_is_mapped_from_nothing() -> None:
    mapped = map_user(dict.fromkeys(ANN))
    assert mapped.document == {"schemas": DOCUMENT["schemas"][:1]}
    assert mapped == map_user({})
    assert [problem.code for problem in mapped.problems] == ["no_user_name"]
    assert (mapped.user_name, mapped.email, mapped.manager, mapped.notes) == (None, None, None, ())


@pytest.mark.parametrize(
    ("enabled", "active"), [(True, True), (False, False), (None, None), (0, None), ("false", None)]
)
def test_an_unknown_account_state_disables_nobody(enabled: Any, active: bool | None) -> None:
    assert map_user({**ANN, "accountEnabled": enabled}).document.get("active") is active
    without = {name: value for name, value in ANN.items() if name != "accountEnabled"}
    assert "active" not in map_user(without).document


@pytest.mark.parametrize(
    ("upn", "user_name"),
    [
        ("ann_fabrikam.com#EXT#@contoso.onmicrosoft.com", "ann@fabrikam.com"),
        ("ann_van_bell_fabrikam.com#ext#@contoso.com", "ann_van_bell@fabrikam.com"),
        ("ann#EXT#@contoso.com", "ann#EXT#@contoso.com"),
        ("_fabrikam.com#EXT#@contoso.com", "_fabrikam.com#EXT#@contoso.com"),
        ("ann_#EXT#@contoso.com", "ann_#EXT#@contoso.com"),
        (" Ann_B@contoso.com ", "Ann_B@contoso.com"),
        ("a\x00n\ud800n@contoso.com", "ann@contoso.com"),
    ],
)
def test_user_names(upn: str, user_name: str) -> None:
    assert map_user({"userPrincipalName": upn}).user_name == user_name


def test_what_cannot_be_kept_is_noted() -> None:
    mapped = map_user(
        {
            **ANN,
            "displayName": "A\x00" + "x" * 600,
            "jobTitle": "B\ufffdoss",
            "mail": "not an address",
            "otherMails": ["also not", 5],
            "mobilePhone": 5,
            "businessPhones": "555",
        }
    )
    assert mapped.document["displayName"] == "A" + "x" * 499
    assert mapped.document["title"] == "Boss"
    assert mapped.email is None
    assert [one["value"] for one in mapped.document["emails"]] == [
        "ann@contoso.com",
        "bell@contoso.com",
        "Ann@home.example",
    ]
    assert not any(one.get("primary") for one in mapped.document["emails"])
    assert [one["type"] for one in mapped.document["phoneNumbers"]] == ["fax"]
    told = " ".join(mapped.notes)
    for part in (
        "displayName: characters",
        "displayName was cut to 500 characters (it had 601)",
        "jobTitle: characters",
        "mail was left out: 'not an address'",
        "otherMails was left out: 'also not'",
        "otherMails was left out: it is not a text",
        "mobilePhone was left out",
        "businessPhones was left out: it is not a list",
    ):
        assert part in told


def test_long_values() -> None:
    mapped = map_user({"userPrincipalName": "x" * 501, "mail": "a@" + "b" * 600 + ".com"})
    assert [problem.code for problem in mapped.problems] == ["user_name_too_long"]
    assert mapped.user_name is None
    assert "userName" not in mapped.document
    assert mapped.email is None
    street = "s" * 2_000
    addresses = map_user({**ANN, "streetAddress": street}).document["addresses"]
    assert addresses[0]["streetAddress"] == street


def test_groups() -> None:
    mapped = map_group({"displayName": " Sales\x00 ", "members": 5})
    assert mapped.document == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Sales",
    }
    assert mapped.display_name == "Sales"
    assert len(mapped.notes) == 1
    unusable: list[Any] = [None, "", " \x00", 5, {}]
    for name in unusable:
        unnamed = map_group({"displayName": name})
        assert [problem.code for problem in unnamed.problems] == ["no_display_name"]
    assert len(map_group({"displayName": "x" * 700}).display_name or "") == 500


def stored(document: dict[str, Any]) -> Any:
    """Return a document as the SCIM library stores it."""
    model = User[EnterpriseUser].model_validate(
        document, scim_ctx=Context.RESOURCE_CREATION_REQUEST
    )
    return json.loads(json.dumps(model.model_dump(scim_ctx=Context.DEFAULT)))


def test_generated_people_are_stored_as_mapped() -> None:
    source = generate(Directory(seed=7), GeneratorOptions(users=300, groups=0, guests=0.2))
    for entry in source.live("user"):
        mapped = map_user(entry.attrs)
        assert mapped.problems == ()
        assert mapped.notes == ()
        assert stored(mapped.document) == mapped.document
        assert "#" not in (mapped.user_name or "")


ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
ADDRESS = st.builds(
    "{}{}@{}.{}".format,
    st.sampled_from(["", "smtp:", "SMTP:", "sip:"]),
    ANY_TEXT,
    ANY_TEXT,
    st.sampled_from(["com", "de", "local", "рф"]),
)
UPN = st.one_of(st.emails(), st.builds("{}_{}#EXT#@x.com".format, ANY_TEXT, ANY_TEXT))
PLAUSIBLE = st.fixed_dictionaries(
    {"userPrincipalName": UPN},
    optional={
        **{name: ANY_TEXT | st.none() for name in ("displayName", "givenName", "city", "country")},
        **{name: ANY_TEXT | st.none() for name in ("department", "officeLocation", "faxNumber")},
        "mail": st.emails() | ADDRESS | st.none(),
        "otherMails": st.lists(st.emails() | ADDRESS, max_size=4),
        "proxyAddresses": st.lists(st.emails().map("smtp:".__add__) | ADDRESS, max_size=4),
        "businessPhones": st.lists(ANY_TEXT, max_size=2),
        "accountEnabled": st.booleans() | st.none(),
        "employeeOrgData": JSON,
        "manager": JSON,
    },
)
LOCALS = st.text("abXY09._+-'%", max_size=70)
DOMAINS = st.lists(
    st.sampled_from(["Contoso", "x", "xn--a", "xn--exmple-cua", "a--b", "-a", "ä", "б", "1", ""])
    | st.text("aZ9-", max_size=64),
    max_size=4,
).map(".".join)
ENDINGS = st.sampled_from(["com", "DE", "local", "test", "onion", "arpa", "рф", "1", "c", ""])


@given(st.builds("{}@{}.{}".format, LOCALS, DOMAINS, ENDINGS) | st.emails() | st.text(max_size=9))
def test_the_short_way_with_addresses_is_the_library_s_way(value: str) -> None:
    try:
        expected = validate_email(value)[1]
    except ValueError:
        expected = None
    assert stored_form(value) == expected
    if expected is not None:
        assert stored_form(expected) == expected


ANYTHING = st.dictionaries(st.sampled_from(USER_PROPERTIES), JSON, max_size=8)


@given(PLAUSIBLE | ANYTHING)
def test_mapping_is_total_deterministic_and_storable(attributes: dict[str, Any]) -> None:
    mapped = map_user(attributes)
    assert mapped == map_user(attributes)
    text = json.dumps(mapped.document, ensure_ascii=False)
    assert "\x00" not in text
    assert "\\u0000" not in text
    text.encode()
    if not mapped.problems:
        assert stored(mapped.document) == mapped.document
        keys = [one["value"].lower() for one in mapped.document.get("emails", ())]
        assert len(set(keys)) == len(keys)


@given(JSON)
def test_mapping_groups_is_total(name: Any) -> None:
    mapped = map_group({"displayName": name})
    assert (mapped.display_name is None) is bool(mapped.problems)
    assert mapped == map_group({"displayName": name})
