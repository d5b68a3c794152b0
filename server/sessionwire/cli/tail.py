"""`sessionwire tail`: changes as they pass, and what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from sessionwire.cli.logs import set_up_logs
from sessionwire.cli.program import console, refusing
from sessionwire.cli.tailing.direct import observe
from sessionwire.cli.tailing.events import Began, Broke, Missed, Seen
from sessionwire.cli.tailing.ledger import Ledger
from sessionwire.cli.tailing.lines import lines_of
from sessionwire.cli.tailing.remote import Server, watch
from sessionwire.errors import SessionwireError, StartupError
from sessionwire.model import parse_version
from sessionwire.observing.filter import Filter
from sessionwire.settings import read_settings
from sessionwire.store.embedded import running_uri
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.cli.tailing.events import Event, Events
    from sessionwire.cli.tailing.ledger import Entry
    from sessionwire.settings import Settings

__all__ = ["mongodb_of", "register", "running"]

_AHEAD = 256
"""Events that are taken from the source before they are printed."""


def register(program: typer.Typer) -> None:
    program.command("tail")(tail)


def tail(
    url: Annotated[
        str | None, typer.Option(help="A running server. Default: SESSIONWIRE_BASE_URL.")
    ] = None,
    mongodb: Annotated[
        bool, typer.Option("--mongodb", help="Follow SESSIONWIRE_MONGODB_URI itself, no server.")
    ] = False,
    user: Annotated[str | None, typer.Option(help="Only what concerns this user (id).")] = None,
    collection: Annotated[str | None, typer.Option(help="Only of this collection.")] = None,
    organization: Annotated[str | None, typer.Option(help="Only of this one (id).")] = None,
    op: Annotated[
        Literal["insert", "replace", "update", "delete", "drop"] | None,
        typer.Option(help="Only changes of this kind."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Begin after this version.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="A line of JSON for each.")] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(help="Holds the admin token. Default: SESSIONWIRE_ADMIN_TOKEN."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="With --mongodb: that of a server's embedded MongoDB.")
    ] = None,
) -> None:
    """Print changes of the database as they pass: what changed, who was told, or why nobody was."""
    set_up_logs("warning")
    wanted = {"user": user, "collection": collection, "organization": organization, "operation": op}
    with refusing("sessionwire cannot watch."), running():
        _refuse_no_version(since)
        settings = read_settings(data_dir=data_dir)
        ledger = Ledger(since=since)
        if mongodb:
            events = observe(settings, mongodb_of(settings), Filter(**wanted), since=since)
        else:
            given = {name: text for name, text in wanted.items() if text is not None}
            server = Server(_address(url, settings), _token(token_file, settings), given)
            if server.token is not None and _is_exposed(server.url):
                _say("yellow", "The token is sent unencrypted.", "Use https, or a tunnel.")
            events = watch(server, resume=lambda: ledger.resume)
        asyncio.run(_print_all(events, ledger, _Printer(json)))


@contextlib.contextmanager
def running() -> Iterator[None]:
    """While a command runs: Ctrl-C ends it, and so does a reader that has read enough.

    Raises StartupError for what stopped it.
    """
    try:
        yield
    except BaseException as raised:
        cause = raised
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, BrokenPipeError):
            # What Python would still flush at its end has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(cause, BrokenPipeError | KeyboardInterrupt):
            raise typer.Exit(0) from None
        if isinstance(cause, SessionwireError) and not isinstance(cause, StartupError):
            raise StartupError(cause.message, remedy="Is MongoDB well? Then try again.") from None
        raise cause from None


async def _print_all(events: Events, ledger: Ledger, printer: _Printer) -> None:
    queue: asyncio.Queue[Event] = asyncio.Queue(_AHEAD)

    async def read() -> None:
        async with contextlib.aclosing(events):
            async for event in events:
                await queue.put(event)

    async with background(read()):
        while True:
            event = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ledger.due_in(now=time.monotonic())):
                    event = await queue.get()
            if event is not None:
                printer.tell(event, ledger)
            for entry in ledger.due(now=time.monotonic()):
                printer.print(entry)


@dataclass(slots=True)
class _Run:
    """Which run of a server was last seen, and whether it is gone."""

    process: str = ""
    broke: bool = False


class _Printer:
    """Traces go to standard output; what is said about them to standard error."""

    def __init__(self, json: bool) -> None:
        self._json = json
        self._console = _Output(highlight=False, soft_wrap=True)
        self._run = _Run()

    def tell(self, event: Event, ledger: Ledger) -> None:
        match event:
            case Seen(facts):
                for entry in ledger.take(facts, now=time.monotonic()):
                    self.print(entry)
            case Began(where, process, version):
                self._began(where, process)
                ledger.begin(version)
            case Missed(facts, remedy):
                where = f"from {facts.after} to {facts.until}"
                said = f"{facts.count} changes {where} were missed."
                if facts.count is None:
                    said = f"Changes {where} may have been missed."
                _say("yellow", said, remedy)
            case Broke(reason):
                self._run.broke = True
                _say("red", f"The server is gone: {reason}.", "Trying again until it is back.")

    def _began(self, where: str, process: str) -> None:
        """The first time, and after a break: whether it is the same run, which missed nothing."""
        run = self._run
        if not run.process:
            _say("green", f"Watching {where}.", "Ctrl-C ends.")
        elif run.process == process:
            _say("green", f"{where} is back.", "It is the same process: nothing is left out.")
        else:
            _say("green", f"{where} is back.", "It was restarted.")
        self._run = _Run(process)

    def print(self, entry: Entry) -> None:
        if self._json:
            sys.stdout.buffer.write(msgspec.json.encode(entry.facts) + b"\n")
            sys.stdout.buffer.flush()
            return
        width = self._console.width if self._console.is_terminal else None
        for line in lines_of(entry, width=width):
            self._console.print(line, no_wrap=True, overflow="ignore", crop=False)


class _Output(Console):
    """rich's, but a pipe that broke is the end of our own making."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _say(style: str, what: str, then: str) -> None:
    console.print(f"[bold {style}]●[/] {escape(what)} [dim]{escape(then)}[/]", soft_wrap=True)


def _refuse_no_version(since: str | None) -> None:
    try:
        parse_version(since or "0" * 16)
    except ValueError as error:
        raise StartupError(
            f"--since {since}: {error}.", remedy="Copy one that --json printed."
        ) from None


def _address(url: str | None, settings: Settings) -> str:
    """Raises StartupError for what is no address."""
    address = (url or settings.base_url).rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StartupError(f"{address} is no address.", remedy="Write --url http://host:port.")
    return address


def _token(file: Path | None, settings: Settings) -> str | None:
    """The admin token, which no command line ever shows. Raises StartupError."""
    if file is None:
        return None if settings.admin_token is None else settings.admin_token.get_secret_value()
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StartupError(
            f"{file} cannot be read: {said}.", remedy="Name a file that holds the admin token."
        ) from None
    if not token or not token.isprintable() or " " in token:
        raise StartupError(f"{file} holds no token.", remedy="Put the admin token into it.")
    return token


def mongodb_of(settings: Settings) -> str:
    """The configured MongoDB, else the embedded one of a running server. Raises StartupError."""
    if settings.mongodb_uri is not None:
        return settings.mongodb_uri.get_secret_value()
    uri = running_uri(settings.data_dir)
    if uri is None:
        raise StartupError(
            f"No MongoDB is configured, and no server runs in {settings.data_dir}.",
            remedy="Set SESSIONWIRE_MONGODB_URI, or name a server's directory with --data-dir.",
        )
    return uri


def _is_exposed(url: str) -> bool:
    """Whether others on the way could read what is sent there."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname in (None, "localhost"):
        return False
    try:
        return not ip_address(parts.hostname).is_loopback
    except ValueError:
        return True
