"""The floor of every push: a bare uvloop writer that builds one frame and knows nobody.

It speaks the first half of a WebSocket handshake. The message `go <frames>` makes it write so many
frames of a session's size to everybody, as fast as the loop takes them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from typing import Any

import uvloop

from bench.peers.announce import listening

_KEY = re.compile(rb"sec-websocket-key: *([^\r]+)\r", re.IGNORECASE)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FILL = b'","name":"' + b"x" * 560 + b'"}}]}'

everybody: set[Peer] = set()


class Peer(asyncio.Protocol):
    transport: Any

    def __init__(self) -> None:
        self.head = b""
        self.open = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.open:
            order = unmasked(data)
            if order.startswith(b"go "):
                write(int(order[3:]))
            return
        self.head += data
        if not self.head.endswith(b"\r\n\r\n"):
            return
        found = _KEY.search(self.head)
        assert found is not None
        accept = base64.b64encode(hashlib.sha1(found[1] + _GUID).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + frame(0)
        )
        self.open, self.head = True, b""
        everybody.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        everybody.discard(self)


def unmasked(data: bytes) -> bytes:
    """The payload of one short client frame."""
    length, mask = data[1] & 127, data[2:6]
    return bytes(byte ^ mask[at % 4] for at, byte in enumerate(data[6 : 6 + length]))


def frame(seq: int) -> bytes:
    payload = b'{"op":"update","version":"0","results":[{"id":1,"data":{"image":"seq:%08d' % seq
    payload += _FILL
    return b"\x81\x7e" + len(payload).to_bytes(2) + payload


def write(frames: int) -> None:
    for seq in range(1, frames + 1):
        data = frame(seq)
        for each in everybody:
            each.transport.write(data)


async def serve() -> None:
    with listening() as listener:
        server = await asyncio.get_running_loop().create_server(Peer, sock=listener)
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve())
