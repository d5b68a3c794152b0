"""The way back from a provider: whose sign-in it ends, and how."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from sessionwire.auth.oidc.faults import InvalidToken, NotAdmitted, ProviderFault
from sessionwire.auth.oidc.identities import Person
from sessionwire.auth.oidc.profile import profile_of
from sessionwire.errors import Forbidden
from sessionwire.model import format_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.auth.accounts import SignIn
    from sessionwire.auth.oidc.identities import Identities
    from sessionwire.auth.oidc.issuer import Issuer
    from sessionwire.auth.sessions import Device
    from sessionwire.auth.verifications import Verifications
    from sessionwire.reactive.identity import SignedIn
    from sessionwire.store.mongo import Writing

__all__ = ["Arrivals", "Landing", "Returned", "callback_address"]

logger = logging.getLogger("sessionwire.oidc")

_PROVIDER_SECONDS = 10.0
_CODE = re.compile(r"[A-Za-z0-9_'-]{1,64}")
_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,256}")  # RFC 6749, 4.1.2.1


def callback_address(api: str, provider_id: str) -> str:
    """Where this provider sends browsers back to; of any text it makes an address."""
    return f"{api}/callback/{quote(provider_id, safe='')}"


@dataclass(frozen=True, slots=True)
class Returned:
    """What a browser brings back from a provider; empty for what it does not say."""

    state: str = field(repr=False)
    code: str = field(repr=False)
    issuer: str | None
    """The `iss` of RFC 9207; None without one."""
    error: str
    description: str


@dataclass(frozen=True, slots=True)
class Landing:
    """How a sign-in ended: where the browser goes next, and the session, if there is one."""

    target: str
    entered: SignIn | None = None
    consumed: bool = False
    """Whether the state is used up, and its cookie of no more use."""
    refusal: str | None = None
    """Why nobody was signed in: a code of ours, never the provider's words."""


class Arrivals:
    """Ends the sign-ins that `OpenID.begin` began; `api` is the address of our endpoints."""

    def __init__(
        self,
        *,
        issuers: Mapping[str, Issuer],
        identities: Identities,
        verifications: Verifications,
        api: str,
    ) -> None:
        self._issuers = issuers
        self._identities = identities
        self._verifications = verifications
        self._api = api

    async def land(
        self,
        writing: Writing,
        provider_id: str,
        returned: Returned,
        *,
        bound: str | None,
        who: SignedIn | None,
        device: Device,
    ) -> Landing:
        """End the sign-in that the browser returns from.

        `bound` is the state in its cookie. A state that is unknown, used, another provider's or
        another browser's ends at the error page; the last one survives that.
        """
        if not returned.state:
            return self._failed("state_not_found")
        seen = await self._verifications.peek("oidc-state", returned.state)
        if seen is None:
            return self._failed("state_mismatch")
        if bound is None or not hmac.compare_digest(bound.encode(), returned.state.encode()):
            return self._failed("state_mismatch", seen)
        begun = await self._verifications.take(writing, "oidc-state", returned.state)
        if begun is None:
            return self._failed("state_mismatch")
        if begun["provider"] != provider_id:
            return self._failed("state_mismatch", begun, consumed=True)
        try:
            return await self._admitted(writing, returned, begun, who=who, device=device)
        except NotAdmitted as refusal:
            return self._failed(refusal.code, begun, consumed=True)

    async def _admitted(
        self,
        writing: Writing,
        returned: Returned,
        begun: Mapping[str, Any],
        *,
        who: SignedIn | None,
        device: Device,
    ) -> Landing:
        """Raises NotAdmitted with the code that the browser is told."""
        provider_id = begun["provider"]
        issuer = self._issuers.get(provider_id)
        if issuer is None:
            raise NotAdmitted("oauth_provider_not_found")
        if returned.issuer not in (None, issuer.provider.issuer):
            raise NotAdmitted("issuer_mismatch")
        if returned.error:
            return self._refused(returned, begun)
        if not returned.code:
            raise NotAdmitted("no_code")
        linking = begun["link"]
        if linking is not None and (who is None or format_id(who.user["_id"]) != linking):
            raise NotAdmitted("unable_to_link_account")
        person = await self._vouched(issuer, returned, begun)
        if linking is not None and who is not None:
            await self._identities.link(writing, who.user, person)
            return Landing(begun["callbackURL"], consumed=True)
        try:
            entered, new = await self._identities.enter(
                writing, person, sign_up=begun["signUp"] and issuer.provider.sign_up, device=device
            )
        except Forbidden:
            raise NotAdmitted("banned") from None
        target = (begun["newUserURL"] if new else None) or begun["callbackURL"]
        return Landing(target, entered, consumed=True)

    async def _vouched(
        self, issuer: Issuer, returned: Returned, begun: Mapping[str, Any]
    ) -> Person:
        """Whom the provider names for the code. Raises NotAdmitted."""
        provider_id = begun["provider"]
        code = "invalid_code"
        try:
            async with asyncio.timeout(_PROVIDER_SECONDS):
                if (await issuer.metadata()).names_itself and returned.issuer is None:
                    raise NotAdmitted("issuer_missing")
                tokens = await issuer.redeem(
                    returned.code,
                    verifier=begun["codeVerifier"],
                    back=callback_address(self._api, provider_id),
                )
                code = "unable_to_get_user_info"
                claims = await issuer.claims(tokens.id_token, nonce=begun["nonce"])
                claims = await issuer.with_address(claims, tokens)
        except (ProviderFault, InvalidToken) as fault:
            logger.warning("%s: %s: %s", provider_id, code, fault.reason)
            raise NotAdmitted(code) from None
        except TimeoutError:
            logger.warning("%s: %s: no answer in time", provider_id, code)
            raise NotAdmitted(code) from None
        asked = tuple(begun["scopes"])
        scopes = asked if tokens.scope is None else tuple(tokens.scope.split())
        return Person(provider_id, profile_of(claims), tokens, scopes)

    def _refused(self, returned: Returned, begun: Mapping[str, Any]) -> Landing:
        """What the provider says, as far as it is a code and a plain text."""
        code = returned.error if _CODE.fullmatch(returned.error) else "unknown"
        said = returned.description if _DESCRIPTION.fullmatch(returned.description) else ""
        failed = self._failed(code, begun, consumed=True, description=said)
        return replace(failed, refusal="refused_by_provider")

    def _failed(
        self,
        code: str,
        begun: Mapping[str, Any] | None = None,
        *,
        consumed: bool = False,
        description: str = "",
    ) -> Landing:
        page = (begun or {}).get("errorURL") or f"{self._api}/error"
        more = {"error_description": description} if description else {}
        target = _with_query(page, {"error": code, **more})
        return Landing(target, consumed=consumed, refusal=code)


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    """The address with more parameters, in front of its fragment."""
    page, mark, fragment = url.partition("#")
    return f"{page}{'&' if '?' in page else '?'}{urlencode(parameters)}{mark}{fragment}"
