"""How servers begin and end: in order, in time, and whatever else is broken (I22)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from chaos.seeds import SOCKETS, on_demand
from chaos.site import SECRET
from chaos.witness import Witness, witness
from sessionwire.store.mongo import Store
from sessionwire.tasks import background
from support.following import failing, stopped
from support.process import Served, eventually, serve
from support.raw import UPGRADE, ask, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessionwire.store.embedded import EmbeddedMongo

GRACE = 4.0
SPREAD = 5_000


@contextlib.asynccontextmanager
async def served_on(
    mongo: EmbeddedMongo, directory: Path, *options: str, **settings: str
) -> AsyncIterator[Served]:
    """A server process on a database of its own."""
    name = f"chaos_{secrets.token_hex(6)}"
    given = {"mongodb_uri": mongo.uri, "database": name, "secret": SECRET, **settings}
    given.setdefault("limits__shutdown", str(GRACE))
    async with serve(directory / "data", *options, **given) as served:
        yield served


async def end(served: Served, *signs: signal.Signals, pause: float = 0.2) -> tuple[int, float]:
    """The exit code after these signals, and how long it took."""
    began = time.monotonic()
    for sign in signs:
        served.process.send_signal(sign)
        await asyncio.sleep(pause)
    await eventually(lambda: served.process.poll() is not None, within=30)
    return served.process.returncode, time.monotonic() - began


async def crowd(served: Served, stack: contextlib.AsyncExitStack, count: int) -> list[Witness]:
    """So many clients that show the session."""

    async def one() -> Witness:
        live = await stack.enter_async_context(witness(served.address, "session"))
        await live.until_shown(0, within=60)
        return live

    found: list[Witness] = []
    for start in range(0, count, 50):
        some = [one() for _ in range(min(50, count - start))]
        found += await asyncio.gather(*some)
    return found


async def blocked(served: Served, stack: contextlib.AsyncExitStack) -> socket.socket:
    """A peer that asks for more than its buffers hold, and reads nothing."""
    loop = asyncio.get_running_loop()
    peer = stack.enter_context(socket.socket())
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    await loop.sock_connect(peer, ("127.0.0.1", served.port))
    await loop.sock_sendall(peer, request("/live", *UPGRADE.items(), ("Origin", served.address)))
    await loop.sock_recv(peer, 4096)
    text = b'{"op":"nothing of the kind","id":1}'
    frame = bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text
    with contextlib.suppress(BlockingIOError, ConnectionError):
        for _ in range(18):
            peer.send(frame)
    return peer


async def test_i22_a_stop_says_goodbye_to_everybody_and_ends_in_time(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    """With sockets that do not read, a request that does not end, one that did not begin."""
    async with (
        served_on(mongo, tmp_path, limits__connections_per_address="20000") as served,
        contextlib.AsyncExitStack() as stack,
    ):
        lives = await crowd(served, stack, SOCKETS)
        for _ in range(10):
            await blocked(served, stack)
        _, half = await asyncio.open_connection("127.0.0.1", served.port)
        half.write(
            b"POST /api/auth/sign-in/email HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
        )
        await asyncio.open_connection("127.0.0.1", served.port)
        code, took = await end(served, signal.SIGTERM)
        assert code == 0
        assert took < GRACE + 3 + SOCKETS / 500, took
        for live in lives:
            await live.until_ended()
            assert live.bye == "shutdown" and live.close_code == 1012
        afters = sorted(live.frames[-1]["after"] for live in lives)
        assert 0 <= afters[0] and afters[-1] <= SPREAD
        assert afters[-1] - afters[0] > SPREAD / 2, "they would all come back at once"
        assert "Traceback" not in served.printed


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one", "workers"])
async def test_i22_a_server_that_drains_serves_who_is_there_and_takes_nobody_more(
    mongo: EmbeddedMongo, tmp_path: Path, options: tuple[str, ...]
) -> None:
    async with (
        served_on(mongo, tmp_path, *options, limits__drain="4") as served,
        witness(served.address, "session") as live,
        served.web.http() as http,
    ):
        await live.until_shown(0)
        ending = asyncio.create_task(end(served, signal.SIGTERM))
        with pytest.raises(InvalidStatus) as refused:
            async with asyncio.timeout(3):
                while True:  # a supervisor looks twice a second
                    async with witness(served.address):
                        await asyncio.sleep(0.1)
        assert refused.value.response.status_code == 503
        assert (await http.get("/api/auth/get-session")).status_code == 200
        await live.send(op="ping")
        await live.until(lambda: live.frames[-1]["op"] == "pong", within=0.5)
        code, took = await ending
        assert code == 0 and 4 <= took < 5 + GRACE
        assert live.bye == "shutdown"


@pytest.mark.parametrize("again", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=on_demand)])
async def test_i22_a_second_signal_ends_at_once(
    mongo: EmbeddedMongo, tmp_path: Path, again: signal.Signals
) -> None:
    """A request that never ends would otherwise be waited for."""
    async with served_on(mongo, tmp_path, limits__shutdown="25") as served:
        async with asyncio.timeout(40):
            _, half = await asyncio.open_connection("127.0.0.1", served.port)
            head = "POST /api/auth/sign-in/email HTTP/1.1\r\nHost: x\r\n"
            half.write(
                f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode()
            )
            await asyncio.sleep(0.3)
            code, took = await end(served, signal.SIGTERM, again, pause=1.0)
        assert took < 4, took
        assert code == 0
        assert "Traceback" not in served.printed


@on_demand
async def test_i22_a_second_signal_ends_all_workers_at_once(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    async with served_on(mongo, tmp_path, "--workers", "2", limits__shutdown="25") as served:
        workers = served.workers()
        os.kill(workers[0].pid, signal.SIGSTOP)
        _, took = await end(served, signal.SIGTERM, signal.SIGTERM, pause=1.0)
        assert took < 12, took  # of 25 that it may take
        await eventually(lambda: not any(each.is_running for each in workers))


@on_demand
async def test_i22_a_worker_that_stands_still_does_not_keep_the_others_from_ending(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    async with served_on(mongo, tmp_path, "--workers", "2") as served:
        workers = served.workers()
        os.kill(workers[0].pid, signal.SIGSTOP)
        _, took = await end(served, signal.SIGTERM)
        assert took < GRACE + 8, took
        await eventually(lambda: not any(each.is_running for each in workers))


@on_demand
async def test_i22_a_rolling_restart_refuses_nobody_and_brings_everybody_back(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    """SIGHUP: each worker is replaced before it is ended, and its sockets come back to others."""
    async with served_on(mongo, tmp_path, "--workers", "2") as served:
        before = {each.pid for each in served.workers()}
        alice = await served.web.sign_up()
        cookie = "; ".join(f"{each.name}={each.value}" for each in alice.cookies.jar)
        answers: list[int] = []

        async def ask_on() -> None:
            while True:
                async with served.web.http(cookies=alice.cookies) as http:
                    answers.append((await http.get("/api/auth/get-session")).status_code)

        async def stay() -> None:
            while True:
                async with witness(served.address, "session", cookie=cookie) as live:
                    assert (await live.until_shown(0))["user"]["name"] == "Alice"
                    await live.until_ended(within=60)
                    assert live.bye == "shutdown"

        async with background(ask_on(), *(stay() for _ in range(10))):
            os.kill(served.process.pid, signal.SIGHUP)
            await eventually(
                lambda: (
                    len({e.pid for e in served.workers()} - before) == 2
                    and not before & {e.pid for e in served.workers()}
                ),
                within=60,
            )
        assert set(answers) == {200} and len(answers) > 20


async def test_i22_a_stop_ends_in_time_and_well_while_the_database_stands_still(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    async with served_on(mongo, tmp_path) as served, witness(served.address, "session") as live:
        await live.until_shown(0)
        with stopped(mongo.pid):
            await asyncio.sleep(0.5)
            code, took = await end(served, signal.SIGTERM)
            assert code == 0, served.printed
            assert took < GRACE + 3, took
        await live.until_ended()
        assert live.bye == "shutdown"
        assert "Traceback" not in served.printed


async def test_i22_what_was_acknowledged_before_the_stop_is_there_after_it(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    async with served_on(mongo, tmp_path, database="acknowledged") as served:
        alice = await served.web.sign_up()
        acknowledged = ""

        async def write() -> None:
            nonlocal acknowledged
            n = 0
            with contextlib.suppress(httpx.TransportError):
                while True:
                    n += 1
                    answer = await alice.post("/api/auth/update-user", json={"name": f"n{n}"})
                    if answer.status_code == 200:
                        acknowledged = f"n{n}"

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            await asyncio.sleep(0.5)
            assert (await end(served, signal.SIGTERM))[0] == 0
        assert acknowledged
        async with Store.open(mongo.uri, database="acknowledged") as store:
            user = await store.find_one("user", {"email": "alice@example.com"})
            assert user is not None and int(user["name"][1:]) >= int(acknowledged[1:])
            await store.client.drop_database(store.name)


# What is written about it


async def test_i27_refused_handshakes_do_not_fill_the_log(
    mongo: EmbeddedMongo, tmp_path: Path
) -> None:
    """uvicorn calls each one an error of ours, also those that we refuse by an answer."""
    async with served_on(mongo, tmp_path) as served:
        lines = served.printed.count("\n")
        shake = request("/live", *UPGRADE.items(), ("Origin", "https://evil.test"))
        for _ in range(150):
            answer = await ask(served.address, shake)
            assert answer is not None and answer.status == 403
        written = served.printed.splitlines()[lines:]
        assert not [line for line in written if "ERROR" in line]
        assert len(written) < 150, "a line for each"


# Beginnings


@pytest.mark.parametrize(
    "how",
    [
        {"errorCode": 189},
        {"errorCode": 10107},
        {"closeConnection": True},
    ],
    ids=["stepped down", "not primary", "cut"],
)
async def test_i26_an_election_while_a_server_starts_is_waited_for(
    mongo: EmbeddedMongo, admin: Any, how: dict[str, Any]
) -> None:
    async with Store.open(mongo.uri, database=f"chaos_{secrets.token_hex(4)}") as store:
        async with failing(admin, "createIndexes", times=4, **how, appName="sessionwire"):
            await store.ensure_indexes()
        await store.client.drop_database(store.name)
