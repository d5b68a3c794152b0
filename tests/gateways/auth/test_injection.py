"""Operators, arrays and odd names on every field: a 400, or nothing, and never a 500."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from auth.rig import settings_with, unique_address
from gateways.auth.browser import Browser, Server

if TYPE_CHECKING:
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

BODIES: dict[str, dict[str, Any]] = {
    "/sign-up/email": {"name": "x", "email": "x@example.com", "password": "12345678",
                       "image": "x", "callbackURL": "/x", "rememberMe": "x"},
    "/sign-in/email": {"email": "x@example.com", "password": "12345678", "callbackURL": "/x",
                       "rememberMe": "x"},
    "/update-user": {"name": "x", "image": "x"},
    "/revoke-session": {"token": "x"},
    "/change-password": {"newPassword": "12345678", "currentPassword": "12345678",
                         "revokeOtherSessions": "x"},
    "/organization/create": {"name": "x", "slug": "x", "logo": "x",
                             "keepCurrentActiveOrganization": "x"},
    "/organization/set-active": {"organizationId": "x", "organizationSlug": "x"},
    "/organization/remove-member": {"memberIdOrEmail": "x", "organizationId": "x"},
    "/organization/update-member-role": {"role": "member", "memberId": "x", "organizationId": "x"},
    "/organization/leave": {"organizationId": "x"},
}  # fmt: skip

FIELDS = [(path, field) for path, body in BODIES.items() for field in body]


@pytest.fixture(scope="module")
async def browser(store: Store) -> Browser:
    made = Server(store, settings_with()).browser()
    await made.sign_up(unique_address())
    return made


@pytest.mark.parametrize(("path", "field"), FIELDS)
async def test_no_operator_reaches_the_database(browser: Browser, path: str, field: str) -> None:
    for value in OPERATORS:
        if value is True and BODIES[path][field] == "x" and field in TRUTHS:
            continue
        if field == "role" and value in (["x"], []):
            continue
        response = await browser.post(path, {**BODIES[path], field: value})
        assert response.status_code == 400, (value, response.text)
        assert response.json()["code"] == "VALIDATION_ERROR", (value, response.text)


TRUTHS = {"rememberMe", "revokeOtherSessions", "keepCurrentActiveOrganization"}

ODD_TEXTS = [
    "", "\x00", "a\x00b", "$where", "$ne", "a.b", "x" * 5000, "ffffffffffffffffffffffff",
    "FFFFFFFFFFFFFFFFFFFFFFFF", "‮", "😀", "../../x", "null", "undefined", "%00", "'; --",
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "field"), [each for each in FIELDS if each[1] not in (*TRUTHS, "password")]
)
async def test_any_text_is_answered_without_a_failure(
    browser: Browser, path: str, field: str
) -> None:
    for value in ODD_TEXTS:
        body = {name: each for name, each in BODIES[path].items() if name not in TRUTHS}
        response = await browser.post(path, {**body, field: value})
        assert response.status_code < 500, (value, response.text)


QUERIES = {
    "/get-session": ["disableRefresh", "disableCookieCache"],
    "/organization/get-full-organization": [
        "organizationId",
        "organizationSlug",
        "membersLimit",
    ],
    "/organization/list-members": [
        "organizationId",
        "organizationSlug",
        "limit",
        "offset",
        "sortBy",
        "sortDirection",
        "filterField",
        "filterOperator",
        "filterValue",
    ],
}


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, names in QUERIES.items() for name in names]
)
async def test_any_query_is_answered_without_a_failure(
    browser: Browser, path: str, name: str
) -> None:
    for value in ODD_TEXTS:
        asked = urlencode({name: value})
        assert (await browser.get(f"{path}?{asked}")).status_code < 500, value
    for asked in (f"{name}[$ne]=x", f"{name}[]=x", f"{name}.$where=x"):
        plain = await browser.get(path)
        assert (await browser.get(f"{path}?{asked}")).json() == plain.json()
    assert (await browser.get(f"{path}?{name}=a&{name}=b")).status_code == 400


@pytest.mark.parametrize("name", ["password", "_id", "$where", "user.email", "", "revision"])
async def test_lists_are_sorted_and_filtered_by_named_fields_only(
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


async def test_who_one_is_cannot_be_said_in_a_body(browser: Browser, store: Store) -> None:
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
    for path, body in BODIES.items():
        if not path.startswith("/sign"):
            plain = {name: each for name, each in body.items() if name not in TRUTHS}
            assert (await bare.post(path, {**plain, **claims})).status_code == 401, path
