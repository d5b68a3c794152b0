"""Handshakes of the live wire, and what comes through them."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from sessionwire.doctor.facts import LiveSeen

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["look_at_handshake", "look_at_live", "look_at_session"]

_SUBPROTOCOL: Any = "sessionwire.v1"
_OPEN_SECONDS = 6.0
_FRAME_SECONDS = 3.0
_UPDATE_SECONDS = 12.0
"""More than the 10 s after which a process says that it is behind."""


async def look_at_live(url: str, *, origin: str, idle: float = 0) -> LiveSeen:
    """Open as a stranger, wait for hello, exchange a frame, and watch it for `idle` seconds."""

    async def talk(heard: _Conversation) -> None:
        await heard.frame(within=_FRAME_SECONDS)
        began = time.perf_counter()
        await heard.socket.send('{"op":"ping"}')
        while (await heard.frame(within=_FRAME_SECONDS)).get("op") != "pong":
            pass
        trip = 1000 * (time.perf_counter() - began)
        heard.seen = replace(heard.seen, round_trip_ms=trip)
        if idle:
            await heard.watch(idle)

    return await _opened(url, origin, None, talk)


async def look_at_handshake(url: str, *, origin: str) -> LiveSeen:
    """Whether a stranger of this origin is let in; nothing is said."""

    async def talk(heard: _Conversation) -> None:
        pass

    return await _opened(url, origin, None, talk)


async def look_at_session(url: str, *, origin: str, cookie: str, since: str | None) -> LiveSeen:
    """Open with the cookie, subscribe to the session, and wait for its first result.

    `since` is a version that an HTTP answer has shown.
    """

    async def talk(heard: _Conversation) -> None:
        wanted = {"op": "subscribe", "id": 1, "query": "session"}
        await heard.socket.send(json.dumps(wanted if since is None else {**wanted, "since": since}))
        async with asyncio.timeout(_UPDATE_SECONDS):
            while not (heard.seen.update or heard.seen.error or heard.seen.bye):
                await heard.frame(within=_UPDATE_SECONDS)

    return await _opened(url, origin, cookie, talk)


class _Conversation:
    """An open socket, and what was seen on it so far."""

    def __init__(self, socket: ClientConnection, seen: LiveSeen) -> None:
        self.socket = socket
        self.seen = replace(seen, subprotocol=socket.subprotocol)

    async def frame(self, *, within: float) -> dict[str, Any]:
        """The next frame. Raises TimeoutError, ConnectionClosed, and ValueError for no JSON."""
        async with asyncio.timeout(within):
            text = await self.socket.recv()
        frame = json.loads(text)
        if not isinstance(frame, dict):
            raise ValueError("a frame that is no object")
        self.seen = _with(self.seen, frame)
        return frame

    async def watch(self, seconds: float) -> None:
        """Say nothing, and see whether anybody ends it."""
        began = time.monotonic()
        self.seen = replace(self.seen, idle_seconds=seconds)
        try:
            while (left := began + seconds - time.monotonic()) > 0:
                await self.frame(within=left)
        except TimeoutError:
            return
        except ConnectionClosed as closed:
            code = None if closed.rcvd is None else closed.rcvd.code
            cut = time.monotonic() - began
            self.seen = replace(self.seen, cut_after=cut, cut_code=code)


async def _opened(url: str, origin: str, cookie: str | None, talk: Any) -> LiveSeen:
    address = f"{url.replace('http', 'ws', 1)}/live"
    seen = LiveSeen(address, origin)
    heard: _Conversation | None = None
    try:
        async with connect(
            address,
            origin=origin,  # type: ignore[arg-type]
            subprotocols=[_SUBPROTOCOL],
            additional_headers={} if cookie is None else {"cookie": cookie},
            proxy=None,
            ping_interval=None,
            open_timeout=_OPEN_SECONDS,
            close_timeout=1,
            user_agent_header="sessionwire-doctor",
            ssl=ssl.create_default_context() if address.startswith("wss:") else None,
        ) as socket:
            heard = _Conversation(socket, seen)
            await talk(heard)
    except InvalidStatus as error:
        return _refused(seen, error)
    except (OSError, TimeoutError, WebSocketException, ValueError) as error:
        if heard is None:
            return replace(seen, fault=_line(error))
        # Upgraded: what it has not said by now is the finding.
    return seen if heard is None else heard.seen


def _with(seen: LiveSeen, frame: dict[str, Any]) -> LiveSeen:
    """What was seen, with this frame."""
    match frame.get("op"):
        case "hello":
            return replace(seen, hello=True)
        case "status":
            return replace(seen, live=frame.get("live"))
        case "pending":
            return replace(seen, pending=True)
        case "bye":
            return replace(seen, bye=str(frame.get("reason")))
        case "update":
            return _with_result(seen, frame["results"][0])
        case "error":
            return replace(seen, error=str(frame.get("code")))
    return seen


def _with_result(seen: LiveSeen, result: dict[str, Any]) -> LiveSeen:
    if "error" in result:
        return replace(seen, error=str(result["error"].get("code")))
    data = result.get("data")
    user = data.get("user", {}).get("id") if isinstance(data, dict) else None
    return replace(seen, update=True, user_id=user)


def _refused(seen: LiveSeen, error: InvalidStatus) -> LiveSeen:
    response = error.response
    try:
        said = json.loads(response.body or b"")
    except ValueError:
        said = None
    code = str(said.get("code", "")) if isinstance(said, dict) else ""
    server = response.headers.get("server", "")
    return replace(seen, status=response.status_code, code=code, server=server)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
