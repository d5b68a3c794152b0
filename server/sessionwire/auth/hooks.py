"""A function of the application that is told of events, in its own time: nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from sessionwire.errors import Unavailable

if TYPE_CHECKING:
    from sessionwire.auth.events import Event
    from sessionwire.model import Version

__all__ = ["Hook", "Listener"]

logger = logging.getLogger("sessionwire.events")

Listener = Callable[["Event"], Awaitable[Any] | None]
"""Plain or async; what it returns is ignored."""

_QUEUE = 1_000
_DEADLINE = 30.0


class Hook:
    """One listener behind a queue of its own: it is called for one event after the other.

    A plain function runs in a thread, so that it may block. An async one is cancelled when it takes
    too long; a thread cannot be, so that its queue waits for it.
    """

    def __init__(self, listener: Listener, *, deadline: float = _DEADLINE) -> None:
        self._listener = listener
        self._deadline = deadline
        self._name = getattr(listener, "__qualname__", repr(listener))
        self._is_async = inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(
            getattr(listener, "__call__", None)  # noqa: B004 (an object with an async __call__)
        )
        self.begin()

    def begin(self) -> None:
        """Forget what waits: the next loop is another one, if an application starts again."""
        self._queue: asyncio.Queue[tuple[Event, Version]] = asyncio.Queue(_QUEUE)

    def offer(self, event: Event, version: Version) -> None:
        """Take the event; with a full queue it is dropped and logged."""
        try:
            self._queue.put_nowait((event, version))
        except asyncio.QueueFull:
            logger.error("The hook %s is behind: %s was dropped", self._name, event.kind)

    async def run(self, until: Callable[[Version], Awaitable[None]]) -> None:
        """Call the listener until cancelled."""
        while True:
            event, version = await self._queue.get()
            try:
                with contextlib.suppress(Unavailable):  # shown or not, it has happened
                    await until(version)
                await self._call(event)
            finally:
                self._queue.task_done()

    async def idle(self) -> None:
        """Return once everything that was offered is done."""
        await self._queue.join()

    async def _call(self, event: Event) -> None:
        try:
            if self._is_async:
                await self._await(self._listener(event), event)
            else:
                await self._in_thread(event)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            logger.exception("The hook %s was cancelled at %s", self._name, event.kind)
        except Exception:  # an application's code
            logger.exception("The hook %s failed at %s", self._name, event.kind)

    async def _await(self, pending: Awaitable[Any] | None, event: Event) -> None:
        if pending is None:
            return
        deadline = asyncio.timeout(self._deadline)
        try:
            async with deadline:
                await pending
        except TimeoutError:
            if not deadline.expired():
                raise
            self._complain(event)

    async def _in_thread(self, event: Event) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()
        threading.Thread(
            target=_perform, args=(self._listener, event, loop, done), daemon=True
        ).start()
        reminder = loop.call_later(self._deadline, self._complain, event)
        try:
            result = await done
        finally:
            reminder.cancel()
        if inspect.isawaitable(result):
            await self._await(result, event)

    def _complain(self, event: Event) -> None:
        logger.error(
            "The hook %s takes longer than %.0f s at %s", self._name, self._deadline, event.kind
        )


def _perform(
    listener: Listener,
    event: Event,
    loop: asyncio.AbstractEventLoop,
    done: asyncio.Future[Any],
) -> None:
    """In the thread. It is a daemon: one that never returns does not keep the process."""

    def settle(result: Any, error: Exception | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(error)

    result: Any = None
    failure: Exception | None = None
    try:
        result = listener(event)
    except Exception as error:
        failure = error
    except BaseException as error:  # SystemExit would only end the thread
        failure = RuntimeError(f"{type(error).__name__} in a hook")
    with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
        loop.call_soon_threadsafe(settle, result, failure)
