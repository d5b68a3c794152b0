"""`sessionwire serve`: one process that serves, or several."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvicorn

from sessionwire.app import SessionWire
from sessionwire.cli.listening import address_of, announce, listening
from sessionwire.cli.logs import LogFormat, set_up_logs
from sessionwire.cli.program import refusing
from sessionwire.cli.workers import serve_many
from sessionwire.errors import SessionwireError, StartupError, Unavailable
from sessionwire.serving import spare_the_heap, uvicorn_config
from sessionwire.settings import Settings, load_settings

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Server", "register"]

_TICK = 0.1


def register(program: typer.Typer) -> None:
    program.command("serve")(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded MongoDB and the secret are kept.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the demo at /.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes.")] = 1,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_format: Annotated[
        LogFormat,
        typer.Option(envvar="SESSIONWIRE_LOG_FORMAT", help="Lines for people, or for programs."),
    ] = "text",
) -> None:
    """Run the server. Everything else is set by SESSIONWIRE_… variables or sessionwire.toml."""
    set_up_logs(log_level, log_format)
    try:
        with refusing(), listening(host, port) as listener:
            address = address_of(host, listener.getsockname()[1])
            settings = _settings(data_dir, address)
            if workers == 1:
                _serve_one(settings, listener, address, demo=demo)
            else:
                serve_many(
                    settings,
                    listener,
                    address,
                    demo=demo,
                    workers=workers,
                    log_format=log_format,
                )
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _settings(data_dir: Path | None, address: str) -> Settings:
    settings = load_settings(data_dir=data_dir)
    if "base_url" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"base_url": address})


class Server(uvicorn.Server):
    """Says where it is once it serves; a signal ends `serve`, not the process around it."""

    address = ""
    drain = 0.0

    def __init__(self, config: uvicorn.Config, wire: SessionWire) -> None:
        super().__init__(config)
        self._wire = wire

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            announce(self.address)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()  # uvicorn would raise them again, and skip our stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Not ready from now on, and `drain` seconds later closed, or at a second signal."""
        self._wire.refuse_more()
        ends_at = time.monotonic() + self.drain
        while time.monotonic() < ends_at and not self.force_exit:  # noqa: ASYNC110 (uvicorn's flag)
            await asyncio.sleep(_TICK)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)


def _serve_one(settings: Settings, listener: socket.socket, address: str, *, demo: bool) -> None:
    wire = SessionWire(settings, demo=demo)
    server = Server(uvicorn_config(wire, settings, lifespan="off"), wire)
    server.address, server.drain = address, settings.limits.drain

    async def run() -> None:
        async with wire.lifespan():
            spare_the_heap()
            await server.serve(sockets=[listener])

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        try:
            runner.run(run())
        except* StartupError as errors:
            raise _first(errors) from None
        except* Unavailable as errors:
            if server.started:
                raise
            raise StartupError(
                f"MongoDB stopped answering: {_first(errors).message}",
                remedy="Start again when its replica set has a primary and a majority.",
            ) from None


def _first(errors: BaseExceptionGroup[SessionwireError]) -> SessionwireError:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, SessionwireError)
    return found
