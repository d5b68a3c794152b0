"""Commands that print what a server offers, for other programs to read."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sessionwire.cli.program import imported, refusing
from sessionwire.gateways.auth.openapi import openapi
from sessionwire.gateways.auth.routes import ENDPOINTS
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.typescript import typescript
from sessionwire.release import __version__

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    program.command("version")(print_version)
    program.command("openapi")(print_openapi)
    program.command("types")(print_types)


def print_version() -> None:
    """Print the version."""
    typer.echo(__version__)


def print_openapi() -> None:
    """Print the HTTP API as an OpenAPI 3.1 document."""
    typer.echo(json.dumps(openapi(ENDPOINTS, version=__version__), indent=2))


def print_types(
    app: Annotated[
        str | None, typer.Option(help="Your SessionWire, as module:name, with its own queries.")
    ] = None,
) -> None:
    """Print what the queries show as a TypeScript module."""
    with refusing():
        if app is None:
            queries = make_queries(active_organization="user")
            typer.echo(typescript(queries), nl=False)
        else:
            typer.echo(imported(app).types(), nl=False)
