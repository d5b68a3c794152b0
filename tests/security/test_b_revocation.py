"""A session that ended in one process is over in every other, however warm (SE-10)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from support.server import run_server

if TYPE_CHECKING:
    from sessionwire.settings import Settings
    from support.server import Running


async def test_se_10_no_process_goes_on_believing_in_a_session_that_another_one_ended(
    server: Running, settings: Settings
) -> None:
    laptop = await server.sign_up("Alice")
    phone = await server.sign_in("Alice")
    async with run_server(settings) as other:
        elsewhere = await other.clients.enter_async_context(other.http())
        for each in phone.cookies.jar:
            if not each.name.endswith("version"):
                elsewhere.cookies.set(each.name, each.value or "")
        warm = (await elsewhere.get("/api/auth/get-session")).json()
        assert warm["user"]["name"] == "Alice"
        ended = await laptop.post("/api/auth/revoke-other-sessions", json={})
        version = ended.headers["sessionwire-version"]

        told = await elsewhere.get(
            "/api/auth/get-session", headers={"sessionwire-version": version}
        )
        assert told.json() is None
        async with asyncio.timeout(5):
            while (await elsewhere.get("/api/auth/list-sessions")).status_code != 401:
                pass
        assert (await laptop.get("/api/auth/get-session")).json() is not None
