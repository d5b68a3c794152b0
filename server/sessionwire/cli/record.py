"""`sessionwire record`: writes down changes of sessions, without what is private."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from sessionwire.cli.logs import set_up_logs
from sessionwire.cli.program import console, refusing
from sessionwire.cli.tail import mongodb_of, running
from sessionwire.recording.file import create
from sessionwire.recording.pseudonyms import Pseudonyms
from sessionwire.recording.taking import Progress, Recorder
from sessionwire.settings import read_settings
from sessionwire.store.mapping import naming_of
from sessionwire.store.mongo import Store
from sessionwire.tasks import background

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sessionwire.settings import Settings

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    program.command("record")(record)


def record(
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    keep_personal: Annotated[
        bool,
        typer.Option("--keep-personal", help="Keep names and addresses; credentials never are."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="End by itself after so long.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="That of a server's embedded MongoDB.")
    ] = None,
) -> None:
    """Record changes of SESSIONWIRE_MONGODB_URI, or of a running server's embedded MongoDB."""
    set_up_logs("warning")
    with refusing("sessionwire cannot record."), running():
        settings = read_settings(data_dir=data_dir)
        uri = mongodb_of(settings)
        with create(file, replace=force) as out:
            pseudonyms = Pseudonyms(keep_personal=keep_personal)
            try:
                done = asyncio.run(_record(settings, uri, out, pseudonyms, seconds))
            except BaseException:
                if out.tell() == 0:
                    file.unlink()
                raise
    said = f"{_count(done.documents, 'document')} and {_count(done.groups, 'change')}"
    console.print(f"[bold green]●[/] Recorded {said} in {escape(str(file))}", soft_wrap=True)


async def _record(
    settings: Settings,
    uri: str,
    out: IO[bytes],
    pseudonyms: Pseudonyms,
    seconds: float | None,
) -> Progress:
    async with Store.open(
        uri, database=settings.database, driver=settings.driver, naming=naming_of(settings)
    ) as store:
        begun = asyncio.Event()

        def write(line: bytes) -> None:
            out.write(line)
            out.flush()

        def tell(progress: Progress) -> None:
            if out.tell():
                begun.set()
            status.update(_said(progress))

        recorder = Recorder(store, settings, write, pseudonyms=pseudonyms, progress=tell)
        with console.status("Reading what is there…") as status, _asked_to_end() as end:
            async with background(recorder.run()):
                await begun.wait()
                console.print("[bold green]●[/] Recording. [dim]Ctrl-C ends.[/]")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await end.wait()
        return recorder.finish()


@contextlib.contextmanager
def _asked_to_end() -> Iterator[asyncio.Event]:
    """Set once the program is asked to end, which it does in order."""
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for each in signals:
        loop.add_signal_handler(each, asked.set)
    try:
        yield asked
    finally:
        for each in signals:
            loop.remove_signal_handler(each)


def _said(progress: Progress) -> str:
    text = f"{_count(progress.documents, 'document')}, {_count(progress.groups, 'change')}"
    return f"{text}, the stream broke {progress.losses}×" if progress.losses else text


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
