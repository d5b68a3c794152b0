"""How each server under test is spoken to, and what its first answer has to be."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.people import SITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.people import Person

__all__ = ["WIRES", "Wire", "wire_of"]


@dataclass(frozen=True, slots=True)
class Wire:
    """One server's wire: `opening` is sent after the handshake, `first` begins its first data."""

    address: str
    path: str
    first: bytes
    data: Callable[[bytes], Any]
    opening: tuple[bytes, ...] = ()
    subprotocol: str | None = None
    ready_at_once: bool = False
    answers: tuple[tuple[bytes, bytes], ...] = ()
    site: str | None = None
    shield: str = ""
    """Before the cookie's name."""

    def handshake(self, person: Person) -> bytes:
        site = self.site or self.address
        host = site.partition("://")[2]
        key = base64.b64encode(os.urandom(16)).decode()
        offered = f"Sec-WebSocket-Protocol: {self.subprotocol}\r\n" if self.subprotocol else ""
        return (
            f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {site}\r\n"
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0\r\n"
            "Accept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\n"
            f"Sec-WebSocket-Key: {key}\r\n{offered}Cookie: {self.shield}{person.cookie}\r\n\r\n"
        ).encode()

    def answer(self, payload: bytes) -> bytes | None:
        """What has to be said to a message of the wire itself."""
        for begin, answer in self.answers:
            if payload.startswith(begin):
                return answer
        return None

    def is_first(self, payload: bytes) -> bool:
        return payload.startswith(self.first)

    def check(self, payload: bytes, person: Person) -> bool:
        """Whether the first data is this person's."""
        data = self.data(payload)
        found = (data["user"]["id"], data["user"]["email"], data["organization"]["id"])
        return found == (person.user_id, person.email, person.organization_id)


def _ours(payload: bytes) -> Any:
    return json.loads(payload)["results"][0]["data"]


def _hub(payload: bytes) -> Any:
    return json.loads(payload)["data"]


def _socket_io(payload: bytes) -> Any:
    return json.loads(payload[2:])[1]


WIRES: dict[str, dict[str, Any]] = {
    "sessionwire": {
        "path": "/live",
        "first": b'{"op":"update"',
        "data": _ours,
        "opening": (b'{"op":"subscribe","id":1,"query":"session"}',),
        "subprotocol": "sessionwire.v1",
        "site": SITE,
        "shield": "__Host-",
    },
    "node-hub": {"path": "/live", "first": b'{"type":"session"', "data": _hub},
    "socket.io": {
        "path": "/socket.io/?EIO=4&transport=websocket",
        "first": b'42["session"',
        "data": _socket_io,
        "answers": ((b"0{", b"40"), (b"2", b"3")),
    },
    "mongo-broadcaster": {
        "path": "/ws",
        "first": b"",
        "data": _hub,
        "ready_at_once": True,
        "answers": ((b"ping", b"pong"),),
    },
    "nothing": {"path": "/", "first": b"", "data": _hub, "ready_at_once": True},
}


def wire_of(name: str, address: str) -> Wire:
    """How it is spoken to; a server that is asked over HTTP alone, or is a floor, has no wire."""
    return Wire(address, **WIRES.get(name, WIRES["nothing"]))
