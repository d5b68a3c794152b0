"""Commands that print what a server offers and how it is set up, for programs and for people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sessionwire.cli.configuration import configuration
from sessionwire.cli.program import console, imported, refusing
from sessionwire.gateways.auth.openapi import openapi
from sessionwire.gateways.auth.routes import ENDPOINTS
from sessionwire.gateways.live.asyncapi import asyncapi
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.typescript import typescript
from sessionwire.release import __version__

if TYPE_CHECKING:
    from sessionwire.cli.configuration import Configuration, Row

__all__ = ["register"]

_App = Annotated[
    str | None,
    typer.Option("--app", help="Your SessionWire, as module:name, with its own queries."),
]
_WIDTH_WITHOUT_A_TERMINAL = 160


def register(program: typer.Typer) -> None:
    program.command("version")(print_version)
    program.command("openapi")(print_openapi)
    program.command("asyncapi")(print_asyncapi)
    program.command("types")(print_types)
    program.command("config")(print_configuration)


def print_version() -> None:
    """Print the version."""
    typer.echo(__version__)


def print_openapi() -> None:
    """Print the HTTP API as an OpenAPI 3.1 document."""
    typer.echo(json.dumps(openapi(ENDPOINTS, version=__version__), indent=2))


def print_asyncapi(app: _App = None) -> None:
    """Print the live wire as an AsyncAPI 3.0 document."""
    with refusing():
        if app is None:
            queries = make_queries(active_organization="user")
            document = asyncapi(queries, version=__version__)
        else:
            document = imported(app).asyncapi()
    typer.echo(json.dumps(document, indent=2))


def print_types(app: _App = None) -> None:
    """Print what the queries show as a TypeScript module."""
    with refusing():
        if app is None:
            queries = make_queries(active_organization="user")
            typer.echo(typescript(queries), nl=False)
        else:
            typer.echo(imported(app).types(), nl=False)


def print_configuration(
    data_dir: Annotated[Path | None, typer.Option(help="As given to serve.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Print the effective settings and where each comes from. Secrets are not shown."""
    with refusing("The settings are wrong."):
        found = configuration(os.environ, data_dir=data_dir)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        _print(found)


def _print(found: Configuration) -> None:
    out = Console(highlight=False)
    if not out.is_terminal:
        out = Console(highlight=False, width=_WIDTH_WITHOUT_A_TERMINAL)
    table = Table("setting", "value", "from", box=None, pad_edge=False, header_style="bold")
    for row in found.settings:
        style = "dim" if row.source == "default" else ""
        table.add_row(row.name, Text(_said(row)), row.given_as or row.source, style=style)
    out.print(table)
    for each in found.unknown:
        meant = f" Is it {each.nearest}?" if each.nearest else ""
        line = Text.assemble(("Unknown: ", "bold yellow"), f"{each.name} ({each.source}).{meant}")
        console.print(line, soft_wrap=True)


def _said(row: Row) -> str:
    if row.value is msgspec.UNSET:
        return "set, and not shown" if row.is_set else "not set"
    return _text(row.value)


def _text(value: Any) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_text, value)) or "none"
        case dict():
            return ", ".join(f"{name}={_text(each)}" for name, each in value.items()) or "none"
        case _:
            return str(value)
