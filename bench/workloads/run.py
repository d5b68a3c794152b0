"""What every workload is run with: the database, and how large and how often."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.contenders import available, contending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo import MongoClient

    from bench.contenders import Contender

__all__ = ["WITHOUT_A_GOAL", "Run"]

WITHOUT_A_GOAL = ("socket.io", "mongo-broadcaster")
_SLOW_TO_START = ("socket.io", "mongo-broadcaster", "better-auth, cookie cache")


@dataclass(frozen=True)
class Run:
    """`quick` is a smoke test: everything once, and small."""

    uri: str
    client: MongoClient[dict[str, Any]]
    quick: bool
    only: frozenset[str]
    rounds: int = 1

    def sized(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def wants(self, letter: str) -> bool:
        return letter in self.only

    def can(self, name: str) -> bool:
        if self.quick and name in _SLOW_TO_START:
            return False
        if not available(name):
            self.note(f"{name} is not installed, and left out")
            return False
        return True

    def turns(self, contenders: list[Contender]) -> Iterator[Contender]:
        """Each contender once in each round, in changing order.

        Those without a goal, who are only there to be compared with, take part in one round.
        """
        once = all(each.name in WITHOUT_A_GOAL for each in contenders)
        if not contenders:
            return
        for number in range(1 if once else self.rounds):
            at = number % len(contenders)
            yield from contenders[at:] + contenders[:at]

    @contextlib.contextmanager
    def contenders(
        self, names: tuple[str, ...], *, connected: int, **people: int
    ) -> Iterator[list[Contender]]:
        """Those that are installed, each with `connected` clients that have their data.

        They run side by side: what there is besides takes their caches, and mongod's time.
        """
        with contextlib.ExitStack() as stack:
            found = []
            for name in filter(self.can, names):
                contender = stack.enter_context(contending(self.client, self.uri, name, **people))
                if connected:
                    contender.load.do("connect", count=connected, within=120)
                found.append(contender)
            yield found

    @staticmethod
    def note(text: str) -> None:
        """Where it is, for who waits."""
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)  # noqa: T201
