"""Every wrong request gets a status, a scimType, and a sentence that names attribute and remedy."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import InvalidSyntaxException, PayloadTooLargeException

from scim.limits import (
    MAX_DEPTH,
    MAX_FILTER_LENGTH,
    MAX_FILTER_TERMS,
    MAX_PATCH_OPERATIONS,
    MAX_VALUES,
    check_document,
)
from scim.reading import MAX_BODY
from tests.scim.world import ENTERPRISE, PATCH_OP, USER_URN, Answer, Api, Serve, op

INTERNAL = re.compile(
    r"pydantic|validation error|Input should|instance of|Value error|type=|function-|Traceback|"
    r"SELECT |sqlite|asyncpg"
)
PYTHON = re.compile(r"\b(int|str|dict|list|bool|None)\b")


def assert_told(answer: Answer, status: int, scim_type: str | None, *words: str) -> None:
    assert answer.error == (status, scim_type), answer.body
    assert answer.body["status"] == str(status)
    for word in words:
        assert word in answer.detail
    assert not INTERNAL.search(answer.detail), answer.detail
    assert not PYTHON.search(answer.detail), answer.detail
    assert answer.detail.endswith((".", ")"))


USERS: list[tuple[Any, str, str]] = [
    ({}, "invalidValue", "userName: is required"),
    ({"userName": None}, "invalidValue", "userName: is required"),
    ({"userName": 1}, "invalidValue", "userName: must be a string"),
    ({"userName": "b", "emails": "x"}, "invalidValue", "emails: must be an array"),
    ({"userName": "b", "emails": ["x"]}, "invalidValue", "emails[0]: must be an object"),
    (
        {"userName": "b", "emails": [{"value": "a@b.example"}, {"value": "x@"}]},
        "invalidValue",
        "emails[1].value: 'x@' is not an e-mail address. Send one such as ann@example.com.",
    ),
    ({"userName": "b", "active": "maybe"}, "invalidValue", "active: must be true or false"),
    ({"userName": "b", "name": "x"}, "invalidValue", "name: must be an object"),
    ({"userName": "b", "photos": [{"value": "::"}]}, "invalidValue", "photos[0].value: '::' is"),
    ({"userName": "b", "profileUrl": 5}, "invalidValue", "profileUrl: must be a string"),
    ({"userName": "b", "password": {"a": "hunter2"}}, "invalidValue", "password: must be a string"),
    ({"userName": "b", "schemas": ["nope"]}, "invalidSyntax", USER_URN),
    ({"userName": "b", "name": {"givenName": 5}}, "invalidValue", "name.givenName: must be"),
    (
        {"userName": "b", ENTERPRISE: {"department": 5}},
        "invalidValue",
        f"{ENTERPRISE}:department: must be a string",
    ),
    (
        {
            "userName": "b",
            "emails": [
                {"value": "a@b.example", "primary": True},
                {"value": "b@b.example", "primary": True},
            ],
        },
        "invalidValue",
        "emails: several values are marked as primary. Mark at most one",
    ),
    ({"userName": "a\0b"}, "invalidValue", "userName"),
    ({"userName": "a" * 501}, "invalidValue", "userName is too long: at most 500"),
    ([], "invalidSyntax", "The body must be an object."),
    (b"{", "invalidSyntax", "The body is not valid JSON (line 1, column 1)"),
    (b"", "invalidSyntax", "The body is not valid JSON"),
    (b"\xff", "invalidSyntax", "The body is not valid JSON"),
]


def test_a_user_that_is_wrong(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        for body, scim_type, detail in USERS:
            answer = await api.post("/Users", body)
            assert_told(answer, 400, scim_type, detail)
            assert "hunter2" not in answer.detail
            assert_told(await api("PUT", f"/Users/{user}", body), 400, scim_type, detail)

    serve(check)


OPERATIONS: list[tuple[Any, str, str]] = [
    ([], "invalidValue", "Operations: is empty. Send at least one."),
    ([op("zap")], "invalidValue", "Operations[0]: op: 'zap' is no operation. Send add, remove"),
    ([{}], "invalidValue", "Operations[0].op: is required"),
    ([op("add")], "invalidValue", "Operations[0]: value: is required for add"),
    ([op("replace", "active", "maybe")], "invalidValue", "active: must be true or false"),
    ([op("replace", "emails", [[]])], "invalidValue", "emails[0]: must be an object"),
    ([op("add", "emails", [{"value": "x@"}])], "invalidValue", "emails.value: 'x@' is not an"),
    ([op("remove")], "noTarget", "Operations[0]: path: is required for remove"),
    ([op("remove", "userName")], "mutability", "userName cannot be removed"),
    ([op("add", "title", "x"), op("remove", "userName")], "mutability", "Operations[1]: userName"),
    ([op("replace", "id", "x")], "mutability", "id: is read-only. Leave it out"),
    ([op("replace", "emails[", "x")], "invalidPath", "Operations[0]: The path cannot be read at"),
    ([op("replace", "emails[type eq 1]", "x")], "invalidFilter", "emails.type: cannot be compared"),
    ([op("replace", None, "x")], "invalidValue", "value: must be an object without a path"),
    ([op("replace", "password", {"a": "hunter2"})], "invalidValue", "password: must be a string"),
    ([op("add", "name.givenName", [1])], "invalidValue", "name.givenName: must be a string"),
    ([op("add", None, {"name": {"givenName": 5}})], "invalidValue", "givenName: must be a string"),
    ([op("add", 'emails[type eq "work"].value', 5)], "invalidValue", ".value: must be a string"),
    ([op("replace", 'emails[type co "x"].value', "a@b.example")], "noTarget", "emails: no value"),
    ([op("add", "groups", [{"value": "x"}])], "mutability", "groups: is read-only"),
    ([op("remove", "emails", [[]])], "invalidValue", "value: must be an array of objects"),
    ([{"op": "replace", "path": 5, "value": "x"}], "invalidValue", "Operations[0].path: must be"),
    ("x", "invalidValue", "Operations: must be an array"),
    ([5], "invalidValue", "Operations[0]: must be an object"),
]


def test_a_patch_that_is_wrong(serve: Serve) -> None:
    async def check(api: Api) -> None:
        user = await api.user("ann")
        for operations, scim_type, detail in OPERATIONS:
            body = {"schemas": [PATCH_OP], "Operations": operations}
            answer = await api("PATCH", f"/Users/{user}", body)
            assert_told(answer, 400, scim_type, detail)
            assert "hunter2" not in answer.detail
        assert (await api.get(f"/Users/{user}")).body["meta"]["version"] == 'W/"1"'

    serve(check)


SEARCHES: list[tuple[dict[str, Any], str, str]] = [
    ({"filter": "x"}, "invalidFilter", "The filter cannot be read at column 1. Write it as"),
    ({"filter": "nope eq 1"}, "invalidFilter", "nope: is no attribute"),
    ({"filter": 'password eq "x"'}, "invalidFilter", "password: is write-only"),
    ({"filter": "title pr or not (password pr)"}, "invalidFilter", "password: is write-only"),
    ({"filter": "active gt true"}, "invalidFilter", "active: gt does not apply to a boolean"),
    ({"filter": 'meta.created gt "x"'}, "invalidFilter", "meta.created: cannot be compared"),
    ({"filter": "("}, "invalidFilter", "cannot be read at column 1"),
    ({"filter": f'title eq "{"x" * MAX_FILTER_LENGTH}"'}, "invalidFilter", str(MAX_FILTER_LENGTH)),
    (
        {"filter": " or ".join(["id pr"] * (MAX_FILTER_TERMS + 1))},
        "invalidFilter",
        f"more than {MAX_FILTER_TERMS} comparisons",
    ),
    ({"filter": "not (" * 40 + "id pr" + ")" * 40}, "invalidFilter", "nests more than 32"),
    ({"sortBy": "password"}, "invalidPath", "sortBy: password cannot be sorted by"),
    ({"sortBy": "nope"}, "invalidPath", "sortBy: nope is no attribute to sort by"),
    ({"sortBy": "name"}, "invalidPath", "sortBy: name cannot be sorted by"),
    ({"sortOrder": "up"}, "invalidValue", "sortOrder: must be one of 'ascending', 'descending'"),
    ({"count": "x"}, "invalidValue", "count: must be a whole number"),
    ({"cursor": "x"}, "invalidCursor", "nextCursor"),
    ({"cursor": "", "startIndex": "1"}, "invalidValue", "exclude each other (RFC 9865"),
    ({"attributes": "a b"}, "invalidPath", "The path cannot be read at column 3"),
    (
        {"attributes": "userName", "excludedAttributes": "title"},
        "invalidValue",
        "exclude each other (RFC 7644 §3.9)",
    ),
]


def test_a_search_that_is_wrong(serve: Serve) -> None:
    async def check(api: Api) -> None:
        for query, scim_type, detail in SEARCHES:
            for path in ("/Users", "/"):
                assert_told(await api.get(path, **query), 400, scim_type, detail)
            body = {**query}
            for name in ("attributes", "excludedAttributes"):
                if name in body:
                    body[name] = [body[name]]
            assert_told(await api.post("/Users/.search", body), 400, scim_type, detail)

    serve(check)


def test_an_unknown_id_comes_before_anything_else(serve: Serve) -> None:
    async def check(api: Api) -> None:
        for method in ("PUT", "PATCH"):
            for body in (b"{", {}, b"x" * (MAX_BODY + 1)):
                assert (await api(method, "/Users/nobody", body)).status == 404
            xml = {"Content-Type": "text/xml"}
            assert (await api(method, "/Users/nobody", {}, xml)).status == 404
        for method in ("GET", "DELETE", "PATCH", "PUT"):
            headers = {"If-Match": 'W/"9"'}
            assert (await api(method, "/Users/nobody", {}, headers)).status == 404
        assert (await api.get("/Users/nobody", attributes="a b")).status == 404
        group = await api.group("g")
        assert (await api.get(f"/Users/{group}")).status == 404
        assert (await api.get("/Nothing/1")).status == 404

    serve(check)


def test_limits_of_bodies(serve: Serve) -> None:
    async def check(api: Api) -> None:
        group = await api.group("g")
        deep = {"userName": "a", "x": None}
        for _ in range(MAX_DEPTH):
            deep = {"x": deep}
        assert_told(await api.post("/Users", deep), 400, "invalidSyntax", str(MAX_DEPTH))
        for text in (b"[" * 5_000 + b"]" * 5_000, b'{"a":' * 5_000 + b"1" + b"}" * 5_000):
            assert_told(await api.post("/Users", text), 400, "invalidSyntax")
        many = [op("add", "displayName", "x")] * (MAX_PATCH_OPERATIONS + 1)
        answer = await api.patch(f"/Groups/{group}", *many)
        assert_told(answer, 413, None, "Operations", str(MAX_PATCH_OPERATIONS), "Split")
        crowd = [{"value": "x"}] * (MAX_VALUES + 1)
        for answer in (
            await api.patch(f"/Groups/{group}", op("add", "members", crowd)),
            await api.post("/Groups", {"displayName": "h", "members": crowd}),
        ):
            assert_told(answer, 413, None, "members", str(MAX_VALUES), "Split")
        long_path = f'members[value eq "{"x" * MAX_FILTER_LENGTH}"]'
        answer = await api.patch(f"/Groups/{group}", op("remove", long_path))
        assert_told(answer, 400, "invalidPath", str(MAX_FILTER_LENGTH))
        data = {"schemas": [PATCH_OP], "Operations": [op("remove", long_path)]}
        answer = await api.bulk({"method": "PATCH", "path": f"/Groups/{group}", "data": data})
        assert_told(answer, 400, "invalidPath", str(MAX_FILTER_LENGTH))
        answer = await api.post("/Users", b'{"userName": NaN}')
        assert_told(answer, 400, "invalidSyntax", "NaN")
        answer = await api.post("/Users", b" " * (MAX_BODY + 1))
        assert_told(answer, 413, None, str(MAX_BODY), "/Bulk")

    serve(check)


def test_documents_within_the_limits_pass() -> None:
    check_document(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    check_document(b'{"members":[' + b"1," * (MAX_VALUES - 1) + b"1]}")
    check_document(b"nonsense" + b"[" * 100)
    check_document(b"5")
    with pytest.raises(InvalidSyntaxException):
        check_document(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    with pytest.raises(PayloadTooLargeException):
        check_document(b'{"members":[' + b"1," * MAX_VALUES + b"1]}")
    with pytest.raises(PayloadTooLargeException):
        check_document(b'{"OPERATIONS":[' + b"{}," * MAX_PATCH_OPERATIONS + b"{}]}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "userName",
                    "emails",
                    "value",
                    "type",
                    "primary",
                    "name",
                    "active",
                    "password",
                    "op",
                    "path",
                    "Operations",
                    "schemas",
                    "members",
                    "manager",
                    ENTERPRISE,
                    "meta",
                    "photos",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PATHS = st.sampled_from(
    [
        "title",
        "emails",
        "name.givenName",
        "active",
        "password",
        'emails[type eq "work"]',
        "x.y.z",
        "members",
        "meta.version",
        ENTERPRISE,
        f"{ENTERPRISE}:manager",
        "photos",
        "schemas",
    ]
) | st.text(max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=JSON,
    operations=st.lists(
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "replace", "remove"])},
            optional={"path": PATHS, "value": JSON},
        ),
        min_size=1,
        max_size=3,
    ),
    filter_text=st.text(max_size=20) | PATHS.map(lambda path: f'{path} eq "x"'),
)
def test_no_request_is_answered_with_internals(
    sqlite_api: Any, body: Any, operations: Any, filter_text: str
) -> None:
    """Whatever is sent, the answer is a SCIM one, in sentences."""

    async def send(api: Api) -> None:
        user = (await api.get("/Users", filter='userName eq "ann"')).body["Resources"][0]["id"]
        group = (await api.get("/Groups")).body["Resources"][0]["id"]
        answers = [
            await api.post("/Users", body),
            await api("PUT", f"/Groups/{group}", body),
            await api(
                "PATCH", f"/Groups/{group}", {"schemas": [PATCH_OP], "Operations": operations}
            ),
            await api("PATCH", f"/Users/{user}", {"schemas": [PATCH_OP], "Operations": operations}),
            await api.get("/", filter=filter_text),
            await api.post("/.search", body),
        ]
        bulk = await api.bulk({"method": "POST", "path": "/Users", "bulkId": "a", "data": body})
        for answer in [*answers, bulk]:
            assert answer.status < 500
            if answer.status >= 400:
                assert not INTERNAL.search(_without_quotes(answer.detail)), answer.detail
        for each in bulk.body.get("Operations", []):
            if each["status"] >= "400":
                detail = each["response"]["detail"]
                assert each["status"] < "500"
                assert not INTERNAL.search(_without_quotes(detail)), detail
        if (await api.get(f"/Users/{user}")).body["userName"] != "ann":
            await api.patch(f"/Users/{user}", op("replace", "userName", "ann"))

    sqlite_api(send)


def _without_quotes(detail: str) -> str:
    return re.sub(r"'.*'|\".*\"", "", detail, flags=re.DOTALL)
