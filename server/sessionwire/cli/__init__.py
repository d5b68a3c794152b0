"""The command `sessionwire`: a module for each group of commands."""

from sessionwire.cli import contracts, doctor, serve
from sessionwire.cli.program import program
from sessionwire.cli.workers import worker

__all__ = ["main", "worker"]

for _commands in (serve, doctor, contracts):
    _commands.register(program)


def main() -> None:
    """The entry point."""
    program()
