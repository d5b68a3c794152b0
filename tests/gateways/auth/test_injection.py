"""Operators, arrays and odd names on every field: a 400, or nothing, and never a 500."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from auth.rig import settings_with, unique_address
from gateways.auth.browser import Browser, Server
from sessionwire.exchange.schema import Mismatch
from sessionwire.gateways.auth.routes import ENDPOINTS

if TYPE_CHECKING:
    from sessionwire.exchange.schema import Field
    from sessionwire.store.mongo import Store

OPERATORS: list[Any] = [
    {"$ne": None},
    {"$gt": ""},
    {"$regex": ".*"},
    {"$where": "sleep(1000)"},
    {"$in": [""]},
    {"$exists": True},
    {"a.b": 1},
    {"__proto__": {"x": 1}},
    {"a\x00b": 1},
    ["x"],
    [{"$ne": None}],
    [],
    {},
    1,
    1.5,
    True,
]

POSTS = {each.path: each for each in ENDPOINTS if each.method == "POST" and each.body}
GETS = {each.path: each for each in ENDPOINTS if each.method == "GET" and each.query.fields}

SAMPLES: dict[str, Any] = {
    "email": "x@example.com",
    "newEmail": "y@example.com",
    "password": "12345678",
    "newPassword": "12345678",
    "currentPassword": "12345678",
    "callbackURL": "/x",
    "role": "member",
    "data": {"name": "x"},
    "permissions": {"member": ["create"]},
}


def sample(field: Field) -> Any:
    """A value that the field takes."""
    candidates: list[Any] = [SAMPLES.get(field.name, "x"), True, {}, ["x"], "1"]
    for value in candidates:
        if takes(field, value):
            return value
    raise AssertionError(field.name)


def takes(field: Field, value: object) -> bool:
    try:
        field.parse(value)
    except Mismatch:
        return False
    return True


FIELDS = [
    pytest.param(path, field, id=f"{path} {field.name}")
    for path, endpoint in POSTS.items()
    for field in (endpoint.body.fields if endpoint.body else ())
]
QUERIES = [
    pytest.param(path, field.name, id=f"{path} {field.name}")
    for path, endpoint in GETS.items()
    for field in endpoint.query.fields
]


def body_of(path: str) -> dict[str, Any]:
    schema = POSTS[path].body
    assert schema is not None
    return {each.name: sample(each) for each in schema.fields if each.required}


@pytest.fixture(scope="module")
async def shared(store: Store) -> Browser:
    return Server(store, settings_with()).browser()


@pytest.fixture
async def browser(shared: Browser) -> Browser:
    """Signed in, whatever the test before has deleted or revoked."""
    if await shared.session() is None:
        await shared.sign_up(unique_address())
        await shared.post("/organization/create", {"name": "X", "slug": unique_address()})
    return shared


@pytest.mark.parametrize(("path", "field"), FIELDS)
async def test_db_01_no_operator_reaches_the_database(
    browser: Browser, path: str, field: Field
) -> None:
    for value in OPERATORS:
        sent = {**body_of(path), field.name: value}
        response = await browser.post(_concrete(path), sent)
        if takes(field, value):
            assert response.status_code < 500, (value, response.text)
        else:
            assert response.status_code == 400, (value, response.text)
            assert response.json()["code"] == "VALIDATION_ERROR", (value, response.text)
    assert await browser.session() is not None


ODD_TEXTS = [
    "", "\x00", "a\x00b", "$where", "$ne", "a.b", "x" * 5000, "ffffffffffffffffffffffff",
    "FFFFFFFFFFFFFFFFFFFFFFFF", "‮", "😀", "../../x", "null", "undefined", "%00", "'; --",
]  # fmt: skip


@pytest.mark.parametrize(("path", "field"), FIELDS)
async def test_db_01_any_text_is_answered_without_a_failure(
    browser: Browser, path: str, field: Field
) -> None:
    for value in ODD_TEXTS:
        response = await browser.post(_concrete(path), {**body_of(path), field.name: value})
        assert response.status_code < 500, (value, response.text)


@pytest.mark.parametrize(("path", "name"), QUERIES)
async def test_db_01_any_query_is_answered_without_a_failure(
    browser: Browser, path: str, name: str
) -> None:
    at = _concrete(path)
    for value in ODD_TEXTS:
        asked = urlencode({name: value})
        assert (await browser.get(f"{at}?{asked}")).status_code < 500, value
    for asked in (f"{name}[$ne]=x", f"{name}[]=x", f"{name}.$where=x"):
        plain = await browser.get(at)
        assert (await browser.get(f"{at}?{asked}")).content == plain.content
    twice = await browser.get(f"{at}?{name}=a&{name}=b")
    assert twice.status_code == (302 if path == "/callback/{provider}" else 400)


def _concrete(path: str) -> str:
    return re.sub(r"\{[a-z]+\}", "x", path)


@pytest.mark.parametrize("name", ["password", "_id", "$where", "user.email", "", "revision"])
async def test_db_02_lists_are_sorted_and_filtered_by_named_fields_only(
    browser: Browser, name: str
) -> None:
    for asked in ({"sortBy": name}, {"filterField": name, "filterValue": "x"}):
        response = await browser.get(f"/organization/list-members?{urlencode(asked)}")
        assert response.status_code == 400, asked
    for operator in ("$ne", "regex", "where", ""):
        asked = {"filterField": "role", "filterOperator": operator, "filterValue": "x"}
        response = await browser.get(f"/organization/list-members?{urlencode(asked)}")
        assert response.status_code == 400, operator


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"filterField": "createdAt", "filterOperator": "gt", "filterValue": "2020-01-01"}, 200),
        ({"filterField": "createdAt", "filterOperator": "gt", "filterValue": "yesterday"}, 400),
        ({"filterField": "createdAt", "filterValue": "0001-01-01T00:00:00+23:59"}, 400),
        ({"filterField": "id", "filterOperator": "ne", "filterValue": "x"}, 200),
        ({"filterField": "role"}, 200),
        ({"limit": "0"}, 200),
        ({"limit": "999999999", "offset": "999999999"}, 200),
    ],
)
async def test_filters_take_values_of_their_kind(
    browser: Browser, asked: dict[str, str], status: int
) -> None:
    response = await browser.get(f"/organization/list-members?{urlencode(asked)}")
    assert response.status_code == status, response.text


async def test_or_02_who_one_is_cannot_be_said_in_a_body(browser: Browser, store: Store) -> None:
    """CVE-2025-61928: identity comes from the session alone."""
    victim = await store.find_one("user", {})
    assert victim is not None
    claims = {
        "userId": str(victim["_id"]), "id": str(victim["_id"]), "role": "admin",
        "emailVerified": True, "banned": False, "onboardedAt": None, "activeOrganizationId": "x",
        "$set": {"role": "admin"},
    }  # fmt: skip
    address = unique_address()
    made = await browser.post(
        "/sign-up/email",
        {"name": "M", "email": address, "password": "password1234", **claims},
    )
    assert made.status_code == 200
    user = await store.find_one("user", {"email": address})
    assert user is not None and user["emailVerified"] is False
    assert user.keys() == {
        "_id", "name", "email", "emailVerified", "createdAt", "updatedAt", "onboardedAt",
        "activeOrganizationId",
    }  # fmt: skip
    bare = Browser(browser.server, browser.headers)
    for path, endpoint in POSTS.items():
        if endpoint.session and path != "/send-verification-email":  # which anybody may ask for
            assert (await bare.post(path, {**body_of(path), **claims})).status_code == 401, path
