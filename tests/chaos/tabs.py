"""Clients that come and go, and remember every frame with all that they showed after it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage

from chaos.population import Member, Population, crossed
from sessionwire.model import ANONYMOUS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from sessionwire.model import Viewer

__all__ = ["Seen", "Shown", "Tab", "Way"]

_ALONE = ("session", "user", "devices", "organizations")
_FAULTS = (OSError, ConnectionClosed, InvalidHandshake, InvalidMessage, TimeoutError, EOFError)
_PASSING = {"unverifiable", "slow", "shutdown"}
_ENDINGS = {"revoked"}


@dataclass(frozen=True)
class Shown:
    """What one subscription shows: JSON of the data, or `!` and the error's code."""

    query: str
    args: dict[str, Any]
    text: str


@dataclass(frozen=True)
class Seen:
    """One frame: its version, and everything that the connection showed after it."""

    viewer: Viewer
    version: str
    shown: tuple[Shown, ...]


@dataclass(frozen=True)
class Way:
    """How to reach a server: `address` is its name, `port` where the proxy is."""

    address: str
    port: int


@dataclass
class Tab:
    """One client: subscribes, unsubscribes, stops reading, leaves, and comes back anywhere.

    Once `settling` is set it stays, with all that it shows. It raises AssertionError for whatever
    may not be told.
    """

    ways: list[Way]
    population: Population
    dice: random.Random
    judge: Callable[[Seen], None]
    settling: asyncio.Event
    frames: int = 0
    connections: int = 0
    resumed: int = 0
    byes: dict[str, int] = field(default_factory=dict)
    version: str = "0" * 16
    member: Member | None = None
    asked: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    shown: dict[int, Shown] = field(default_factory=dict)
    live: bool = False
    _kept: dict[str, tuple[str, str]] = field(default_factory=dict)
    _next_id: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        self._become_somebody()
        while True:
            with contextlib.suppress(*_FAULTS):
                async with asyncio.timeout(10):
                    connection = await self._connect()
                try:
                    await self._converse(connection)
                finally:
                    self.live = False
                    connection.transport.abort()
            await asyncio.sleep(self.dice.uniform(0.05, 0.3))
            if self._is_over() or (not self.settling.is_set() and self.dice.random() < 0.1):
                self._become_somebody()

    def _is_over(self) -> bool:
        return self.member is not None and self.member.session_id in self.population.revoked

    def _become_somebody(self) -> None:
        anybody = self.dice.choice(self.population.members)
        self.member = None if self.dice.random() < 0.03 else anybody
        self._kept.clear()  # tags are a credential's own

    async def _connect(self) -> ClientConnection:
        way = self.dice.choice(self.ways)
        cookie = {} if self.member is None else {"Cookie": self.member.cookie}
        self.connections += 1
        return await connect(
            f"ws://127.0.0.1:{way.port}/live",
            origin=way.address,  # type: ignore[arg-type]
            additional_headers=cookie,
            proxy=None,
            ping_interval=1.0,
            ping_timeout=4.0,
            close_timeout=0.1,
            open_timeout=5,
        )

    async def _converse(self, connection: ClientConnection) -> None:
        self.asked, self.shown, self.live = {}, {}, True
        leaves_at = asyncio.get_running_loop().time() + self.dice.uniform(0.5, 8.0)
        while self.settling.is_set() or asyncio.get_running_loop().time() < leaves_at:
            await self._act(connection)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    text = await connection.recv()
                assert isinstance(text, str)
                self._take(json.loads(text), text)

    async def _act(self, connection: ClientConnection) -> None:
        roll = self.dice.random()
        if not self.asked or (len(self.asked) < 4 and roll < 0.2 and not self.settling.is_set()):
            await self._subscribe(connection)
        elif roll < 0.23 and not self.settling.is_set():
            id = self.dice.choice(list(self.asked))
            del self.asked[id]
            self.shown.pop(id, None)
            await self._send(connection, op="unsubscribe", id=id)
        elif roll < 0.24 and not self.settling.is_set():
            await asyncio.sleep(self.dice.uniform(0.5, 2.0))  # it does not read

    async def _subscribe(self, connection: ClientConnection) -> None:
        names = ["session", "user", "organizations", "organization", "devices", "session"]
        query, args = self.dice.choice(names), dict[str, Any]()
        if self.member is not None and query.startswith("org") and self.dice.random() < 0.3:
            pinned = self.dice.choice(self.population.organizations[self.member.family])
            args = {"organization": str(pinned)}
        kept = self._kept.get(_key(query, args))
        more = {} if kept is None else {"tag": kept[0]}
        self.resumed += kept is not None
        self._next_id += 1
        self.asked[self._next_id] = (query, args)
        frame = {"op": "subscribe", "id": self._next_id, "query": query, "args": args, **more}
        await self._send(connection, since=self.version, **frame)

    async def _send(self, connection: ClientConnection, **frame: Any) -> None:
        async with asyncio.timeout(5):
            await connection.send(json.dumps(frame))

    def _take(self, frame: dict[str, Any], text: str) -> None:
        self.frames += 1
        op = frame["op"]
        assert op != "error", frame
        if op == "bye":
            self._take_leave(frame)
        if op == "update":
            self._update(frame, text)

    def _take_leave(self, frame: dict[str, Any]) -> None:
        reason = frame["reason"]
        self.byes[reason] = self.byes.get(reason, 0) + 1
        ended = self._is_over() and reason in _ENDINGS
        assert reason in _PASSING or ended, f"{frame} for {self.member}"

    def _update(self, frame: dict[str, Any], text: str) -> None:
        results = [each for each in frame["results"] if not _is_late(each)]
        alone = all(self.asked.get(each["id"], ("",))[0] in _ALONE for each in results)
        found = crossed(text, self.member, alone=alone)
        assert not found, f"P8: {found} were told to {self.member}"
        if not results:
            return
        assert frame["version"] >= self.version, f"P3: {frame['version']} after {self.version}"
        self.version = frame["version"]
        for result in results:
            if result["id"] in self.asked:  # else it crossed with our unsubscribe
                self.shown[result["id"]] = self._result(result)
        self.judge(Seen(self.viewer, self.version, tuple(self.shown.values())))

    @property
    def viewer(self) -> Viewer:
        return ANONYMOUS if self.member is None else self.member.viewer

    def _result(self, result: dict[str, Any]) -> Shown:
        query, args = self.asked[result["id"]]
        if "error" in result:
            return Shown(query, args, "!" + result["error"]["code"])
        if "unchanged" in result:
            tag, known = self._kept[_key(query, args)]
            assert tag == result["tag"], "unchanged, but not from what we have"
            return Shown(query, args, known)
        text = json.dumps(result["data"], sort_keys=True)
        self._kept[_key(query, args)] = (result["tag"], text)
        return Shown(query, args, text)


def _key(query: str, args: dict[str, Any]) -> str:
    return f"{query} {json.dumps(args, sort_keys=True)}"


def _is_late(result: dict[str, Any]) -> bool:
    """It speaks of a version that this process does not have: an answer of no moment."""
    return bool("error" in result and result["error"]["code"] == "version_unavailable")
