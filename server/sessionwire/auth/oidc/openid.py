"""Signing in with OpenID providers: the way there, and tokens that clients bring."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from authlib.common.security import generate_token  # type: ignore[import-untyped]

from sessionwire.auth.oidc.arrivals import Arrivals, callback_address
from sessionwire.auth.oidc.channel import Channel
from sessionwire.auth.oidc.faults import InvalidToken, ProviderNotFound
from sessionwire.auth.oidc.identities import Identities, Person
from sessionwire.auth.oidc.issuer import Flow, Issuer, Tokens
from sessionwire.auth.oidc.profile import profile_of
from sessionwire.errors import Forbidden
from sessionwire.model import format_id
from sessionwire.policy.origins import is_safe_redirect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.accounts import Accounts, SignIn
    from sessionwire.auth.clock import Clock
    from sessionwire.auth.events import Events
    from sessionwire.auth.sessions import Device
    from sessionwire.auth.verifications import Verifications
    from sessionwire.model import Document
    from sessionwire.policy.origins import Origins
    from sessionwire.policy.providers import Provider
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store, Writing

__all__ = ["Begun", "OpenID"]

logger = logging.getLogger("sessionwire.oidc")

_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and what binds the way back to it."""

    url: str = field(repr=False)
    state: str = field(repr=False)


class OpenID:
    """The configured providers and the sign-ins under way. It knows no HTTP of ours."""

    def __init__(
        self,
        store: Store,
        *,
        settings: Settings,
        origins: Origins,
        accounts: Accounts,
        verifications: Verifications,
        events: Events,
        clock: Clock,
    ) -> None:
        channel = Channel()
        self.providers: Mapping[str, Provider] = settings.providers
        self.identities = Identities(
            store,
            accounts=accounts,
            events=events,
            clock=clock,
            keeps_tokens=settings.compat == "better-auth",
        )
        self._issuers = {
            id: Issuer(each, channel=channel, clock=clock) for id, each in self.providers.items()
        }
        self._verifications = verifications
        self._origins = origins
        self._api = f"{settings.base_url}/api/auth"
        self.arrivals = Arrivals(
            issuers=self._issuers,
            identities=self.identities,
            verifications=verifications,
            api=self._api,
        )

    # The way there

    async def begin(
        self,
        writing: Writing,
        provider_id: str,
        *,
        target: str,
        error_target: str | None = None,
        new_user_target: str | None = None,
        scopes: tuple[str, ...] = (),
        login_hint: str | None = None,
        sign_up: bool = True,
        link: object = None,
    ) -> Begun:
        """The provider's address for a sign-in that ends at `target`.

        The caller sets the cookie of `Begun.state`: only the browser that has it can come back.
        `link` is the id of the user who gets the account, instead of a session. Raises
        ProviderNotFound, Forbidden for a target that is not ours, and ProviderFault.
        """
        issuer = self._issuer(provider_id)
        for each in (target, error_target, new_user_target):
            if each is not None and not is_safe_redirect(each, self._origins):
                raise Forbidden("Invalid callbackURL", code="INVALID_CALLBACK_URL")
        flow = Flow(generate_token(32), verifier=generate_token(128), nonce=generate_token(32))
        url = await issuer.address(
            flow,
            back=callback_address(self._api, provider_id),
            scopes=scopes,
            login_hint=login_hint,
        )
        value = {
            "provider": provider_id,
            "callbackURL": target,
            "errorURL": error_target,
            "newUserURL": new_user_target,
            "codeVerifier": flow.verifier,
            "nonce": flow.nonce,
            "scopes": [*issuer.provider.scopes, *scopes],
            "signUp": sign_up,
            "link": None if link is None else format_id(link),
        }
        await self._verifications.issue(
            writing, "oidc-state", value=value, lifetime=_LIFETIME, token=flow.state
        )
        return Begun(url, flow.state)

    def _issuer(self, provider_id: str) -> Issuer:
        if provider_id not in self._issuers:
            raise ProviderNotFound
        return self._issuers[provider_id]

    # Tokens that clients bring

    async def sign_in(
        self,
        writing: Writing,
        provider_id: str,
        token: str,
        *,
        nonce: str | None,
        sign_up: bool,
        device: Device,
    ) -> SignIn:
        """A session for an ID token that the client got itself.

        Raises ProviderNotFound, InvalidToken, NotAdmitted, Forbidden and ProviderFault.
        """
        issuer = self._issuer(provider_id)
        person = await self._bearer(issuer, provider_id, token, nonce=nonce)
        entered, _ = await self.identities.enter(
            writing, person, sign_up=sign_up and issuer.provider.sign_up, device=device
        )
        return entered

    async def link(
        self, writing: Writing, user: Document, provider_id: str, token: str, *, nonce: str | None
    ) -> None:
        """Make the account that an ID token speaks of one of the user's; raises as `sign_in`."""
        issuer = self._issuer(provider_id)
        person = await self._bearer(issuer, provider_id, token, nonce=nonce)
        await self.identities.link(writing, user, person)

    async def _bearer(
        self, issuer: Issuer, provider_id: str, token: str, *, nonce: str | None
    ) -> Person:
        try:
            claims = await issuer.claims(token, nonce=nonce)
        except InvalidToken as fault:
            logger.warning("%s: an ID token was refused: %s", provider_id, fault.reason)
            raise
        return Person(provider_id, profile_of(claims), Tokens(token), issuer.provider.scopes)
