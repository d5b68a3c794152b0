"""The program that commands are added to, and how it speaks to who runs it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from uvicorn.importer import ImportFromStringError, import_from_string

from sessionwire.app import SessionWire
from sessionwire.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["console", "imported", "program", "refusing"]

program = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True, highlight=False)
"""What is said to people; what a command is asked for goes to standard output."""


@program.callback()
def _sessionwire() -> None:
    """Live sessions over WebSockets, on MongoDB."""


@contextlib.contextmanager
def refusing(what: str = "sessionwire cannot start.") -> Iterator[None]:
    """End the program with 1 where the block raises a StartupError, and say its remedy.

    Letter by letter, to be copied: brackets in a path are no markup, and no line is broken.
    """
    try:
        yield
    except StartupError as error:
        console.print(f"[bold red]{what}[/] {escape(error.message)}", soft_wrap=True)
        console.print(f"  [bold]→[/] {escape(error.remedy)}", soft_wrap=True)
        raise typer.Exit(1) from None


def imported(name: str) -> SessionWire:
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
