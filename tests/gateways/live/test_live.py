"""The live wire over real sockets, on a real mongod."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.server import Running


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
