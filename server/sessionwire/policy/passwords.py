"""Which passwords are taken: by length, and not those that everybody would try first."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MAXIMUM", "MINIMUM", "PasswordFault", "PasswordRules", "fault_of", "is_too_long"]

MINIMUM = 8
MAXIMUM = 128
"""In characters, both."""
_BYTES = 1024
_COMMON = 10_000
_PRODUCT = "sessionwire"
_SIGNS = re.compile(r"[\W_]+")


class PasswordFault(Enum):
    TOO_SHORT = "PASSWORD_TOO_SHORT"
    TOO_LONG = "PASSWORD_TOO_LONG"
    COMPROMISED = "PASSWORD_COMPROMISED"


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What is asked of a new password; `host` is the name under which people know the server."""

    refuse_common: bool = False
    host: str = ""

    @classmethod
    def of(cls, base_url: str, *, refuse_common: bool) -> PasswordRules:
        if refuse_common:
            _commonest()  # read now: at the first sign-up everybody would wait for it
        return cls(refuse_common, urlsplit(base_url).hostname or "")

    def fault_of(self, password: str, *, own: Iterable[str] = ()) -> PasswordFault | None:
        """What is wrong with a new password of somebody to whom the words `own` belong."""
        fault = fault_of(password)
        if fault is not None or not self.refuse_common:
            return fault
        folded = _folded(password)
        guessable = folded in _commonest() or _bare(folded) in self._words(own)
        return PasswordFault.COMPROMISED if guessable else None

    def _words(self, own: Iterable[str]) -> set[str]:
        """Every word that, with digits and signs around it, is no secret."""
        given = [_folded(each[:_BYTES]) for each in (*own, self.host, _PRODUCT)]
        return {_bare(word) for each in given for word in _parts(each)} - {""}


def fault_of(password: str) -> PasswordFault | None:
    """What is wrong with a new password's length; it is kept exactly as typed otherwise."""
    if len(password) < MINIMUM:
        return PasswordFault.TOO_SHORT
    return PasswordFault.TOO_LONG if is_too_long(password) else None


def is_too_long(password: str) -> bool:
    """Whether it is refused before anything is hashed, at sign-in as well."""
    return len(password) > MAXIMUM or len(password.encode(errors="surrogatepass")) > _BYTES


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _bare(text: str) -> str:
    """The text without its signs, and without the digits around it."""
    return _SIGNS.sub("", text).strip("0123456789")


def _parts(text: str) -> Iterator[str]:
    """An address, a name or a host as a whole, and each word of it."""
    yield text
    yield text.partition("@")[0]
    yield from re.split(r"[\s@.]+", text)


@cache
def _commonest() -> frozenset[str]:
    """Those of the 10 000 commonest passwords that are long enough to be asked about.

    The list is read from its own file: importing all of zxcvbn would keep 15 MiB for it.
    """
    package = importlib.util.find_spec("zxcvbn")
    assert package is not None and package.submodule_search_locations is not None
    path = Path(package.submodule_search_locations[0]) / "frequency_lists.py"
    spec = importlib.util.spec_from_file_location("zxcvbn_frequency_lists", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[str] = module.FREQUENCY_LISTS["passwords"][:_COMMON]
    return frozenset(_folded(each) for each in found if len(each) >= MINIMUM)
