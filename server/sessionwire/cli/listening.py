"""Where the program listens, and saying so."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from rich.markup import escape

from sessionwire.cli.program import console
from sessionwire.errors import StartupError
from sessionwire.release import __version__
from sessionwire.serving import BACKLOG

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["address_of", "announce", "listening"]

_USER_TIMEOUT_MS = 20_000


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
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


def address_of(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"


def announce(address: str) -> None:
    """Tell who started the program that it serves."""
    shown = f"[bold]{escape(address)}[/]"
    console.print(f"[bold green]sessionwire[/] {__version__} is ready at {shown}", soft_wrap=True)
