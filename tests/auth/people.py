"""Users, sessions and organizations of the tests, made by the use-cases themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from auth.rig import ORIGIN, unique_address
from sessionwire.auth.accounts import Accounts, SignIn
from sessionwire.auth.administration import Administration
from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.credentials import Credentials
from sessionwire.auth.invitations import Invitations
from sessionwire.auth.members import Members
from sessionwire.auth.memberships import member_id
from sessionwire.auth.organizations import Organizations
from sessionwire.auth.password_changes import PasswordChanges
from sessionwire.auth.passwords import Passwords
from sessionwire.auth.sessions import Device, Sessions
from sessionwire.auth.standing import Standing
from sessionwire.model import ObjectId, Viewer

if TYPE_CHECKING:
    from sessionwire.auth.mail import Letter
    from sessionwire.model import Document
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Store

__all__ = ["DEVICE", "House"]

DEVICE = Device("192.0.2.1", "tests", remember=True)


@dataclass
class House:
    """The rooms of `auth` over one store."""

    store: Store
    compat: Literal["none", "better-auth"] = "none"
    active_organization: Literal["user", "session"] = "user"
    personal_workspace: bool = True
    verified_invitees: bool = False
    clock: Clock = utc_now

    def __post_init__(self) -> None:
        self.passwords = Passwords()
        self.sessions = Sessions(self.store, compat=self.compat, clock=self.clock)
        self.credentials = Credentials(self.store, passwords=self.passwords, clock=self.clock)
        self.changes = PasswordChanges(sessions=self.sessions, credentials=self.credentials)
        self.accounts = Accounts(
            self.store,
            sessions=self.sessions,
            credentials=self.credentials,
            personal_workspace=self.personal_workspace,
            clock=self.clock,
        )
        self.organizations = Organizations(
            self.store, active_organization=self.active_organization, clock=self.clock
        )
        self.members = Members(self.store, organizations=self.organizations)
        self.administration = Administration(self.store, organizations=self.organizations)
        self.standing = Standing(self.store, organizations=self.organizations)
        self.letters: list[Letter] = []
        self.invitations = Invitations(
            self.store,
            organizations=self.organizations,
            post=self,
            base_url=ORIGIN,
            verified=self.verified_invitees,
            clock=self.clock,
        )

    def send(self, letter: Letter) -> None:
        """The post: keeps every letter for the test to read."""
        self.letters.append(letter)

    async def sign_up(self, email: str | None = None, name: str = "Alice") -> SignIn:
        async with self.store.writing() as writing:
            return await self.accounts.sign_up(
                writing,
                name=name,
                email=email or unique_address(),
                password="password1234",
                image=None,
                device=DEVICE,
            )

    async def sign_in(self, email: str, password: str = "password1234") -> SignIn:
        async with self.store.writing() as writing:
            return await self.accounts.sign_in(
                writing, email=email, password=password, device=DEVICE
            )

    async def person(self, name: str = "Alice") -> SignedIn:
        """A new user, by a session of theirs."""
        return await self.again(await self.sign_up(name=name))

    async def again(self, entered: SignIn) -> SignedIn:
        found = await self.sessions.find(Viewer(entered.opened.document["token"]))
        assert found is not None
        return found

    async def now(self, who: SignedIn) -> SignedIn:
        """The same person as the database knows them now."""
        found = await self.sessions.find(Viewer(who.session["token"]))
        assert found is not None
        return found

    async def organization(self, owner: SignedIn, **more: Any) -> Document:
        given: dict[str, Any] = {
            "name": "Acme",
            "slug": f"acme-{ObjectId()}",
            "logo": None,
            "metadata": None,
            "activate": True,
            **more,
        }
        async with self.store.writing() as writing:
            full = await self.organizations.create(writing, owner, **given)
        return full.organization

    async def join(self, who: SignedIn, organization: Document, role: str) -> Document:
        member = {
            "_id": member_id(organization["_id"], who.user["_id"]),
            "organizationId": organization["_id"],
            "userId": who.user["_id"],
            "role": role,
            "createdAt": self.clock(),
        }
        async with self.store.writing() as writing:
            await writing.insert_one("member", member)
        return member
