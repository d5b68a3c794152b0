"""A peer of the live wire that shakes hands, subscribes, and reads no further."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.server import Running

__all__ = ["frozen"]


@contextlib.asynccontextmanager
async def frozen(server: Running, cookie: str, *queries: str) -> AsyncIterator[socket.socket]:
    """Subscribed to these queries as 1, 2, …; its buffer is small, and it is closed afterwards."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.setblocking(False)
        await loop.sock_connect(peer, (host, int(port)))
        handshake = (
            f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {server.address}\r\n"
            f"Cookie: {cookie}\r\n\r\n"
        )
        await loop.sock_sendall(peer, handshake.encode())
        await loop.sock_recv(peer, 1024)
        for number, query in enumerate(queries, start=1):
            text = f'{{"op":"subscribe","id":{number},"query":"{query}"}}'.encode()
            await loop.sock_sendall(peer, bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text)
        yield peer
