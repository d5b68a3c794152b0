"""Several server processes on one port and one mongod: all serve, all agree, all end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

import pytest

from support.process import Process, Served, eventually, launch, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from support.server import LiveClient

MOST_CONNECTIONS = 200
STARTED = "Application startup complete."
FAILED = "Application startup failed."


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Two workers over one embedded mongod, both of them up, for a test that ends them."""
    async with two_workers(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """The same for tests that leave both of them up."""
    async with two_workers(tmp_path_factory.mktemp("workers")) as running:
        yield running


@contextlib.asynccontextmanager
async def two_workers(directory: Path) -> AsyncIterator[Served]:
    async with serve(directory / "data", "--workers", "2") as running:
        await both_started(running)
        yield running


async def both_started(served: Served) -> None:
    await eventually(lambda: served.printed.count(STARTED) == len(served.workers()) == 2)


async def spread(served: Served, http: httpx.AsyncClient, *, each: int) -> list[LiveClient]:
    """Live clients that show the session, at least so many of them at each worker."""
    clients: list[LiveClient] = []
    workers = served.workers()
    while min(served.established(worker) for worker in workers) < each:
        assert len(clients) < MOST_CONNECTIONS, "one worker gets no connections"
        live = await served.web.live(http)
        await live.subscribe(1, "session")
        await live.until_shown(1, lambda data: data is not None)
        clients.append(live)
    return clients


async def test_both_workers_serve_over_one_mongod(shared: Served) -> None:
    assert len(shared.mongods()) == 1
    workers = shared.workers()
    seen: set[int] = set()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            http = await stack.enter_async_context(shared.web.http())
            assert (await http.get("/api/auth/ok")).json() == {"ok": True}
            seen |= {each.pid for each in workers if shared.established(each)}
            if len(seen) == 2:
                return
    raise AssertionError("one worker gets no connections")


async def test_a_write_to_one_worker_reaches_the_sockets_of_both(shared: Served) -> None:
    alice = await shared.web.sign_up()
    clients = await spread(shared, alice, each=2)
    await alice.post("/api/auth/update-user", json={"name": "Ada"})
    async with asyncio.TaskGroup() as group:
        for live in clients:
            group.create_task(live.until_shown(1, lambda data: data["user"]["name"] == "Ada"))


async def test_a_write_is_read_at_once_from_whichever_worker(shared: Served) -> None:
    bob = await shared.web.sign_up("Bob")
    for number in range(30):
        name = f"Bob {number}"
        (await bob.post("/api/auth/update-user", json={"name": name})).raise_for_status()
        async with shared.web.http(cookies=bob.cookies) as elsewhere:
            answer = (await elsewhere.get("/api/auth/get-session")).json()
        assert answer["user"]["name"] == name


async def test_a_killed_worker_is_replaced(served: Served) -> None:
    alice = await served.web.sign_up()
    victim = served.workers()[0]
    victim.kill()
    await eventually(lambda: len(served.workers()) == 2 and victim not in served.workers())
    async with served.web.http(cookies=alice.cookies) as http:
        assert (await http.get("/api/auth/get-session")).json()["user"]["name"] == "Alice"


async def test_a_worker_that_dies_in_an_outage_does_not_take_the_others_with_it(
    served: Served,
) -> None:
    alice = await served.web.sign_up()
    [mongod] = served.mongods()
    os.kill(mongod.pid, signal.SIGSTOP)
    served.workers()[0].kill()
    await eventually(lambda: FAILED in served.printed, within=20)
    os.kill(mongod.pid, signal.SIGCONT)
    await eventually(lambda: served.printed.count(STARTED) == 3, within=20)
    await eventually(lambda: len(served.workers()) == 2)
    async with served.web.http(cookies=alice.cookies) as http:
        assert (await http.get("/api/auth/get-session")).json()["user"]["name"] == "Alice"


@pytest.mark.slow
async def test_workers_that_cannot_start_at_all_end_it_with_a_failure(tmp_path: Path) -> None:
    served = launch(tmp_path / "data", "--workers", "2")
    try:
        await eventually(lambda: "Started parent process" in served.printed)
        family = served.family()
        [mongod] = served.mongods()
        os.kill(mongod.pid, signal.SIGSTOP)
        await eventually(lambda: served.printed.count(FAILED) == 2, within=20)
        os.kill(mongod.pid, signal.SIGCONT)
        await eventually(lambda: served.process.poll() is not None, within=20)
        assert served.process.returncode == 1
    finally:
        served.process.kill()
        served.process.wait()
    await all_gone(family)


async def all_gone(family: list[Process]) -> None:
    await eventually(lambda: not any(each.is_running for each in family))


@pytest.mark.parametrize(
    ("sign", "group"),
    [(signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGINT, True)],
    ids=["SIGTERM", "SIGINT", "Ctrl-C"],
)
async def test_a_signal_ends_all(served: Served, sign: signal.Signals, group: bool) -> None:
    family = served.family()
    await spread(served, await served.web.sign_up(), each=1)
    assert await served.end(sign, group=group) == 0
    await all_gone(family)
    assert "Traceback" not in served.printed


async def test_a_killed_parent_leaves_no_orphans_and_the_port_free(
    served: Served, tmp_path: Path
) -> None:
    alice = await served.web.sign_up()
    family = served.family()
    await served.end(signal.SIGKILL)
    await all_gone(family)
    async with serve(tmp_path / "data", "--port", str(served.port)) as next_one:
        async with next_one.web.http(cookies=alice.cookies) as http:
            assert (await http.get("/api/auth/get-session")).json()["user"]["name"] == "Alice"
