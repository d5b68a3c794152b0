"""What other programs wrote, and a database that hangs: never a 500, never a long wait."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from bson import Code

from auth.rig import settings_with, unique_address
from gateways.auth.browser import Browser, Server
from sessionwire.model import ObjectId
from sessionwire.policy.limits import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.model import Document
    from sessionwire.store.mongo import Store

PASSWORD = "password1234"
NO_ID: list[Any] = [None, 5, [], {"$gt": 1}, {"$ne": 1}, Code("x")]


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store, settings_with())


async def signed_up(server: Server) -> tuple[Browser, ObjectId]:
    browser = server.browser()
    shown = await browser.sign_up(unique_address())
    return browser, ObjectId(shown["user"]["id"])


async def change(store: Store, collection: str, wanted: Document, **fields: Any) -> None:
    async with store.writing() as writing:
        assert await writing.update_one(collection, wanted, {"$set": fields})


async def home_of(store: Store, user_id: ObjectId) -> ObjectId:
    member = await store.find_one("member", {"userId": user_id})
    assert member is not None
    id = member["organizationId"]
    assert isinstance(id, ObjectId)
    return id


async def with_member(store: Store, organization: ObjectId, user_id: object) -> str:
    """The id of a membership of whomever."""
    member = {"_id": ObjectId(), "organizationId": organization, "role": "member"}
    if user_id is not None:
        member["userId"] = user_id
    async with store.writing() as writing:
        await writing.insert_one("member", member)
    return str(member["_id"])


@pytest.mark.parametrize("user_id", NO_ID, ids=repr)
async def test_a_membership_of_nobody_is_listed_changed_and_removed(
    server: Server, store: Store, user_id: object
) -> None:
    browser, me = await signed_up(server)
    organization = await home_of(store, me)
    odd = await with_member(store, organization, user_id)
    other = await with_member(store, organization, str(ObjectId()))
    listed = await browser.get("/organization/list-members")
    assert listed.status_code == 200, listed.text
    assert {"id": odd, "user": None}.items() <= listed.json()["members"][0].items()
    target = {"memberId": odd, "role": "admin"}
    changed = await browser.post("/organization/update-member-role", target)
    assert changed.status_code == 200, changed.text
    removed = await browser.post("/organization/remove-member", {"memberIdOrEmail": odd})
    assert removed.status_code == 200, removed.text
    left = await store.find("member", {"organizationId": organization})
    assert {str(each["_id"]): each["role"] for each in left}.pop(other) == "member"
    assert len(left) == 2


async def test_an_owner_whose_id_is_an_operator_does_not_let_the_last_owner_go(
    server: Server, store: Store
) -> None:
    browser, me = await signed_up(server)
    organization = await home_of(store, me)
    odd = await with_member(store, organization, {"$ne": 1})
    await change(store, "member", {"_id": ObjectId(odd)}, role="owner")
    left = await browser.post("/organization/leave", {"organizationId": str(organization)})
    assert left.json()["code"] == "YOU_CANNOT_LEAVE_THE_ORGANIZATION_AS_THE_ONLY_OWNER"


@pytest.mark.parametrize("id", NO_ID, ids=repr)
async def test_a_user_with_a_membership_of_nothing_is_deleted(
    server: Server, store: Store, id: object
) -> None:
    browser, me = await signed_up(server)
    organization = await home_of(store, me)
    await with_member(store, organization, id)
    async with store.writing() as writing:
        nothing = {"_id": ObjectId(), "userId": me, "organizationId": id, "role": "owner"}
        await writing.insert_one("member", nothing)
    deleted = await browser.post("/delete-user", {"password": PASSWORD})
    assert deleted.status_code == 200, deleted.text
    assert await store.count("member", {"userId": me}) == 0


@pytest.mark.parametrize("revision", ["seven", None, {"a": 1}, datetime(2020, 1, 1, tzinfo=UTC)])
async def test_a_revision_of_the_applications_own_is_no_obstacle(
    server: Server, store: Store, revision: object
) -> None:
    browser, me = await signed_up(server)
    await change(store, "user", {"_id": me}, revision=revision)
    await change(store, "organization", {"_id": await home_of(store, me)}, revision=revision)
    for path, body in (
        ("/organization/update", {"data": {"name": "Ours"}}),
        ("/change-password", {"currentPassword": PASSWORD, "newPassword": f"{PASSWORD}5"}),
        ("/delete-user", {"password": f"{PASSWORD}5"}),
    ):
        response = await browser.post(path, body)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("collection", "field"), [("user", "name"), ("organization", "slug"), ("session", "ipAddress")]
)
async def test_code_in_place_of_a_text_reads_as_empty(
    server: Server, store: Store, collection: str, field: str
) -> None:
    browser, me = await signed_up(server)
    wanted = {"user": {"_id": me}, "organization": {"_id": await home_of(store, me)}}
    await change(store, collection, wanted.get(collection, {"userId": me}), **{field: Code("x")})
    for path in ("/get-session", "/list-sessions", "/organization/list"):
        response = await browser.get(path)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    "created", [datetime(9999, 12, 31, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
)
async def test_a_session_from_the_end_of_time_breaks_nothing(
    server: Server, store: Store, created: datetime
) -> None:
    browser, me = await signed_up(server)
    far = datetime(9999, 12, 31, tzinfo=UTC)
    await change(store, "session", {"userId": me}, createdAt=created, updatedAt=far, expiresAt=far)
    future = created.year == 9999
    assert (await browser.session() is not None) == future
    assert (await browser.get("/list-sessions")).status_code == (200 if future else 401)
    assert (await browser.post("/delete-user")).status_code == (200 if future else 401)


# A database that hangs


@contextlib.asynccontextmanager
async def hanging(store: Store, command: str) -> AsyncIterator[None]:
    """Commands of this name take two seconds."""
    point = {"configureFailPoint": "failCommand"}
    data = {"failCommands": [command], "blockConnection": True, "blockTimeMS": 2_000}
    await store.client.admin.command({**point, "mode": "alwaysOn", "data": data})
    try:
        yield
    finally:
        await store.client.admin.command({**point, "mode": "off"})


async def test_what_reads_outside_a_series_of_writes_ends_in_time_as_well(store: Store) -> None:
    server = Server(store, settings_with(limits=Limits(read_deadline=0.3)))
    async with hanging(store, "find"), asyncio.timeout(1.5):
        response = await server.browser().get("/reset-password/abc")
    assert response.status_code == 503 and response.headers["retry-after"] == "1"


async def test_an_extension_that_hangs_does_not_keep_the_answer(store: Store) -> None:
    server = Server(store, settings_with(limits=Limits(read_deadline=1.0)))
    browser, me = await signed_up(server)
    server.ahead = timedelta(days=2)
    async with hanging(store, "update"), asyncio.timeout(1.5):
        response = await browser.get("/get-session")
    assert response.status_code == 200 and response.json() is not None
    assert "session_token" not in response.headers.get("set-cookie", "")
