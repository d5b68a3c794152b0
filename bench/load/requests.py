"""Session reads over HTTP: some connections, each asking again as soon as it is answered."""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from typing import Any

__all__ = ["ask"]


_numbers = itertools.count(1)


class _Asker(asyncio.Protocol):
    """One connection; it counts the answers that hold what they must.

    `{n}` in the request is another number each time.
    """

    def __init__(self, request: bytes, expected: bytes) -> None:
        self.right = self.wrong = 0
        self.stopped = False
        self._request = request
        self._expected = expected
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        head = data.find(b"\r\n\r\n")
        if head < 0 or not self._complete(data, head + 4):
            self._buffer = data
            return
        self._buffer = b""
        if data.startswith(b"HTTP/1.1 200 ") and self._expected in data:
            self.right += 1
        else:
            self.wrong += 1
        if not self.stopped:
            self._ask()

    def _ask(self) -> None:
        self._transport.write(self._request.replace(b"{n}", b"%d" % next(_numbers)))

    @staticmethod
    def _complete(data: bytes, body: int) -> bool:
        head = data[:body].lower()
        at = head.find(b"content-length:")
        if at >= 0:
            return len(data) - body >= int(head[at + 15 : head.find(b"\r", at)])
        return data.endswith(b"0\r\n\r\n")

    def close(self) -> None:
        self._transport.abort()


async def ask(
    place: tuple[str, int], request: bytes, expected: bytes, *, connections: int, seconds: float
) -> dict[str, Any]:
    """Requests per second over so many connections."""
    loop = asyncio.get_running_loop()
    askers = [_Asker(request, expected) for _ in range(connections)]
    began = time.perf_counter()
    for asker in askers:
        await loop.create_connection(functools.partial(_itself, asker), *place)
    await asyncio.sleep(seconds)
    took = time.perf_counter() - began
    right, wrong = sum(each.right for each in askers), sum(each.wrong for each in askers)
    for each in askers:
        each.stopped = True
        each.close()
    return {"rate": right / took, "count": right, "wrong": wrong}


def _itself(asker: _Asker) -> _Asker:
    return asker
