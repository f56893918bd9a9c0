"""Generated users, groups and filters that make translations into SQL stumble."""

from typing import Any

from hypothesis import strategies as st
from scim2_models import ScimFilter

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"

ALPHABET = (
    "aAbBzZ09 ß\u1e9eİıiIσςΣéE\u0301e\u0345\u01c5\u212aK\u212bÅ%_\\'\"?{}*.$@\U0001f600"
    "\ue000\uffff\ud7ff\U0010ffff\U0001d15e\u0001\x7f漢"
)
WORDS = [
    "", "a", "A", "ann", "Ann", "ANN", "straße", "STRASSE", "Straße", "İstanbul", "istanbul",
    "i\u0307stanbul", "ΟΔΟΣ", "οδος", "οδοσ", "e\u0301", "\u00e9", "É", "%", "_", "a%b", "a_b",
    "\u212b", "\u00e5", "work", "Work", "true", "null", "100", "\ud7ff", "\ue000", "\U0010ffff",
]  # fmt: skip

words = st.one_of(st.sampled_from(WORDS), st.text(ALPHABET, max_size=4))
"""Strings that a resource may hold."""

odd = st.sampled_from(["\0", "a\0", "a\0b", "\ud800", "a\udfff", "\ud800a"])
"""Strings that no resource holds, but a filter may name."""

EMAILS = [
    "ann@example.com", "ANN@Example.com", "straße@example.com", "STRASSE@example.com",
    "bob@example.org", "İ@example.com", "e\u0301@example.com", "\u00e9@example.com",
]  # fmt: skip
TYPES = ["work", "Work", "home", "other", "straße", ""]
MOMENTS = ["2011-05-13T04:42:34Z", "2001-01-01T00:00:00", "2999-12-31T23:59:59.123456+02:00"]


def _optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _entries(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(_optional(**fields), max_size=3).map(_one_primary)


def _one_primary(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen = False
    for entry in entries:
        if entry.get("primary"):
            entry["primary"] = not seen
            seen = True
    return entries


kinds = st.sampled_from(TYPES)
users = _optional(
    userName=words,
    displayName=words,
    title=words,
    nickName=words,
    active=st.booleans(),
    externalId=words,
    profileUrl=st.sampled_from(["https://Example.com/A", "https://example.com/a", "/x"]),
    name=_optional(givenName=words, familyName=words, formatted=words),
    emails=_entries(
        value=st.sampled_from(EMAILS), type=kinds, primary=st.booleans(), display=words
    ),
    phoneNumbers=_entries(value=words, type=kinds, primary=st.booleans()),
    addresses=_entries(locality=words, type=kinds, primary=st.booleans()),
    roles=_entries(value=words, display=words, primary=st.booleans()),
    x509Certificates=_entries(value=st.sampled_from(["", "aGVsbG8=", "d29ybGQ="]), display=words),
    **{
        ENTERPRISE: _optional(
            employeeNumber=words,
            department=words,
            manager=st.fixed_dictionaries({"value": words, "$ref": st.just("Users/x")}),
        )
    },
)
groups = st.fixed_dictionaries(
    {"displayName": words, "members": st.lists(st.integers(0, 5), max_size=3)},
    optional={"externalId": words},
)

TEXT = [
    "userName", "displayName", "title", "nickName", "externalId", "name.givenName",
    "name.familyName", "emails.display", "emails.type", "phoneNumbers", "phoneNumbers.value",
    "phoneNumbers.type", "addresses.locality", "addresses.type", "roles", "roles.value", "schemas",
    "profileUrl", "id", "meta.resourceType", "meta.version", "meta.location", "groups",
    "groups.value", "groups.display", "groups.type", "groups.$ref", "members", "members.value",
    "members.display", "members.type", "members.$ref", f"{ENTERPRISE}:employeeNumber",
    f"{ENTERPRISE}:department", f"{ENTERPRISE}:manager.value", f"{CORE}:userName", "unknown",
    "x509Certificates.display", "password",
]  # fmt: skip
COMPLEX = ["name", "addresses", "meta", f"{ENTERPRISE}:manager", "emails", "x509Certificates"]
BOOLEAN = ["active", "emails.primary", "phoneNumbers.primary", "roles.primary"]
DATES = ["meta.created", "meta.lastModified"]
INNER = {
    "emails": ["value", "type", "primary", "display"],
    "phoneNumbers": ["value", "type", "primary"],
    "addresses": ["locality", "type", "primary"],
    "roles": ["value", "display", "primary", "type"],
    "x509Certificates": ["value", "display"],
    "schemas": ["value", "type"],
    "members": ["value", "display", "type", "$ref", "unknown"],
    "groups": ["value", "display", "type", "$ref"],
}
OPERATORS = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]

SPECIAL = ["User", "users/", "direct", "group", "https://example.com/a", CORE, 'W/"1"', "Users/x"]
ID = "\x1aid:"
"""Stands for the id of the user or group of that number, until it is known."""
ids = st.integers(0, 7).map(lambda number: f"{ID}{number}")
operands = st.one_of(
    words, words, odd, st.none(), st.booleans(), st.integers(-1, 200), st.floats(-1, 1),
    st.sampled_from([*EMAILS, *TYPES, *SPECIAL, *MOMENTS]), ids,
)  # fmt: skip


def _comparison(path: str, operator: str, value: Any) -> str:
    return f"{path} {operator} {ScimFilter.quote(value)}"


def _comparisons(paths: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    return st.builds(_comparison, st.sampled_from(paths), st.sampled_from(OPERATORS), values)


presence = st.sampled_from([*TEXT, *COMPLEX, *BOOLEAN, *DATES]).map(lambda path: f"{path} pr")
equality = st.sampled_from(["eq", "ne"])
leaves = st.one_of(
    _comparisons([*TEXT, *COMPLEX], operands),
    _comparisons([*TEXT, "emails", "emails.value"], words),
    _comparisons(["emails", "emails.value"], st.sampled_from(EMAILS)),
    _comparisons(["members", "members.value", "groups.value", "id"], ids),
    st.builds(_comparison, st.sampled_from(BOOLEAN), equality, st.booleans() | st.none()),
    _comparisons(DATES, st.sampled_from(MOMENTS) | st.none()),
    presence,
)


def _combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["and", "or"]), inner)
    return st.one_of(
        inner.map(lambda term: f"not ({term})"),
        pairs.map(lambda three: f"({three[0]}) {three[1]} ({three[2]})"),
    )


def _inner(head: str) -> st.SearchStrategy[str]:
    names = INNER[head]
    values = st.one_of(operands, st.sampled_from([*EMAILS, *TYPES]))
    terms = st.one_of(
        _comparisons(names, values), st.sampled_from(names).map(lambda name: f"{name} pr")
    )
    looked_up = st.builds(
        lambda kind, value: f'type eq "{kind}" and value eq {ScimFilter.quote(value)}',
        kinds,
        st.sampled_from(EMAILS) | ids | words,
    )
    return st.one_of(terms, terms, looked_up, _combined(terms))


value_paths = st.sampled_from(list(INNER)).flatmap(
    lambda head: _inner(head).map(lambda term: f"{head}[{term}]")
)
filters = st.recursive(leaves | value_paths, _combined, max_leaves=4)

SORTS = [
    "userName", "displayName", "title", "externalId", "active", "emails", "emails.type",
    "emails.primary", "phoneNumbers", "addresses.locality", "roles.display", "name.familyName",
    "meta.created", "meta.version", "id", "groups.display", "members", "schemas",
    f"{ENTERPRISE}:employeeNumber", "profileUrl", "meta.location",
]  # fmt: skip
