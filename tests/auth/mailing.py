"""The rooms of `auth` that send mail, and the letters that they sent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auth.people import House
from auth.rig import ORIGIN, SECRET
from sessionwire.auth.accounts import Accounts
from sessionwire.auth.addresses import Addresses
from sessionwire.auth.credentials import Credentials
from sessionwire.auth.events import Events
from sessionwire.auth.foreign_links import ForeignLinks
from sessionwire.auth.password_changes import PasswordChanges
from sessionwire.auth.recovery import Recovery
from sessionwire.auth.removal import Removal
from sessionwire.auth.verifications import Verifications
from sessionwire.policy.passwords import PasswordRules

if TYPE_CHECKING:
    from sessionwire.auth.mail import Letter
    from sessionwire.reactive.identity import SignedIn

__all__ = ["MailingHouse", "token_in"]


def token_in(letter: Letter) -> str:
    """The token of the letter's link."""
    assert letter.url is not None
    found = re.search(r"(?:token=|/reset-password/)([A-Za-z0-9_-]+)", letter.url)
    assert found is not None, letter.url
    return found[1]


@dataclass
class MailingHouse(House):
    """House, with what writes letters; it is its own post."""

    rules: PasswordRules = PasswordRules()
    letters: list[Letter] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.events = Events()
        self.verifications = Verifications(self.store, clock=self.clock)
        self.foreign = ForeignLinks(self.store, keys=[SECRET], clock=self.clock)
        self.credentials = Credentials(
            self.store,
            passwords=self.passwords,
            rules=self.rules,
            clock=self.clock,
            events=self.events,
        )
        foreign = self.foreign if self.compat == "better-auth" else None
        self.addresses = Addresses(
            self.store,
            verifications=self.verifications,
            post=self,
            base_url=ORIGIN,
            foreign=foreign,
            clock=self.clock,
            events=self.events,
        )
        self.changes = PasswordChanges(sessions=self.sessions, credentials=self.credentials)
        self.accounts = Accounts(
            self.store,
            sessions=self.sessions,
            credentials=self.credentials,
            personal_workspace=self.personal_workspace,
            addresses=self.addresses,
            clock=self.clock,
        )
        self.recovery = Recovery(
            self.store,
            verifications=self.verifications,
            credentials=self.credentials,
            changes=self.changes,
            post=self,
            base_url=ORIGIN,
            foreign=foreign,
        )
        self.removal = Removal(
            self.store,
            verifications=self.verifications,
            credentials=self.credentials,
            sessions=self.sessions,
            post=self,
            base_url=ORIGIN,
            foreign=foreign,
            clock=self.clock,
            events=self.events,
        )

    def send(self, letter: Letter) -> None:
        self.letters.append(letter)

    def token(self) -> str:
        """That of the last letter."""
        return token_in(self.letters[-1])

    async def ask_reset(self, email: str, *, target: str | None = None) -> None:
        async with self.store.writing() as writing:
            await self.recovery.request(writing, email=email, target=target)

    async def reset(self, token: str, password: str = "another password") -> None:
        async with self.store.writing() as writing:
            await self.recovery.reset(writing, token=token, password=password)

    async def verify(self, token: str) -> bool:
        async with self.store.writing() as writing:
            return await self.addresses.verify(writing, token) is not None

    async def change_email(self, who: SignedIn, email: str) -> bool:
        async with self.store.writing() as writing:
            return await self.addresses.change(writing, who, email=email, target=None)

    async def verified(self, name: str = "Alice") -> SignedIn:
        """A new user whose address is confirmed."""
        who = await self.person(name)
        async with self.store.writing() as writing:
            await self.addresses.send_verification(writing, who.user, target=None)
        assert await self.verify(self.token())
        self.letters.clear()
        return await self.now(who)
