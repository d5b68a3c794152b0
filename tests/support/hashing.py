"""Password hashes that are computed once: most tests have the same password."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sessionwire.auth import passwords

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

__all__ = ["remember_hashes"]

_argon2, _scrypt, _scrypt_hash = passwords._ARGON2, passwords._scrypt, passwords._scrypt_hash


class _Remembering:
    """argon2's hasher. The same password has the same hash again, salt and all."""

    check_needs_rehash = staticmethod(_argon2.check_needs_rehash)
    hash = staticmethod(functools.lru_cache(_argon2.hash))

    def verify(self, stored: str, password: str) -> bool:
        error = _verified(stored, password)
        if error is not None:
            raise type(error)(*error.args)
        return True


@functools.lru_cache(maxsize=4_096)
def _verified(stored: str, password: str) -> Exception | None:
    try:
        _argon2.verify(stored, password)
    except Exception as error:
        return error
    return None


_remembered_scrypt: Callable[..., str] = functools.lru_cache(maxsize=4_096)(_scrypt)
_remembered_hash = functools.lru_cache(maxsize=4_096)(_scrypt_hash)


def remember_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, until the test ends."""
    monkeypatch.setattr(passwords, "_ARGON2", _Remembering())
    monkeypatch.setattr(passwords, "_scrypt", _remembered_scrypt)
    monkeypatch.setattr(passwords, "_scrypt_hash", _remembered_hash)
