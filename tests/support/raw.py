"""A client that sends exactly the bytes it is given, as no library would."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["UPGRADE", "Answer", "Line", "ask", "line_to", "posted", "refusal", "request"]

_SECURED = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control")
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The `code` of a JSON body."""
        said: dict[str, Any] = json.loads(self.body)
        return str(said["code"])


@dataclass(frozen=True)
class Line:
    """One TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, within: float = 10.0) -> Answer | None:
        """The next answer; None when the connection ends without one. Raises TimeoutError."""
        async with asyncio.timeout(within):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = (each.partition(":") for each in lines if each)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(first.split()[1]), headers, body)

    async def ended(self, *, within: float = 10.0) -> bool:
        """Wait until the server closes, whatever it sends until then. Raises TimeoutError."""
        async with asyncio.timeout(within):
            with contextlib.suppress(ConnectionError):
                while await self.reader.read(65536):
                    pass
        return True


@contextlib.asynccontextmanager
async def line_to(address: str) -> AsyncIterator[Line]:
    """A connection to the server at this address, closed afterwards."""
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request(
    target: str,
    *fields: tuple[str, str],
    method: str = "GET",
    host: str | None = "127.0.0.1",
    body: bytes = b"",
) -> bytes:
    """An HTTP/1.1 request with these header fields, in this order."""
    named = [] if host is None else [("Host", host)]
    lines = [f"{name}: {value}\r\n" for name, value in (*named, *fields)]
    return f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1") + body


def posted(target: str, body: str, *fields: tuple[str, str]) -> bytes:
    """A POST of JSON."""
    length = ("Content-Length", str(len(body)))
    kind = ("Content-Type", "application/json")
    return request(target, kind, length, *fields, method="POST", body=body.encode())


async def ask(address: str, *sent: bytes, within: float = 10.0) -> Answer | None:
    """What the server answers to these bytes on a new connection."""
    async with line_to(address) as line:
        for each in sent:
            line.send(each)
        return await line.answer(within=within)


def refusal(answer: Answer | None) -> tuple[int, str]:
    """Status and code of a refusal that carries the security headers."""
    assert answer is not None
    assert all(name in answer.headers for name in _SECURED), answer.headers
    return answer.status, answer.code
