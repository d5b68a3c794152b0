"""What the handlers of an exchange stand on: the use-cases, and who answers session reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sessionwire.auth.accounts import Accounts
from sessionwire.auth.addresses import Addresses
from sessionwire.auth.administration import Administration
from sessionwire.auth.clock import Clock, utc_now
from sessionwire.auth.credentials import Credentials
from sessionwire.auth.events import Events
from sessionwire.auth.foreign_links import ForeignLinks
from sessionwire.auth.invitations import Invitations
from sessionwire.auth.members import Members
from sessionwire.auth.oidc.openid import OpenID
from sessionwire.auth.organizations import Organizations
from sessionwire.auth.password_changes import PasswordChanges
from sessionwire.auth.passwords import Passwords
from sessionwire.auth.reading import Reader, Reading, SessionReader
from sessionwire.auth.recovery import Recovery
from sessionwire.auth.removal import Removal
from sessionwire.auth.sessions import Sessions, cookies_of
from sessionwire.auth.standing import Standing
from sessionwire.auth.throttle import Throttle
from sessionwire.auth.verifications import Verifications
from sessionwire.policy.origins import Origins
from sessionwire.policy.passwords import PasswordRules
from sessionwire.reactive.extras import Extras, extras_of
from sessionwire.store.counters import Counters

if TYPE_CHECKING:
    from sessionwire.auth.mail import Post
    from sessionwire.policy.cookies import Cookies
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

__all__ = ["Backing", "Reader", "Reading"]


@dataclass(frozen=True, slots=True)
class Backing:
    """The rooms below, made once for a server."""

    settings: Settings
    store: Store
    relay: Reader
    clock: Clock
    post: Post
    events: Events
    extras: Extras
    cookies: Cookies
    origins: Origins
    passwords: Passwords
    throttle: Throttle
    verifications: Verifications
    sessions: Sessions
    reading: SessionReader
    credentials: Credentials
    addresses: Addresses
    accounts: Accounts
    password_changes: PasswordChanges
    recovery: Recovery
    removal: Removal
    openid: OpenID
    organizations: Organizations
    members: Members
    administration: Administration
    standing: Standing
    invitations: Invitations

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
        cookies = cookies_of(settings)
        origins = Origins(settings.base_url, settings.origins, any_port=settings.any_port)
        passwords = Passwords(scheme="scrypt" if compat else "argon2id")
        throttle = Throttle(
            Counters(store),
            on=settings.strict(settings.rate_limit),
            capacity=settings.limits.addresses,
            clock=clock,
        )
        verifications = Verifications(store, clock=clock)
        sessions = Sessions(
            store,
            compat=settings.compat,
            clock=clock,
            maximum=timedelta(days=settings.session_maximum_days),
            events=events,
        )
        credentials = Credentials(
            store,
            passwords=passwords,
            rules=PasswordRules.of(
                settings.base_url, refuse_common=settings.strict(settings.refuse_common_passwords)
            ),
            clock=clock,
            events=events,
        )
        foreign = ForeignLinks(store, keys=settings.keys, clock=clock) if compat else None
        addresses = Addresses(
            store,
            verifications=verifications,
            post=post,
            base_url=settings.base_url,
            foreign=foreign,
            clock=clock,
            events=events,
            throttle=throttle,
        )
        changes = PasswordChanges(sessions=sessions, credentials=credentials)
        organizations = Organizations(
            store, active_organization=settings.active_organization, clock=clock
        )
        accounts = Accounts(
            store,
            sessions=sessions,
            credentials=credentials,
            personal_workspace=settings.personal_workspace,
            addresses=addresses,
            verified_only=settings.require_email_verification,
            clock=clock,
            events=events,
            throttle=throttle,
        )
        return cls(
            settings=settings,
            store=store,
            relay=relay,
            clock=clock,
            post=post,
            events=events,
            extras=extras_of(settings),
            cookies=cookies,
            origins=origins,
            passwords=passwords,
            throttle=throttle,
            verifications=verifications,
            sessions=sessions,
            reading=SessionReader(
                relay,
                store=store,
                sessions=sessions,
                cookies=cookies,
                compat=settings.compat,
                clock=clock,
                deadline=settings.limits.read_deadline,
            ),
            credentials=credentials,
            addresses=addresses,
            accounts=accounts,
            password_changes=changes,
            recovery=Recovery(
                store,
                verifications=verifications,
                credentials=credentials,
                changes=changes,
                post=post,
                base_url=settings.base_url,
                foreign=foreign,
                throttle=throttle,
            ),
            removal=Removal(
                store,
                verifications=verifications,
                credentials=credentials,
                sessions=sessions,
                post=post,
                base_url=settings.base_url,
                foreign=foreign,
                clock=clock,
                events=events,
            ),
            openid=OpenID(
                store,
                settings=settings,
                origins=origins,
                accounts=accounts,
                verifications=verifications,
                events=events,
                clock=clock,
            ),
            organizations=organizations,
            members=Members(store, organizations=organizations),
            administration=Administration(store, organizations=organizations),
            standing=Standing(store, organizations=organizations),
            invitations=Invitations(
                store,
                organizations=organizations,
                post=post,
                base_url=settings.base_url,
                verified=settings.strict(settings.verified_invitees),
                clock=clock,
                throttle=throttle,
            ),
        )
