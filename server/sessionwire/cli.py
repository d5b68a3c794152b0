"""The command `sessionwire`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvicorn
from anyio.from_thread import start_blocking_portal
from pydantic import SecretStr
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from uvicorn.config import STARTUP_FAILURE
from uvicorn.importer import ImportFromStringError, import_from_string
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from sessionwire import __version__
from sessionwire.app import SessionWire
from sessionwire.errors import StartupError
from sessionwire.gateways.auth.openapi import openapi
from sessionwire.gateways.auth.routes import ENDPOINTS
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.typescript import typescript
from sessionwire.serving import BACKLOG, uvicorn_config
from sessionwire.settings import Settings, load_settings
from sessionwire.store.embedded import EmbeddedMongo
from sessionwire.store.mongo import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["main"]

_USER_TIMEOUT_MS = 20_000
_READY_WITHIN = 90.0
_NOT_WORTH_A_LINE = re.compile(
    "connection (open|closed|rejected)|HTTP response sent|.*WebSocket|"
    "Invalid HTTP request|Unsupported upgrade"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

cli = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False)


@cli.callback()
def _sessionwire() -> None:
    """Live sessions over WebSockets, on MongoDB."""


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@cli.command("openapi")
def print_openapi() -> None:
    """Print the HTTP API as an OpenAPI 3.1 document."""
    typer.echo(json.dumps(openapi(ENDPOINTS, version=__version__), indent=2))


@cli.command("types")
def print_types(
    app: Annotated[
        str | None, typer.Option(help="Your SessionWire, as module:name, with its own queries.")
    ] = None,
) -> None:
    """Print what the queries show as a TypeScript module."""
    if app is None:
        typer.echo(typescript(make_queries(active_organization="user")), nl=False)
        return
    try:
        typer.echo(_imported(app).types(), nl=False)
    except StartupError as error:
        _refuse(error)
        raise typer.Exit(1) from None


def _imported(name: str) -> SessionWire:
    """The developer's server, found as uvicorn finds an application. Raises StartupError."""
    sys.path.insert(0, os.getcwd())
    try:
        found = import_from_string(name)
    except ImportFromStringError as error:
        raise StartupError(
            str(error), remedy="Give --app as module:name, from the directory it is imported from."
        ) from None
    if not isinstance(found, SessionWire):
        raise StartupError(
            f"{name} is a {type(found).__name__}, not a SessionWire.",
            remedy="Name the SessionWire itself, not the application that it is mounted into.",
        )
    return found


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded MongoDB and the secret are kept.")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Serve the demo at /.")] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Server processes.")] = 1,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run the server. Everything else is set by SESSIONWIRE_… variables or sessionwire.toml."""
    _log(log_level)
    try:
        with _listening(host, port) as listener:
            address = _address(host, listener.getsockname()[1])
            settings = _settings(data_dir, address)
            if workers == 1:
                _serve_one(settings, listener, address, demo=demo)
            else:
                _serve_many(settings, listener, address, demo=demo, workers=workers)
    except StartupError as error:
        _refuse(error)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _refuse(error: StartupError) -> None:
    """Letter by letter, to be copied: brackets in a path are no markup, and no line is broken."""
    message, remedy = escape(error.message), escape(error.remedy)
    console.print(f"[bold red]sessionwire cannot start.[/] {message}", soft_wrap=True)
    console.print(f"  [bold]→[/] {remedy}", soft_wrap=True)


def _log(level: str) -> None:
    handler = RichHandler(console=console, show_path=False, rich_tracebacks=False)
    if not sys.stderr.isatty():
        handler = logging.StreamHandler()  # type: ignore[assignment]
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handler.addFilter(_one_line)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What these say in detail are commands, headers and frames, with everything that is in them.
    for library in ("pymongo", "asyncio", "httpx", "httpcore", "websockets", "aiosmtplib"):
        logging.getLogger(library).setLevel(logging.WARNING)
    uvicorn_logger = logging.getLogger("uvicorn.error")
    uvicorn_logger.setLevel(max(logging.INFO, logging.root.level))


def _one_line(record: logging.LogRecord) -> bool:
    """A connection is worth no line, what a peer sent wrong no traceback, and a line is one."""
    if record.name == "uvicorn.error" and _NOT_WORTH_A_LINE.match(str(record.msg)):
        return False
    if record.name == "uvicorn.error" and record.msg.startswith("Invalid UTF-8"):
        record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
    record.msg, record.args = _CONTROL.sub(_escaped, record.getMessage()), ()
    return True


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _settings(data_dir: Path | None, address: str) -> Settings:
    settings = load_settings(data_dir=data_dir)
    if "base_url" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"base_url": address})


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The listening socket, whose connections the kernel cuts when a peer acknowledges nothing.

    It names its protocol: asyncio sets TCP_NODELAY only on sockets that do, and without it every
    answer on a kept connection takes 44 ms (measured).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise StartupError(
                f"{host}:{port} cannot be listened on: {error.strerror}.",
                remedy="Stop the program that uses it, or choose another with --port (0: any).",
            ) from None
        listener.listen(BACKLOG)
        listener.set_inheritable(True)
        yield listener


def _address(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


class _Server(uvicorn.Server):
    """Says where it is once it serves; a signal ends `serve`, not the process around it."""

    address = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _announce(self.address)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()  # uvicorn would raise them again, and skip our stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)


def _announce(address: str) -> None:
    shown = f"[bold]{escape(address)}[/]"
    console.print(f"[bold green]sessionwire[/] {__version__} is ready at {shown}", soft_wrap=True)


def _serve_one(settings: Settings, listener: socket.socket, address: str, *, demo: bool) -> None:
    wire = SessionWire(settings, demo=demo)
    server = _Server(uvicorn_config(wire, settings, lifespan="off"))
    server.address = address

    async def run() -> None:
        async with wire.lifespan():
            await server.serve(sockets=[listener])

    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        try:
            runner.run(run())
        except* StartupError as errors:
            raise _first(errors) from None


def _serve_many(
    settings: Settings, listener: socket.socket, address: str, *, demo: bool, workers: int
) -> None:
    """One embedded mongod, one change stream per worker; workers read the environment."""
    with start_blocking_portal() as portal, contextlib.ExitStack() as stack:
        if settings.mongodb_uri is None:
            mongo = stack.enter_context(
                portal.wrap_async_context_manager(EmbeddedMongo(settings.data_dir))
            )
            settings = settings.model_copy(update={"mongodb_uri": SecretStr(mongo.uri)})
        portal.call(_prepare, settings)
        assert settings.secret is not None and settings.mongodb_uri is not None
        os.environ["SESSIONWIRE_SECRET"] = settings.secret.get_secret_value()
        os.environ["SESSIONWIRE_MONGODB_URI"] = settings.mongodb_uri.get_secret_value()
        os.environ["SESSIONWIRE_BASE_URL"] = settings.base_url
        os.environ["SESSIONWIRE_DATA_DIR"] = str(settings.data_dir)
        os.environ["SESSIONWIRE_DEMO"] = "1" if demo else ""
        os.environ["SESSIONWIRE_LOG_LEVEL"] = logging.getLevelName(logging.root.level)
        config = uvicorn_config(
            "sessionwire.cli:worker", settings, factory=True, workers=workers, lifespan="on"
        )
        threading.Thread(target=_announce_when_ready, args=(address,), daemon=True).start()
        supervisor = _Supervisor(config, sockets=[listener])
        supervisor.run()
        if supervisor.failed:
            raise typer.Exit(1)


class _Supervisor(Multiprocess):
    """Replaces a worker that ended as long as another one serves.

    uvicorn gives all of them up when one cannot start: with MongoDB away for a while, a single
    worker's end would be everybody's.
    """

    @property
    def failed(self) -> bool:
        """Whether some worker could not start."""
        return any(each.exitcode == STARTUP_FAILURE for each in self.processes)

    def keep_subprocess_alive(self) -> None:
        if self.should_exit.is_set():
            return
        super().keep_subprocess_alive()
        if self.should_exit.is_set() and any(_serves(each) for each in self.processes):
            self.should_exit.clear()
            for index, each in enumerate(self.processes):
                if each.exitcode is not None:
                    self.processes[index] = Process(self.config, self.sockets)
                    self.processes[index].start()


def _serves(worker: Process) -> bool:
    return worker.exitcode is None and worker.is_ready(timeout=1)


async def _prepare(settings: Settings) -> None:
    """Refuse to start here, where it is said once, rather than in every worker again and again."""
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    async with Store.open(uri, database=settings.database, driver=settings.driver) as store:
        await store.ensure_indexes()


def worker() -> SessionWire:
    """The application of one of several workers, from the environment."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _log(os.environ.get("SESSIONWIRE_LOG_LEVEL", "INFO"))
    return SessionWire(demo=os.environ.get("SESSIONWIRE_DEMO") == "1")


def _end_with_parent() -> None:
    """Without the parent nobody ends this worker, and it would hold the port for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _announce_when_ready(address: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline:
        try:
            health = urllib.request.Request(f"{address}/api/auth/ok", headers={"Host": "localhost"})
            with urllib.request.urlopen(health, timeout=1):
                _announce(address)
                return
        except OSError:
            time.sleep(0.1)
    console.print("[bold red]sessionwire[/] is not ready; see the lines above")


def _first(errors: BaseExceptionGroup[StartupError]) -> StartupError:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, StartupError)
    return found


def main() -> None:
    """The entry point."""
    cli()
