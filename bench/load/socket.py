"""A lean WebSocket client: it parses frame heads, looks for a marker, and nothing more."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.load.wires import Wire
    from bench.people import Person

__all__ = ["Client", "seq_of"]

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_MARK = b"seq:"


def seq_of(payload: bytes) -> int:
    """The number of the newest write that a message shows; 0 when it shows none."""
    newest, at = 0, payload.find(_MARK)
    while at >= 0:
        newest = max(newest, int(payload[at + 4 : at + 12]))
        at = payload.find(_MARK, at + 12)
    return newest


class Client(asyncio.Protocol):
    """One connection of one person. `arrived` is called with each number that is shown to it."""

    __slots__ = (
        "_arrived",
        "_buffer",
        "_head",
        "_ready",
        "_wire",
        "checked",
        "index",
        "lost",
        "person",
        "ready",
        "transport",
    )

    def __init__(
        self,
        index: int,
        person: Person,
        wire: Wire,
        *,
        ready: Callable[[Client], None],
        arrived: Callable[[Client, int, float], None],
    ) -> None:
        self.index = index
        self.person = person
        self.ready = False
        self.checked = False
        self.lost = False
        self.transport: Any = None
        self._wire = wire
        self._ready = ready
        self._arrived = arrived
        self._head = True
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._wire.handshake(self.person))

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        if self._head:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101 "):
                self.transport.close()
                return
            self._head = False
            data = data[end + 4 :]
            for text in self._wire.opening:
                self.send(_TEXT, text)
            if self._wire.ready_at_once:
                self._be_ready(True)
        self._frames(data)

    def _frames(self, data: bytes) -> None:
        at, size = 0, len(data)
        while size - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                if size - at < 4:
                    break
                length, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            elif length == 127:
                if size - at < 10:
                    break
                length, start = int.from_bytes(data[at + 2 : at + 10]), at + 10
            end = start + length
            if end > size:
                break
            self._frame(data[at] & 15, data[start:end])
            at = end
        if at < size:
            self._buffer = data[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == _TEXT:
            if self.ready:
                seq = seq_of(payload)
                if seq:
                    self._arrived(self, seq, time.perf_counter())
                    return
            answer = self._wire.answer(payload)
            if answer is not None:
                self.send(_TEXT, answer)
            elif not self.ready and self._wire.is_first(payload):
                self._be_ready(self._wire.check(payload, self.person))
        elif opcode == _PING:
            self.send(_PONG, payload)
        elif opcode == _CLOSE:
            self.transport.close()

    def _be_ready(self, checked: bool) -> None:
        self.ready, self.checked = True, checked
        self._ready(self)

    def send(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        size = len(payload)
        head = bytes((0x80 | opcode, 0x80 | size)) if size < 126 else b""
        if not head:
            head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2)
        key = int.from_bytes((mask * (size // 4 + 1))[:size])
        masked = (int.from_bytes(payload) ^ key).to_bytes(size) if size else b""
        self.transport.write(head + mask + masked)
