"""Hashes and checks passwords, away from the event loop and a few at a time."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sessionwire.errors import Unavailable
from sessionwire.tasks import off_the_clock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Match", "Passwords"]

_Result = TypeVar("_Result")
_ARGON2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_SCRYPT = re.compile(r"([0-9a-f]{32}):([0-9a-f]{128})\Z")
_SCRYPT_MEMORY = 128 * 16384 * 16 * 2

# Hashes of no password: what an unknown user's password is compared with.
_NOBODY = {
    "argon2id": f"$argon2id$v=19$m=19456,t=2,p=1${'A' * 22}${'A' * 43}",
    "scrypt": f"{'0' * 32}:{'0' * 128}",
}


class Match(Enum):
    """Whether a password is the right one; OUTDATED is right, and to be hashed anew."""

    WRONG = "wrong"
    RIGHT = "right"
    OUTDATED = "outdated"


class Passwords:
    """New hashes are of `scheme`; hashes of both are verified.

    `concurrency` bounds memory (19 MiB each, scrypt 32 MiB), `queue` how many may wait.
    """

    def __init__(
        self,
        *,
        scheme: Literal["argon2id", "scrypt"] = "argon2id",
        concurrency: int = 2,
        queue: int = 512,
    ) -> None:
        self._scheme = scheme
        self._queue = queue
        self._waiting = 0
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="password")

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Unavailable when too many wait."""
        make = _ARGON2.hash if self._scheme == "argon2id" else _scrypt_hash
        return await self._apart(lambda: make(password))

    async def verify(self, stored: str | None, password: str) -> Match:
        """Whether the password made the stored hash; None takes as long, and is WRONG."""
        if stored is None:
            await self._apart(lambda: self._compare(_NOBODY[self._scheme], password))
            return Match.WRONG
        return await self._apart(lambda: self._compare(stored, password))

    def _compare(self, stored: str, password: str) -> Match:
        scrypt = _SCRYPT.match(stored)
        if scrypt is not None:
            if not hmac.compare_digest(_scrypt(password, salt=scrypt[1]), scrypt[2]):
                return Match.WRONG
            outdated = self._scheme != "scrypt" and _is_plain(password)
            return Match.OUTDATED if outdated else Match.RIGHT
        try:
            _ARGON2.verify(stored, password)
        except (VerificationError, InvalidHashError, UnicodeError):
            return Match.WRONG
        return Match.OUTDATED if _ARGON2.check_needs_rehash(stored) else Match.RIGHT

    async def _apart(self, work: Callable[[], _Result]) -> _Result:
        if self._waiting >= self._queue:
            raise Unavailable("Too many sign-ins at once.")
        self._waiting += 1
        try:
            with off_the_clock():  # a queue of sign-ins is no sign of a database that is away
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _scrypt(password: str, *, salt: str) -> str:
    """better-auth's key: the salt is the text of the digits, not the bytes they stand for."""
    text = unicodedata.normalize("NFKC", password).encode(errors="replace")
    key = hashlib.scrypt(
        text, salt=salt.encode(), n=16384, r=16, p=1, dklen=64, maxmem=_SCRYPT_MEMORY
    )
    return key.hex()


def _scrypt_hash(password: str) -> str:
    salt = secrets.token_hex(16)
    return f"{salt}:{_scrypt(password, salt=salt)}"


def _is_plain(password: str) -> bool:
    """Whether it is the same to scrypt, which folds Unicode forms, and to argon2id, which does not.

    Any other password keeps its old hash: typed on another keyboard it must go on to match.
    """
    return unicodedata.normalize("NFKC", password) == password
