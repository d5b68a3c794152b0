"""`sessionwire replay`: serves a recording as if it were happening, without MongoDB."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from sessionwire.auth.sessions import cookies_of, credential_of
from sessionwire.cli.listening import address_of, listening
from sessionwire.cli.logs import set_up_logs
from sessionwire.cli.program import console, refusing
from sessionwire.cli.replaying import SignIn, keys_pressed
from sessionwire.cli.serve import Server
from sessionwire.cli.tail import running
from sessionwire.errors import StartupError
from sessionwire.model import Version
from sessionwire.model import Viewer as WireViewer
from sessionwire.observing.redaction import Redaction
from sessionwire.played import PlayedWire, playable
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.extras import extras_of
from sessionwire.recording.file import load
from sessionwire.recording.playing import Player, Viewer, viewers_of
from sessionwire.recording.script import script_of
from sessionwire.recording.stage import Stage
from sessionwire.serving import uvicorn_config
from sessionwire.settings import load_settings
from sessionwire.tasks import background

if TYPE_CHECKING:
    import socket

    from sessionwire.reactive.change import Group
    from sessionwire.recording.tape import Recording
    from sessionwire.settings import Settings

__all__ = ["register"]

_SHOWN = 12
"""Viewers that are listed; the others have links, too."""


def register(program: typer.Typer) -> None:
    program.command("replay")(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="What `sessionwire record` wrote.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for a free one.")] = 8000,
    speed: Annotated[float, typer.Option(min=0.01, help="10: ten times as fast.")] = 1.0,
    step: Annotated[bool, typer.Option("--step", help="Each change when you press Enter.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end.")] = False,
    as_: Annotated[
        str | None,
        typer.Option("--as", help="Sign everybody in as this viewer, or user (id, name, e-mail)."),
    ] = None,
    keep_dates: Annotated[
        bool, typer.Option("--keep-dates", help="As recorded, not moved to the present.")
    ] = False,
    script: Annotated[
        bool, typer.Option("--script", help="Print what --as was shown, for the browser's mock.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Where the secret is kept.")] = None,
) -> None:
    """Serve a recording: the live wire, HTTP reads, the demo and the inspector."""
    set_up_logs("warning")
    with refusing("sessionwire cannot replay."), running():
        recording = load(file)
        viewers = viewers_of(recording)
        chosen = None if as_ is None else _chosen(viewers, as_)
        if script:
            _print_script(recording, chosen, data_dir)
            return
        with listening(host, port) as listener:
            settings = _settings(recording, data_dir, address_of(host, listener.getsockname()[1]))
            play = _Play(settings, recording, keep_dates=keep_dates, viewers=viewers)
            play.introduce(file, chosen)
            asyncio.run(play.serve(listener, chosen, speed=speed, step=step, again=loop))


def _settings(recording: Recording, data_dir: Path | None, address: str) -> Settings:
    """Those of this machine, but what is shown is as it was where it was recorded."""
    header = recording.header
    given = load_settings(data_dir=data_dir, environment="development", base_url=address)
    return playable(
        given,
        active_organization=header.active_organization,
        session_maximum_days=header.session_maximum_days,
        user_fields=header.user_fields,
        session_fields=header.session_fields,
    )


def _chosen(viewers: list[Viewer], wanted: str) -> Viewer:
    """Raises StartupError."""
    for each in viewers:
        if wanted.casefold() in map(
            str.casefold, (each.label, each.token, each.user_id, each.name, each.email)
        ):
            return each
    known = ", ".join(f"{each.label} ({each.name})" for each in viewers[:8]) or "nobody"
    raise StartupError(f"{wanted} is not in the recording.", remedy=f"There is {known}.")


def _print_script(recording: Recording, chosen: Viewer | None, data_dir: Path | None) -> None:
    if chosen is None:
        raise StartupError("--script needs a viewer.", remedy="Name one with --as.")
    settings = _settings(recording, data_dir, "http://127.0.0.1:8000")
    stage = Stage(Version(1))
    queries = make_queries(
        active_organization=settings.active_organization, extras=extras_of(settings)
    )
    player = Player(recording, stage, credential=_credential, keep_dates=True)
    steps = script_of(player, stage, queries, WireViewer(_credential(chosen.token)))
    typer.echo(json.dumps(steps, indent=2, ensure_ascii=False))


def _credential(token: str) -> str:
    return credential_of(token, compat="none")


class _Play:
    """One replay: what is served, and by whom it can be seen."""

    def __init__(
        self, settings: Settings, recording: Recording, *, keep_dates: bool, viewers: list[Viewer]
    ) -> None:
        stage = Stage(Version(1))
        self._settings = settings
        self._wire = PlayedWire(settings, stage, demo=True)
        self._settings = self._wire.settings
        self._player = Player(recording, stage, credential=_credential, keep_dates=keep_dates)
        self._viewers = viewers
        self._player.begin()

    def cookie(self, viewer: Viewer) -> str:
        line = cookies_of(self._settings).session(viewer.token, remember=True)[0]
        return line.partition(";")[0]

    def introduce(self, file: Path, chosen: Viewer | None) -> None:
        """Say who can be seen, and how."""
        recording = self._player.recording
        lasted = f"{recording.duration.total_seconds():,.1f} s"
        said = f"{escape(str(file))}: {len(recording.groups):,} changes in {lasted}"
        console.print(f"[bold green]●[/] Replaying {said}", soft_wrap=True)
        for each in self._viewers[:_SHOWN]:
            later = f" [yellow]after {each.after:,.1f} s[/]" if each.after else ""
            mark = " [bold green]signed in[/]" if each is chosen else ""
            who = f"[bold]{each.label}[/] {escape(each.name)} [dim]{escape(each.email)}[/]"
            console.print(f"  {who}{later}{mark}", soft_wrap=True)
            console.print(f"    {self._settings.base_url}/replay/{each.label}", soft_wrap=True)
            console.print(f"    [dim]Cookie: {escape(self.cookie(each))}[/]", soft_wrap=True)
        if len(self._viewers) > _SHOWN:
            console.print(f"  … viewer{_SHOWN + 1} to viewer{len(self._viewers)}, in the same way")

    async def serve(
        self,
        listener: socket.socket,
        chosen: Viewer | None,
        *,
        speed: float,
        step: bool,
        again: bool,
    ) -> None:
        cookies = {each.label: self.cookie(each) for each in self._viewers}
        signed_in = None if chosen is None else self.cookie(chosen)
        app = SignIn(self._wire, cookies, always=signed_in)
        server = Server(uvicorn_config(app, self._settings, lifespan="off"), self._wire)
        server.address = self._settings.base_url
        moving = self._step(again) if step else self._run(speed, again)
        async with self._wire.lifespan(), background(moving):
            await server.serve(sockets=[listener])

    async def _run(self, speed: float, again: bool) -> None:
        while True:
            await self._player.play(speed=speed)
            if not again:
                _say("The recording is over; what it ended with stays. Ctrl-C ends.")
                await asyncio.Event().wait()
            self._player.again()
            _say("From the beginning again.")

    async def _step(self, again: bool) -> None:
        _say("Press Enter for each change.")
        async with contextlib.aclosing(keys_pressed(sys.stdin)) as keys:
            async for _ in keys:
                group = self._player.step()
                if group is None and again:
                    self._player.again()
                _say("The recording is over." if group is None else _described(group))
        await asyncio.Event().wait()


def _described(group: Group) -> str:
    return f"{group.version:016x}  " + "; ".join(map(_change, group.changes))


def _change(change: Any) -> str:
    facts = Redaction().facts(change)
    return f"{facts.collection} {facts.operation} {', '.join(facts.fields)}".rstrip()


def _say(what: str) -> None:
    console.print(f"[bold green]●[/] {escape(what)}", soft_wrap=True)
