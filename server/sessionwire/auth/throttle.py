"""Slows callers down: each address at each endpoint, and wrong passwords of each account."""

from __future__ import annotations

import hashlib
import logging
import math
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from sessionwire.auth.clock import Clock, utc_now
from sessionwire.errors import TooManyRequests
from sessionwire.policy.addresses import network_of
from sessionwire.policy.emails import canonical_email
from sessionwire.policy.rate import Bucket
from sessionwire.policy.throttle import ACCOUNT, CREDENTIALS, DEFAULT, LETTERS, MAIL, Recent

if TYPE_CHECKING:
    from sessionwire.store.counters import Counters

__all__ = ["Throttle"]

logger = logging.getLogger("sessionwire.auth")

_KEPT = {"credentials": CREDENTIALS, "mail": MAIL}
_REMEMBERED = timedelta(days=30)
_LINES_PER_SECOND, _LINES = 1.0, 20


class Throttle:
    """Counts that cost something (`credentials`, `mail`, accounts) are shared through MongoDB.

    Those of the class `default` are this process's own, and bounded. Addresses and e-mails are kept
    as hashes only. While it is not `on`, everything is allowed and nothing is counted.
    """

    def __init__(
        self, counters: Counters, *, on: bool, capacity: int = 10_000, clock: Clock = utc_now
    ) -> None:
        self._counters = counters
        self.refused: Counter[str] = Counter()
        """How often it raised, by limit: a class of endpoints, `account` or `letters`."""
        self._on = on
        self._clock = clock
        self._recent = Recent(DEFAULT, capacity=capacity)
        self._lines = Bucket(rate=_LINES_PER_SECOND, burst=_LINES)

    async def admit(
        self,
        address: str,
        *,
        limit: Literal["none", "default", "credentials", "mail"],
        bucket: str,
    ) -> None:
        """Count a request of this address. Raises TooManyRequests, and Unavailable."""
        if not self._on or limit == "none":
            return
        now, network = self._clock(), network_of(address)
        rule = _KEPT.get(limit)
        if rule is None:
            wait = self._recent.take(f"{network}|{bucket}", now=now.timestamp())
        else:
            wait = await self._counters.take(_key("address", network, bucket), rule, now=now)
        if wait > 0:
            self.refused[limit] += 1
            self._note(f"{limit} {bucket} from {network}")
            raise TooManyRequests(retry_after=math.ceil(wait))

    async def admit_account(self, email: str, *, address: str) -> None:
        """Count a try of this account's password, before it is looked at.

        Tries from where its owner signed in before are counted apart, so that nobody elsewhere can
        keep them out; unknown e-mails are counted like known ones. Raises TooManyRequests.
        """
        if not self._on:
            return
        key = await self._track(email, network_of(address))
        wait = await self._counters.take(key, ACCOUNT, now=self._clock())
        if wait > 0:
            self.refused["account"] += 1
            self._note("wrong passwords of one account")
            raise TooManyRequests(retry_after=math.ceil(wait))

    async def succeeded(self, email: str, *, address: str) -> None:
        """The password was right, or is a new one: the failures before are forgotten."""
        if not self._on:
            return
        account, network = _account(email), network_of(address)
        await self._counters.forget(await self._track(email, network))
        until = self._clock() + _REMEMBERED
        await self._counters.mark(_key("known", account, network), until=until)

    async def may_write_to(self, email: str) -> bool:
        """Whether the address gets another letter that anybody could have asked for.

        Ask before anything is done, for every address alike, and tell nobody: who asks must not
        learn whether there is an account. Raises Unavailable.
        """
        return await self._wait_of_letter(email) == 0

    async def admit_letter(self, email: str) -> None:
        """The same for who is signed in, and may be told: they name the address themselves.

        Raises TooManyRequests, and Unavailable.
        """
        wait = await self._wait_of_letter(email)
        if wait:
            raise TooManyRequests(retry_after=math.ceil(wait))

    async def _wait_of_letter(self, email: str) -> float:
        if not self._on:
            return 0
        key = _key("letters", _account(email))
        wait = await self._counters.take(key, LETTERS, now=self._clock())
        self.refused["letters"] += wait > 0
        return wait

    async def _track(self, email: str, network: str) -> str:
        account = _account(email)
        if await self._counters.marked([_key("known", account, network)]):
            return _key("account", account, network)
        return _key("account", account)

    def _note(self, said: str) -> None:
        if self._lines.take(now=self._clock().timestamp()):
            logger.warning("Rate limit: %s", said)


def _account(email: str) -> str:
    return canonical_email(email) or email


def _key(*parts: str) -> str:
    """Of fixed length, whatever a peer chose, and telling nothing of it."""
    joined = "\n".join(parts).encode(errors="replace")
    return f"{parts[0]}:{hashlib.sha256(joined).hexdigest()}"
