"""`sessionwire doctor`: examines the set-up that `serve` would use."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from sessionwire import __version__
from sessionwire.cli.findings import show
from sessionwire.cli.program import console, imported, refusing
from sessionwire.doctor.examination import Asked, examine, origin_of
from sessionwire.doctor.finding import report_of
from sessionwire.doctor.looking.settings import look_at_given, look_at_settings
from sessionwire.serving import BACKLOG

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    program.command("doctor")(doctor)


def doctor(
    url: Annotated[
        str | None, typer.Option(help="The public address; else base_url, if it answers.")
    ] = None,
    cookie: Annotated[
        str | None,
        typer.Option(help="A browser's Cookie header, or -: read it from standard input."),
    ] = None,
    origin: Annotated[
        str | None, typer.Option(help="The origin of the page that asks, if it is another.")
    ] = None,
    route: Annotated[
        str | None, typer.Option(help="A path of yours that knows who is signed in.")
    ] = None,
    idle: Annotated[
        float, typer.Option(min=0, max=600, help="Watch an idle socket for so many seconds.")
    ] = 0,
    write: Annotated[
        bool, typer.Option("--write", help="Time a write, in a collection that is removed again.")
    ] = False,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded MongoDB and the secret are kept.")
    ] = None,
    app: Annotated[
        str | None, typer.Option(help="Your SessionWire, as module:name, for its settings.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors.")] = False,
) -> None:
    """Examine the set-up: settings, machine, MongoDB, the public address, and one session.

    It changes nothing, unless --write is given. docs/troubleshooting.md lists what it can find.

    Exit code 0: no error; 1: an error; 2: something could not be examined.
    """
    if route is not None and cookie is None:
        raise typer.BadParameter("--route is asked with a --cookie, and without")
    asked = Asked(
        url=_address(url, "--url"),
        cookie=_cookie(cookie),
        origin=_address(origin, "--origin"),
        route=_path(route),
        idle=idle,
        write=write,
        backlog=BACKLOG,
    )
    logging.basicConfig(level=logging.CRITICAL)  # what fails is a finding, not a line
    warnings.simplefilter("ignore")
    began = time.monotonic()
    settings, seen = look_at_settings(os.environ, data_dir=data_dir)
    if app is not None:
        with refusing("sessionwire cannot be examined."):
            settings = imported(app).settings
        seen = look_at_given(settings, seen)
    findings = asyncio.run(examine(settings, seen, asked))
    report = report_of(findings, version=__version__, seconds=time.monotonic() - began)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        show(report, Console(highlight=False), quiet=quiet)
    raise typer.Exit(report.exit_code)


def _address(given: str | None, name: str) -> str | None:
    try:
        return None if given is None else origin_of(given)
    except ValueError as error:
        raise typer.BadParameter(f"{name}: {error}") from None


def _cookie(given: str | None) -> str | None:
    """From the command line, or from standard input: there it stays out of the shell's history."""
    if given != "-":
        return given
    if sys.stdin.isatty():
        console.print("The Cookie header, then Enter:")
    return sys.stdin.readline().strip()


def _path(given: str | None) -> str | None:
    if given is not None and not given.startswith("/"):
        raise typer.BadParameter("--route begins with /")
    return given
