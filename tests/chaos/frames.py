"""What a bad middlebox does to single WebSocket frames of a server: drop, repeat, swap."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Tamper"]

_TEXT = 1


class Tamper:
    """Cuts the bytes of one connection into frames, and edits the text frames.

    `treat` gets each text frame's payload with its number from 0 on, and says what is sent in its
    place: payloads, in order.
    """

    def __init__(self, treat: Callable[[int, bytes], list[bytes]]) -> None:
        self._treat = treat
        self._buffer = b""
        self._upgraded = False
        self._plain = False
        self._number = 0

    def __call__(self, data: bytes) -> list[bytes]:
        self._buffer += data
        out = []
        if not self._upgraded:
            head, found, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not found:
                self._buffer = head
                return []
            self._upgraded = True
            out.append(head + found)
            self._plain = b" 101 " not in head
        if self._plain:
            out.append(self._buffer)
            self._buffer = b""
        while (size := _size(self._buffer)) is not None:
            frame, self._buffer = self._buffer[:size], self._buffer[size:]
            out += self._edited(frame)
        return out

    def _edited(self, frame: bytes) -> list[bytes]:
        if frame[0] & 0x0F != _TEXT:
            return [frame]
        payload = frame[_head(frame) :]
        self._number += 1
        return [_text(each) for each in self._treat(self._number - 1, payload)]


def _head(frame: bytes) -> int:
    return {126: 4, 127: 10}.get(frame[1] & 0x7F, 2)


def _size(data: bytes) -> int | None:
    """Of the first frame, head included; None while it is not whole. A server's are unmasked."""
    if len(data) < 2 or len(data) < _head(data):
        return None
    length = data[1] & 0x7F
    if length == 126:
        length = struct.unpack("!H", data[2:4])[0]
    elif length == 127:
        length = struct.unpack("!Q", data[2:10])[0]
    size = _head(data) + length
    return size if len(data) >= size else None


def _text(payload: bytes) -> bytes:
    if len(payload) < 126:
        return bytes([0x81, len(payload)]) + payload
    if len(payload) < 65536:
        return b"\x81\x7e" + struct.pack("!H", len(payload)) + payload
    return b"\x81\x7f" + struct.pack("!Q", len(payload)) + payload
