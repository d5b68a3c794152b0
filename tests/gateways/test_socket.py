"""The socket after its handshake, byte by byte: RFC 6455, and no more kept than is needed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode

from sessionwire.gateways.socket import LiveSocket, text_frame

MASK = True


class Wire:
    """A transport that keeps what is written, as far as a socket uses one."""

    def __init__(self) -> None:
        self.written = b""
        self.closing = False

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close


class Heard:
    """What the receiver was told, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def received(self, text: str) -> None:
        self.told.append(text)

    def resumed(self) -> None:
        self.told.append("(resumed)")

    def stop(self) -> None:
        self.told.append("(stop)")

    def left(self) -> None:
        self.told.append("(left)")


def opened() -> tuple[LiveSocket, Wire, Heard]:
    wire, heard = Wire(), Heard()
    return LiveSocket(wire, heard, connections=set(), max_size=1_000), wire, heard


def said(wire: Wire) -> list[Frame]:
    """The frames that a client understands of what was written."""
    found, data = [], wire.written
    while data:
        length = data[1] & 127
        head = 2 if length < 126 else 4
        size = length if length < 126 else int.from_bytes(data[2:4])
        found.append(Frame(Opcode(data[0] & 15), data[head : head + size]))
        data = data[head + size :]
    return found


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin=fin).serialize(mask=MASK)


@given(st.lists(st.text(max_size=200), max_size=5), st.integers(1, 50))
def test_messages_arrive_whole_however_the_bytes_are_cut(texts: list[str], size: int) -> None:
    live, _, heard = opened()
    data = b"".join(masked(Opcode.TEXT, text.encode()) for text in texts)
    for start in range(0, len(data), size):
        live.data_received(data[start : start + size])
    assert heard.told == texts


def test_fragments_are_one_message_and_a_ping_may_stand_between() -> None:
    live, wire, heard = opened()
    live.data_received(masked(Opcode.TEXT, b"one ", fin=False))
    live.data_received(masked(Opcode.PING, b"?"))
    live.data_received(masked(Opcode.CONT, b"message"))
    assert heard.told == ["one message"]
    assert [(each.opcode, each.data) for each in said(wire)] == [(Opcode.PONG, b"?")]


BROKEN = {
    "unmasked": (Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002),
    "reserved bits": (b"\xf1\x80\0\0\0\0", 1002),
    "an unknown opcode": (b"\x83\x80\0\0\0\0", 1002),
    "a stray continuation": (masked(Opcode.CONT, b"x"), 1002),
    "too large": (masked(Opcode.TEXT, b"x" * 1_001), 1009),
    "too large, by its head alone": (b"\x81\xfe\xff\xff", 1009),
    "not UTF-8": (masked(Opcode.TEXT, b"\xff"), 1007),
    "binary": (masked(Opcode.BINARY, b"x"), 1003),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_what_the_rfc_forbids_ends_the_connection_with_its_code(what: str) -> None:
    data, code = BROKEN[what]
    live, wire, heard = opened()
    live.data_received(data)
    (frame,) = said(wire)
    assert frame.opcode is Opcode.CLOSE and Close.parse(frame.data).code == code
    assert heard.told == ["(left)"] and live.closed


async def test_fragments_that_together_are_too_large_end_it_too() -> None:
    live, wire, _ = opened()
    live.data_received(masked(Opcode.TEXT, b"x" * 800, fin=False))
    live.data_received(masked(Opcode.CONT, b"x" * 800))
    assert Close.parse(said(wire)[-1].data).code == 1009


async def test_a_close_is_answered_once_and_ends_it() -> None:
    live, wire, heard = opened()
    live.data_received(masked(Opcode.CLOSE, Close(1000, "").serialize()))
    assert [each.opcode for each in said(wire)] == [Opcode.CLOSE]
    assert wire.closing and heard.told == ["(left)"]


async def test_after_our_close_only_the_answer_to_it_counts() -> None:
    live, wire, heard = opened()
    live.close(4401, "revoked")
    live.data_received(masked(Opcode.TEXT, b"still here") + masked(Opcode.PING, b"?"))
    assert not wire.closing
    live.data_received(masked(Opcode.CLOSE, Close(4401, "").serialize()))
    assert [each.opcode for each in said(wire)] == [Opcode.CLOSE]
    assert wire.closing and heard.told == ["(left)"]


def test_a_ping_is_owed_its_own_answer() -> None:
    live, wire, _ = opened()
    assert live.ping()
    (ping,) = said(wire)
    live.data_received(masked(Opcode.PONG, b"old"))
    assert not live.ping()
    live.data_received(masked(Opcode.PONG, bytes(ping.data)))
    assert live.ping()


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_text_frame_is_what_websockets_builds(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_between_messages_no_parser_is_kept() -> None:
    live: Any = opened()[0]
    live.data_received(masked(Opcode.TEXT, b"hello"))
    assert live._parser is None and live._buffer == b"" and live._parts == []
