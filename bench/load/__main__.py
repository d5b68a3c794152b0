"""Takes orders as lines of JSON on its standard input, and answers each with one line."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from typing import Any

import uvloop
from pymongo import AsyncMongoClient

from bench.load.crowd import Crowd
from bench.load.requests import ask
from bench.load.writes import Writes
from bench.people import Person


class Generator:
    """One server's load: its clients, and what is written beneath it."""

    def __init__(self, start: dict[str, Any]) -> None:
        people = [Person(*each) for each in start["people"]]
        self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(start["uri"])
        self._crowd = Crowd(start["wire"], start["address"], people)
        self._writes = Writes(self._client[start["database"]], self._crowd)

    async def do(self, order: dict[str, Any]) -> dict[str, Any]:
        kind = order.pop("do")
        match kind:
            case "connect":
                took = await self._crowd.connect(order["count"], within=order["within"])
                gc.collect()
                gc.freeze()
                return {"seconds": took, **self._crowd.judge()}
            case "judge":
                return self._crowd.judge()
            case "freeze":
                return {"frozen": self._crowd.freeze(order["bucket"])}
            case "thaw":
                await self._crowd.thaw(order["bucket"], within=30)
                return self._crowd.judge()
            case "leave":
                await self._crowd.leave()
                return {}
            case "say":
                self._crowd.clients[0].send(1, order["text"].encode())
                return await self._count(order["frames"])
            case "ask":
                place = (order.pop("host"), order.pop("port"))
                request, expected = order.pop("request").encode(), order.pop("expected").encode()
                return await ask(place, request, expected, **order)
            case _:
                done: dict[str, Any] = await getattr(self._writes, kind)(**order)
                return done

    async def _count(self, frames: int) -> dict[str, Any]:
        """Wait for so many frames, whoever gets them."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        left, began = frames, loop.time()

        def listen(*_: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                done.set_result(None)

        self._crowd.listener = listen
        async with asyncio.timeout(60):
            await done
        return {"seconds": loop.time() - began}


async def run() -> None:
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    generator: Generator | None = None
    while line := await reader.readline():
        order = json.loads(line)
        if generator is None:
            generator, answer = Generator(order), {}
        else:
            try:
                answer = await generator.do(order)
            except Exception as error:  # it is the harness that says what failed
                answer = {"error": f"{type(error).__name__}: {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    gc.disable()
    uvloop.run(run())
