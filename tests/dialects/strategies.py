"""Requests for property tests: conforming to the RFCs, and deviating in every way at once."""

from typing import Any

import orjson
from hypothesis import strategies as st
from scim2_server.requests import ScimRequest

from scim.caller import Caller
from scim.provisioning.authority import Source, SourceKind
from tests.dialects.world import BASE_URL, ENTERPRISE, GROUP, PATCH_OP, PROFILES, USER

BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
TRICKY = ["True", "false", "null", "manager", "department", "Remove", "[]", "", '""', 'a "true" b']

texts = st.one_of(st.sampled_from(TRICKY), st.text(max_size=12))
names = st.text("abcdefghij", min_size=1, max_size=8)
addresses = names.map(lambda name: f"{name}@example.com")
ids = st.uuids().map(str)
labels = st.sampled_from(["work", "home", "other"])


def request(
    method: str, path: str, body: Any, profile: str, query: dict[str, str] | None = None
) -> ScimRequest:
    """Return a request of a SCIM client."""
    source = Source(SourceKind.scim_client, profile)
    return ScimRequest(
        method=method,
        base_url=BASE_URL,
        path=path,
        query=query or {},
        body=body if isinstance(body, bytes) else orjson.dumps(body),
        subject=Caller(source=source, workspace_id=1, profile=profile),
    )


def _objects(required: dict[str, Any], optional: dict[str, Any]) -> Any:
    return st.fixed_dictionaries(required, optional=optional)


# -- what conforms to the RFCs ------------------------------------------------

person_names = _objects({}, {"givenName": texts, "familyName": texts, "formatted": texts})
emails = _objects({"value": addresses}, {"type": labels, "primary": st.booleans()})
phones = _objects({"value": texts}, {"type": labels, "display": texts, "primary": st.booleans()})
postal = _objects({}, {"formatted": texts, "locality": texts, "primary": st.booleans()})
managers = ids.map(lambda each: {"value": each, "$ref": f"Users/{each}"})
enterprise = _objects({}, {"department": texts, "employeeNumber": texts, "manager": managers})
members = _objects({"value": ids}, {"display": texts, "type": st.just("User")})
user_attributes = {
    "displayName": texts,
    "title": texts,
    "externalId": texts,
    "active": st.booleans(),
    "name": person_names,
    "emails": st.lists(emails, max_size=2),
    "phoneNumbers": st.lists(phones, max_size=2),
    "addresses": st.lists(postal, max_size=2),
    "roles": st.lists(phones, max_size=1),
    "nickName": st.none(),
    "groups": st.lists(_objects({"value": ids}, {"display": texts}), max_size=1),
    "meta": st.just({"resourceType": "User"}),
    ENTERPRISE: enterprise,
    "urn:example:Custom": st.dictionaries(names, texts, max_size=2),
}
users = _objects({"schemas": st.just([USER, ENTERPRISE]), "userName": texts}, user_attributes)
groups = _objects(
    {"schemas": st.just([GROUP]), "displayName": texts}, {"members": st.lists(members, max_size=3)}
)
writes = st.sampled_from(["add", "replace"])
user_operations = st.one_of(
    _objects({"op": writes, "path": st.just("title"), "value": texts}, {}),
    _objects({"op": writes, "path": st.just("active"), "value": st.booleans()}, {}),
    _objects({"op": writes, "path": st.just("emails"), "value": st.lists(emails, max_size=2)}, {}),
    _objects(
        {"op": writes, "path": st.just('emails[type eq "work"].value'), "value": addresses}, {}
    ),
    _objects({"op": writes, "path": st.just('phoneNumbers[type eq "work"]'), "value": phones}, {}),
    _objects({"op": writes, "path": st.just(f"{ENTERPRISE}:manager"), "value": managers}, {}),
    _objects({"op": writes, "path": st.just(f"{ENTERPRISE}:department"), "value": texts}, {}),
    _objects({"op": writes, "path": st.just(ENTERPRISE), "value": enterprise}, {}),
    _objects({"op": st.just("replace"), "path": st.just("nickName"), "value": st.none()}, {}),
    _objects(
        {"op": writes, "value": _objects({}, {"title": texts, "name": person_names})},
        {},
    ),
    _objects(
        {
            "op": st.just("remove"),
            "path": st.sampled_from(
                ["title", "name.givenName", 'emails[type eq "home"]', f"{ENTERPRISE}:manager"]
            ),
        },
        {},
    ),
)
group_operations = st.one_of(
    _objects({"op": writes, "path": st.just("displayName"), "value": texts}, {}),
    _objects(
        {"op": writes, "path": st.just("members"), "value": st.lists(members, max_size=3)}, {}
    ),
    _objects({"op": writes, "value": _objects({}, {"displayName": texts})}, {}),
    _objects({"op": st.just("remove"), "path": st.just("members")}, {}),
    _objects(
        {"op": st.just("remove"), "path": ids.map(lambda each: f'members[value eq "{each}"]')}, {}
    ),
)


def patches(operations: Any) -> Any:
    """Return PATCH bodies of some operations."""
    return st.lists(operations, min_size=1, max_size=4).map(
        lambda each: {"schemas": [PATCH_OP], "Operations": each}
    )


bodies = st.one_of(
    st.tuples(st.just("POST"), st.just("/Users"), users),
    st.tuples(st.just("PUT"), ids.map(lambda each: f"/Users/{each}"), users),
    st.tuples(st.just("POST"), st.just("/Groups"), groups),
    st.tuples(st.just("PATCH"), ids.map(lambda each: f"/Users/{each}"), patches(user_operations)),
    st.tuples(st.just("PATCH"), ids.map(lambda each: f"/Groups/{each}"), patches(group_operations)),
)


def in_bulk(singles: list[tuple[str, str, Any]]) -> tuple[str, str, Any]:
    """Return the bulk request that holds single ones."""
    operations = [
        {"method": method, "path": path, "data": body, "bulkId": str(number)}
        for number, (method, path, body) in enumerate(singles)
    ]
    return "POST", "/Bulk", {"schemas": [BULK], "Operations": operations}


conforming_filters = st.sampled_from(
    [
        'userName eq "manager"',
        'emails[type eq "work" and value co "manager eq "]',
        f'{ENTERPRISE}:manager.value eq "x" and {ENTERPRISE}:department pr',
        f'{ENTERPRISE}:manager pr or title eq "department"',
        'meta.lastModified ge "2020-01-01T00:00:00.1234567Z"',
        'urn:example:Custom:manager eq "x"',
    ]
)
searches = _objects(
    {"filter": conforming_filters},
    {"count": st.just("10"), "attributes": st.just(f"userName,{ENTERPRISE}:manager")},
)
profiles = st.sampled_from(PROFILES)
conforming = st.one_of(
    st.builds(lambda each, profile: request(*each, profile), bodies, profiles),
    st.builds(
        lambda each, profile: request(*in_bulk(each), profile),
        st.lists(bodies, max_size=3),
        profiles,
    ),
    st.builds(
        lambda query, profile: request("GET", "/Users", b"", profile, query), searches, profiles
    ),
    st.builds(
        lambda query, profile: request("POST", "/Users/.search", query, profile), searches, profiles
    ),
)

# -- what does not ------------------------------------------------------------

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(TRICKY), st.text(max_size=4)
)
some_keys = st.sampled_from(
    [
        "value", "Value", "$ref", "type", "primary", "display", "active", "emails", "members",
        "manager", "department", "name", "name.givenName", "schemas", "meta", "id", "groups",
        "roles", "title", ENTERPRISE, ENTERPRISE.lower(), f"{ENTERPRISE}:manager", USER,
        "urn:scim:schemas:extension:enterprise:1.0", 'emails[type eq "work"].value',
    ]
)  # fmt: skip
urns = st.sampled_from(
    [
        USER,
        GROUP,
        ENTERPRISE,
        "urn:scim:schemas:core:1.0",
        "urn:ietf:params:scim:schemas:core:2.0",
        "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
    ]
)
anything = st.recursive(
    st.one_of(scalars, urns),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(some_keys, inner, max_size=4)
    ),
    max_leaves=10,
)
some_paths = st.one_of(
    st.sampled_from(
        [
            "active", "emails", "members", "manager", "manager.value", "department", "roles",
            'emails[type eq "work"]', 'emails[type eq "work"].value', 'members[value eq "a"]',
            'members[value eq "a"].value', "emails.value", "name", "name.givenName", "title",
            f"{ENTERPRISE}:manager", f"{ENTERPRISE}:manager.value", ENTERPRISE, USER, "", "a b",
            f'{USER}:emails[value eq "a:b]"].value',
        ]
    ),
    scalars,
)  # fmt: skip
deviating_operations = _objects(
    {"op": st.sampled_from(["add", "Replace", "REMOVE", "bad", None])},
    {"path": some_paths, "value": anything, "Value": anything},
)
deviating_bodies = st.one_of(
    st.tuples(
        st.sampled_from(["POST", "PUT"]),
        st.sampled_from(["/Users", "/Groups/x", "/Me"]),
        st.dictionaries(some_keys, anything, max_size=6),
    ),
    st.tuples(
        st.just("PATCH"),
        st.sampled_from(["/Users/x", "/Groups/x"]),
        st.builds(
            lambda key, operations: {key: operations},
            st.sampled_from(["Operations", "operations"]),
            st.lists(st.one_of(deviating_operations, anything), max_size=3),
        ),
    ),
)
words = st.lists(
    st.sampled_from(
        [
            "manager", "department", "eq", "pr", '"manager"', "and", "(", ")", "[", "]", '"', "\\",
            f"{ENTERPRISE}:manager", ".value", "emails", "not", "urn:x:manager", ",", ":",
        ]
    ),
    max_size=8,
).map(" ".join)  # fmt: skip
deviating_searches = st.dictionaries(
    st.sampled_from(["filter", "attributes", "sortBy", "startIndex", "count", "cursor", "x"]),
    st.one_of(words, st.just("")),
    max_size=4,
)
deviating = st.one_of(
    st.builds(lambda each, profile: request(*each, profile), deviating_bodies, profiles),
    st.builds(
        lambda each, profile: request(*in_bulk(each), profile),
        st.lists(deviating_bodies, max_size=3),
        profiles,
    ),
    st.builds(
        lambda query, profile: request("GET", "/Users", b"", profile, query),
        deviating_searches,
        profiles,
    ),
    st.builds(
        lambda query, profile: request("POST", "/.search", query, profile),
        st.one_of(deviating_searches, anything),
        profiles,
    ),
    st.builds(
        lambda body, profile: request("PATCH", "/Users/x", body, profile), st.binary(), profiles
    ),
)
