"""A connection of the driver's, held to ask for the next batch of a cursor again and again.

PyMongo waits for each answer with two tasks and a timer of its own, of which it then cancels one:
200 µs of processor time and 0.3 ms, where the question and the answer take 33 µs and 0.08 ms. For
what is asked a thousand times a second that is most of what a change costs
(docs/decisions/0020-a-line-for-the-stream.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import Any

from pymongo import AsyncMongoClient, ReadPreference
from pymongo import errors as driver_errors

__all__ = ["Line"]

_OP_MSG = 2013
_HEAD = struct.Struct("<iiiiIB")
"""Length, request, request answered, kind; then the flags, and the kind of the only section."""
_LARGEST = 64 * 1024 * 1024
_TICK = 0.5


class Line(asyncio.Protocol):
    """One question at a time. It is closed with whatever goes wrong, and never used again."""

    def __init__(self, checkout: Any, connection: Any) -> None:
        self._checkout = checkout
        self._connection = connection
        self._driver: asyncio.Protocol = connection.conn.get_conn
        self._transport: asyncio.Transport = connection.conn.get_conn.transport
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._late_at = 0.0
        self._clock = self._loop.call_later(_TICK, self._tick)
        self._transport.set_protocol(self)
        self._transport.resume_reading()

    @classmethod
    async def take(cls, client: Any) -> Line | None:
        """A connection to the primary, out of the client's pool until `close`.

        None where the driver, or its version, does not give one away.
        """
        check_out = getattr(client, "_conn_for_reads", None)
        if check_out is None or not isinstance(client, AsyncMongoClient):
            return None
        checkout = await check_out(ReadPreference.PRIMARY, None, "getMore")
        connection, _ = await checkout.__aenter__()
        with contextlib.suppress(AttributeError):
            return cls(checkout, connection)
        await checkout.__aexit__(None, None, None)
        return None

    @property
    def open(self) -> bool:
        return not self._transport.is_closing()

    @property
    def asked(self) -> bool:
        """Whether there is an answer to wait for, or to be had."""
        return self._answer is not None

    def ask(self, question: bytes, *, within: float) -> None:
        """Send it, a command as BSON. Raises PyMongo's AutoReconnect."""
        if not self.open:
            raise driver_errors.AutoReconnect("connection closed")
        self._answer = self._loop.create_future()
        self._late_at = self._loop.time() + within
        self._transport.write(
            _HEAD.pack(_HEAD.size + len(question), 1, 0, _OP_MSG, 0, 0) + question
        )

    async def answer(self) -> bytes:
        """What the question was answered, as BSON.

        Raises TimeoutError within half a second after the question's time is over, and PyMongo's
        AutoReconnect.
        """
        assert self._answer is not None
        try:
            return (await self._answer)[_HEAD.size :]
        except BaseException:
            self._transport.abort()
            raise
        finally:
            self._answer = None

    def drop(self) -> None:
        """Nobody waits for an answer any more: one that is to come cannot be told from another."""
        answer, self._answer = self._answer, None
        if answer is not None:
            self._transport.abort()
            if not answer.cancel():
                answer.exception()  # it is known to have failed, and need not be reported

    async def close(self) -> None:
        """Cut it, and tell the pool."""
        self.drop()
        self._clock.cancel()
        self._transport.abort()
        self._transport.set_protocol(self._driver)
        await self._connection.close_conn(None)
        await self._checkout.__aexit__(None, None, None)

    # asyncio.Protocol

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if len(received) < _HEAD.size:
            return
        length, _, _, kind, flags, section = _HEAD.unpack_from(received)
        if kind != _OP_MSG or flags or section or not _HEAD.size < length <= _LARGEST:
            self._fail(driver_errors.AutoReconnect("not an answer that was asked for"))
            self._transport.abort()
        elif len(received) >= length:
            self._received = bytearray()
            if self._answer is not None and not self._answer.done() and len(received) == length:
                self._answer.set_result(bytes(received))
            else:
                self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._driver.connection_lost(error)
        self._fail(driver_errors.AutoReconnect(f"connection closed: {error}"))

    def _tick(self) -> None:
        """One clock for all answers: a timer for each costs a tenth of asking."""
        self._clock = self._loop.call_later(_TICK, self._tick)
        if self._loop.time() > self._late_at:
            self._fail(TimeoutError("no answer in time"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._transport.abort()
            self._answer.set_exception(error)
