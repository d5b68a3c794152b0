"""The live wire over real sockets, on a real mongod."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sessionwire.model import ObjectId
from support.people import add_person
from support.server import run_server

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.server import LiveClient, Running


async def test_a_signed_out_connection_is_told_null_and_nothing_else(server: Running) -> None:
    live = await server.live()
    assert (await live.receive())["op"] == "hello"
    for id, query in enumerate(["session", "user", "organizations", "organization", "devices"]):
        await live.subscribe(id, query)
        await live.until_shown(id, lambda data: data is None)


async def test_a_change_by_http_reaches_another_device(server: Running) -> None:
    phone, laptop = await server.sign_up(), await server.sign_in()
    live = await server.live(phone)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data["user"]["name"] == "Alice")
    response = await laptop.post("/api/auth/update-user", json={"name": "Alicia"})
    frame = await live.until(lambda frame: frame["op"] == "update")
    assert frame["version"] == response.headers["sessionwire-version"]
    assert live.shows[1]["user"]["name"] == "Alicia"


async def test_a_switch_reaches_every_query_in_one_frame(server: Running) -> None:
    phone, laptop = await server.sign_up(), await server.sign_in()
    live = await server.live(phone)
    for id, query in enumerate(["session", "user", "organizations", "organization"]):
        await live.subscribe(id, query)
        await live.until_shown(id, lambda data: data is not None)
    body = {"name": "Acme", "slug": "acme"}
    made = (await laptop.post("/api/auth/organization/create", json=body)).json()
    await live.until_shown(0, lambda data: data["organization"]["name"] == "Acme")
    personal = next(each for each in live.shows[2] if not each["active"])
    response = await laptop.post(
        "/api/auth/organization/set-active", json={"organizationId": personal["id"]}
    )
    assert response.status_code == 200
    frame = await live.until(lambda frame: frame["op"] == "update")
    while live.shows[0]["organization"]["id"] == made["id"]:
        frame = await live.receive()
    assert {each["id"] for each in frame["results"]} == {0, 1, 2, 3}
    assert live.shows[1]["activeOrganizationId"] == personal["id"]
    assert [each["active"] for each in live.shows[2]] == [True, False]
    assert live.shows[3]["id"] == personal["id"]


async def test_a_pin_shows_another_organization_in_one_tab_only(
    server: Running, store: Store
) -> None:
    http = await server.sign_up()
    live = await server.live(http)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data["organization"] is not None)
    home = live.shows[1]["organization"]["id"]
    body = {"name": "Acme", "slug": "acme", "keepCurrentActiveOrganization": True}
    made = (await http.post("/api/auth/organization/create", json=body)).json()
    await live.subscribe(2, "session", args={"organization": made["id"]})
    pinned = await live.until_shown(2, lambda data: data["organization"]["id"] == made["id"])
    assert live.shows[1]["organization"]["id"] == home
    assert pinned["scope"] != live.shows[1]["scope"]


async def test_foreign_ids_are_refused_alike_whether_they_exist_or_not(server: Running) -> None:
    alice, bob = await server.sign_up("Alice"), await server.sign_up("Bob")
    theirs = (await bob.get("/api/auth/get-session")).json()["organization"]["id"]
    live = await server.live(alice)
    await live.receive()
    for id, organization in enumerate([theirs, str(ObjectId()), "nope", ""]):
        await live.subscribe(id, "organization", args={"organization": organization})
        error = await live.until_shown(id, lambda data: "code" in data)
        assert error == {"code": "not_a_member", "message": live.shows[0]["message"]}


async def test_a_session_read_reads_no_database_while_the_session_is_held(server: Running) -> None:
    http = await server.sign_up()
    first = await http.get("/api/auth/get-session")
    reads = server.wire.relay.loads
    for _ in range(20):
        assert (await http.get("/api/auth/get-session")).json() == first.json()
    assert server.wire.relay.loads == reads


async def test_an_unchanged_session_is_304(server: Running) -> None:
    http = await server.sign_up()
    first = await http.get("/api/auth/get-session")
    seen = {"if-none-match": first.headers["etag"]}
    again = await http.get("/api/auth/get-session", headers=seen)
    assert (again.status_code, again.content) == (304, b"")
    await http.post("/api/auth/update-user", json={"name": "Alicia"})
    changed = await http.get("/api/auth/get-session", headers=seen)
    assert changed.status_code == 200 and changed.json()["user"]["name"] == "Alicia"
    assert changed.headers["etag"].strip('"') > first.headers["etag"].strip('"')


async def test_a_write_by_one_process_is_read_by_the_next_one(
    store: Store, settings: Settings
) -> None:
    async with run_server(settings) as one, run_server(settings) as other:
        http = await one.sign_up()
        elsewhere = await other.clients.enter_async_context(other.http(cookies=http.cookies))
        for number in range(30):
            name = f"n{number}"
            written = await http.post("/api/auth/update-user", json={"name": name})
            version = written.headers["sessionwire-version"]
            read = await elsewhere.get(
                "/api/auth/get-session", headers={"sessionwire-version": version}
            )
            assert read.json()["user"]["name"] == name
            assert read.headers["sessionwire-version"] >= version
        live = await other.live(elsewhere)
        await live.subscribe(1, "user", since=version)
        await live.until_shown(1, lambda data: True)
        assert live.shows[1]["name"] == name and live.version >= version


async def test_the_version_cookie_makes_the_next_read_wait(
    store: Store, settings: Settings
) -> None:
    """A client that knows nothing of versions, behind a load balancer."""
    async with run_server(settings) as one, run_server(settings) as other:
        http = await one.sign_up()
        for number in range(30):
            await http.post("/api/auth/update-user", json={"name": f"n{number}"})
            async with other.http(cookies=http.cookies) as elsewhere:
                read = (await elsewhere.get("/api/auth/get-session")).json()
            assert read["user"]["name"] == f"n{number}"


async def test_whoever_inserts_a_user_has_it_set_up_once(store: Store, settings: Settings) -> None:
    now = datetime.now(UTC)
    early = {"_id": ObjectId(), "name": "Early", "email": "early@example.com", "createdAt": now}
    async with store.writing() as writing:
        await writing.insert_one("user", early)
    async with run_server(settings), run_server(settings), run_server(settings):
        late = {"_id": ObjectId(), "name": "Late", "email": "late@example.com", "createdAt": now}
        async with store.writing() as writing:
            await writing.insert_one("user", late)
        for user in (early, late):
            await _until_onboarded(store, user["_id"])
            (member,) = await store.find("member", {"userId": user["_id"]})
            assert member["role"] == "owner"
            found = await store.find_one("user", {"_id": user["_id"]})
            assert found is not None
            assert found["activeOrganizationId"] == str(member["organizationId"])
    assert await store.count("organization", {}) == 2


async def _until_onboarded(store: Store, id: Any) -> None:
    done = {"_id": id, "onboardedAt": {"$ne": None}}
    async with asyncio.timeout(10):
        while not await store.find_one("user", done):  # noqa: ASYNC110 (MongoDB sets no event)
            await asyncio.sleep(0.02)


async def test_nobody_receives_what_is_anothers(
    server: Running, store: Store, settings: Settings
) -> None:
    """Canaries in every private field; every frame of everybody is searched for the others'."""
    people = [
        await add_person(store, settings, f"P{n}", secretNote=f"hidden{n}-canary", phone="hidden-x")
        for n in range(12)
    ]
    clients: list[LiveClient] = []
    for person in people:
        live = await server.live(cookie=person.cookie)
        for id, query in enumerate(["session", "user", "organizations", "organization", "devices"]):
            await live.subscribe(id, query)
        clients.append(live)
    for number, person in enumerate(people):
        async with store.writing() as writing:
            name = {"$set": {"name": f"canary-{number}-x"}}
            await writing.update_one("user", {"_id": person.id}, name)
    for number, live in enumerate(clients):
        wanted = f"canary-{number}-x"
        await live.until_shown(1, lambda data, wanted=wanted: data["name"] == wanted)  # type: ignore[misc]
        text = str(live.frames)
        assert "hidden" not in text
        for other, person in enumerate(people):
            if other != number:
                assert f"canary-{other}-x" not in text and str(person.id) not in text
            assert str(person.viewer.credential) not in text
