"""What the handlers of an exchange stand on: the use-cases, and who answers session reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sessionwire.auth.accounts import Accounts
from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.events import Events
from sessionwire.auth.members import Members
from sessionwire.auth.organizations import Organizations
from sessionwire.auth.passwords import Passwords
from sessionwire.auth.sessions import Sessions, cookies_of
from sessionwire.auth.verifications import Verifications
from sessionwire.policy.origins import Origins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.mail import Post
    from sessionwire.model import Version, Viewer
    from sessionwire.policy.cookies import Cookies
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["Backing", "Reader", "Reading"]


class Reading(Protocol):
    """One answer: exact as of `version`, the same since `changed_at`."""

    @property
    def value(self) -> Any: ...
    @property
    def version(self) -> Version: ...
    @property
    def changed_at(self) -> Version: ...


class Reader(Protocol):
    """The relay, as far as this gateway knows it."""

    async def read(
        self,
        query: str,
        viewer: Viewer,
        args: Mapping[str, Any] | None = None,
        *,
        since: Version = ...,
    ) -> Reading: ...

    async def until(self, version: Version) -> None: ...


@dataclass(frozen=True, slots=True)
class Backing:
    """The rooms below, made once for a server."""

    settings: Settings
    store: Store
    relay: Reader
    clock: Clock
    post: Post
    events: Events
    cookies: Cookies
    origins: Origins
    passwords: Passwords
    verifications: Verifications
    sessions: Sessions
    accounts: Accounts
    organizations: Organizations
    members: Members

    @classmethod
    def of(
        cls,
        *,
        store: Store,
        relay: Reader,
        settings: Settings,
        post: Post,
        events: Events | None = None,
        clock: Clock = utc_now,
    ) -> Backing:
        """Raises ValueError for a trusted origin that is none."""
        events = events or Events()
        compat = settings.compat == "better-auth"
        passwords = Passwords(scheme="scrypt" if compat else "argon2id")
        sessions = Sessions(
            store,
            compat=settings.compat,
            clock=clock,
            maximum=timedelta(days=settings.session_maximum_days),
            events=events,
        )
        organizations = Organizations(
            store, active_organization=settings.active_organization, clock=clock
        )
        return cls(
            settings=settings,
            store=store,
            relay=relay,
            clock=clock,
            post=post,
            events=events,
            cookies=cookies_of(settings),
            origins=Origins(settings.base_url, settings.origins),
            passwords=passwords,
            verifications=Verifications(store, clock=clock),
            sessions=sessions,
            accounts=Accounts(
                store,
                sessions=sessions,
                passwords=passwords,
                personal_workspace=settings.personal_workspace,
                clock=clock,
                events=events,
            ),
            organizations=organizations,
            members=Members(store, organizations=organizations),
        )
