"""Forgotten passwords: a link in a mail sets another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from sessionwire.auth.addresses import LINK_LIFETIME
from sessionwire.auth.mail import letter
from sessionwire.errors import BadRequest
from sessionwire.model import Document, ObjectId, format_id, parse_id
from sessionwire.policy import letters
from sessionwire.policy.emails import canonical_email
from sessionwire.reactive.fields import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.credentials import Credentials
    from sessionwire.auth.foreign_links import ForeignLinks
    from sessionwire.auth.mail import Post
    from sessionwire.auth.password_changes import PasswordChanges
    from sessionwire.auth.throttle import Throttle
    from sessionwire.auth.verifications import Verifications
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Recovery"]


class Recovery:
    """Reset links. They neither sign anybody in nor confirm an address.

    Whoever reads an address's mail may set its password. What only a confirmed address may do,
    such as joining an organization or being linked to an identity provider, takes a link that says
    so (`Addresses`): nobody gives that away by asking for a new password.
    """

    def __init__(
        self,
        store: Store,
        *,
        verifications: Verifications,
        credentials: Credentials,
        changes: PasswordChanges,
        post: Post,
        base_url: str,
        foreign: ForeignLinks | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._store = store
        self._verifications = verifications
        self._credentials = credentials
        self._changes = changes
        self._post = post
        self._base_url = base_url
        self._foreign = foreign
        self._throttle = throttle

    async def request(self, writing: Writing, *, email: str, target: str | None) -> None:
        """Mail a link to the address, if somebody has it; it ends the one before.

        The same is written for an address that nobody has; nothing for one that was written to too
        often.
        """
        if self._throttle is not None and not await self._throttle.may_write_to(email):
            return
        address = canonical_email(email)
        user = await self._store.find_one("user", {"email": address or ""})
        id = format_id(ObjectId() if user is None else user["_id"])
        token = await self._verifications.issue(
            writing,
            "reset-password",
            value={"user": id, "email": address},
            lifetime=LINK_LIFETIME,
            subject=id,
        )
        if user is not None and address is not None:
            words = letters.reset_password(base_url=self._base_url, token=token, target=target)
            self._post.send(letter("reset_password", words, to=address))

    async def check(self, token: str) -> bool:
        """Whether the token may set a password, which it goes on to do."""
        return await self._owner(token) is not None

    async def reset(
        self, writing: Writing, *, token: str, password: str, address: str = ""
    ) -> None:
        """Set the password, end every session of its user, and let them in again from the network
        of this IP address, however often others have tried.

        A password that is refused leaves the token as good as it was; otherwise it is good once.
        Raises BadRequest.
        """
        self._credentials.refuse_weak(password)
        user = await self._owner(token)
        if user is None:
            _refuse()
        own = (text(user, "email"), text(user, "name"))
        self._credentials.refuse_weak(password, own=own)
        hashed = await self._credentials.hash(password)
        if not await self._take(writing, token):
            _refuse()
        if not await self._changes.put(writing, user, hashed=hashed):
            _refuse()
        if self._throttle is not None:
            await self._throttle.succeeded(text(user, "email"), address=address)

    async def _owner(self, token: str) -> Document | None:
        """Whose password the token sets, while they have the address that it was mailed to."""
        value = await self._verifications.peek("reset-password", token)
        if value is not None:
            return await self._store.find_one("user", _wanted(value))
        id = None if self._foreign is None else await self._foreign.peek_reset(token)
        return None if id is None else await self._store.find_one("user", {"_id": parse_id(id)})

    async def _take(self, writing: Writing, token: str) -> bool:
        """Whether this call, and no other, uses the token up."""
        if await self._verifications.take(writing, "reset-password", token) is not None:
            return True
        foreign = self._foreign
        return foreign is not None and await foreign.take_reset(writing, token) is not None


def _wanted(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"_id": parse_id(value["user"]), "email": value["email"]}


def _refuse() -> NoReturn:
    raise BadRequest("Invalid token", code="INVALID_TOKEN")
