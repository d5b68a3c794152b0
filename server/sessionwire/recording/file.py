"""Recordings on disk."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from sessionwire.errors import StartupError
from sessionwire.recording.tape import Recording, Unreadable, read

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["create", "load"]


def load(path: Path) -> Recording:
    """Raises StartupError for what cannot be read, or is no recording."""
    try:
        with path.open("rb") as file:
            return read(file)
    except OSError as error:
        raise StartupError(
            f"{path} cannot be read: {error.strerror}.", remedy="Name a recording."
        ) from None
    except Unreadable as error:
        raise StartupError(
            f"{path} cannot be replayed: {error}.",
            remedy="Make one with `sessionwire record`, with this version of sessionwire.",
        ) from None


def create(path: Path, *, replace: bool) -> IO[bytes]:
    """A new file that only its owner can read. Raises StartupError."""
    how = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    try:
        return os.fdopen(os.open(path, how, 0o600), "wb")
    except FileExistsError:
        raise StartupError(
            f"{path} exists.", remedy="Name another file, or replace it with --force."
        ) from None
    except OSError as error:
        raise StartupError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Name a file in a directory of yours.",
        ) from None
