"""A client of the live wire that reads all the time, and notes what it was told and when."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

__all__ = ["Told", "Witness", "witness"]


@dataclass(frozen=True)
class Told:
    """One frame, and when it came."""

    at: float
    frame: dict[str, Any]


@dataclass
class Witness:
    """What one connection was told; `shows` is what a page would show."""

    connection: ClientConnection
    told: list[Told] = field(default_factory=list)
    shows: dict[int, Any] = field(default_factory=dict)
    version: str = ""
    tags: dict[int, str] = field(default_factory=dict)
    ended_at: float = 0.0
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def frames(self) -> list[dict[str, Any]]:
        return [each.frame for each in self.told]

    @property
    def updates(self) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["op"] == "update"]

    @property
    def bye(self) -> str | None:
        """The reason of the goodbye, if it was said."""
        return next((frame["reason"] for frame in self.frames if frame["op"] == "bye"), None)

    @property
    def close_code(self) -> int | None:
        return self.connection.close_code

    async def send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def subscribe(self, id: int, query: str, **more: Any) -> None:
        await self.send(op="subscribe", id=id, query=query, **more)

    async def until(self, condition: Callable[[], bool], *, within: float = 10.0) -> None:
        """Wait until what was told fulfils the condition. Raises TimeoutError."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(condition)

    async def until_shown(
        self, id: int, wanted: Callable[[Any], bool] = lambda _: True, *, within: float = 10.0
    ) -> Any:
        """What the subscription shows, once it is what is wanted."""
        await self.until(lambda: id in self.shows and wanted(self.shows[id]), within=within)
        return self.shows[id]

    async def until_ended(self, *, within: float = 10.0) -> None:
        await self.until(lambda: self.ended_at > 0, within=within)

    async def read(self) -> None:
        """Until the connection ends."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self.connection:
                self._take(json.loads(text))
                async with self._news:
                    self._news.notify_all()
        self.ended_at = time.monotonic()
        async with self._news:
            self._news.notify_all()

    def _take(self, frame: dict[str, Any]) -> None:
        assert self.bye is None, "a frame after the goodbye"
        self.told.append(Told(time.monotonic(), frame))
        if frame["op"] != "update":
            return
        self.version = frame["version"]
        for result in frame["results"]:
            self.tags[result["id"]] = result.get("tag", "")
            if "data" in result:
                self.shows[result["id"]] = result["data"]
            elif "error" in result:
                self.shows[result["id"]] = result["error"]
            elif "unchanged" in result:
                self.shows.setdefault(result["id"], "unchanged")

    def monotonic(self) -> bool:
        """P3: versions never went down."""
        versions = [frame["version"] for frame in self.updates]
        return versions == sorted(versions)


@contextlib.asynccontextmanager
async def witness(
    address: str,
    *queries: str,
    cookie: str | None = None,
    port: int | None = None,
    since: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> AsyncIterator[Witness]:
    """Connected until the block ends, to `port` if the way leads through a proxy.

    It subscribes to the queries with the ids 0, 1, …
    """
    target = address.rpartition(":")[2] if port is None else port
    more = dict(headers) | ({} if cookie is None else {"Cookie": cookie})
    async with connect(
        f"ws://127.0.0.1:{target}/live",
        origin=address,  # type: ignore[arg-type]
        subprotocols=["sessionwire.v1"],  # type: ignore[list-item]
        additional_headers=more,
        proxy=None,
        ping_interval=None,
        close_timeout=0.5,
        open_timeout=20,
    ) as connection:
        live = Witness(connection)
        with _unwrapped():
            async with background(live.read()):
                for id, query in enumerate(queries):
                    given = {} if since is None else {"since": since}
                    await live.subscribe(id, query, **given)
                yield live


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """What the block raises comes out as it is, not in a group."""
    try:
        yield
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:
            raise errors.exceptions[0] from None
        raise
