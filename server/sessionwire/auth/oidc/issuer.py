"""One provider as its client sees it: what it published, the code's exchange, what it signed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from sessionwire.auth.oidc.faults import InvalidToken, ProviderFault
from sessionwire.auth.oidc.id_token import Header, read_header, refuse_claims, signed_claims
from sessionwire.auth.oidc.keys import Key, find_key, keys_of
from sessionwire.auth.oidc.metadata import BUILT_IN, Metadata, metadata_of, well_known
from sessionwire.auth.oidc.profile import completed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sessionwire.auth.clock import Clock
    from sessionwire.auth.oidc.channel import Channel
    from sessionwire.auth.oidc.id_token import Claims
    from sessionwire.policy.providers import Provider

__all__ = ["Flow", "Issuer", "Tokens"]

_Value = TypeVar("_Value")

_KEPT = timedelta(hours=1)
_KEYS_AGAIN = timedelta(minutes=1)
_FAULT_KEPT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Flow:
    """The three secrets of one sign-in, each made for nothing else."""

    state: str
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was exchanged for."""

    id_token: str = field(repr=False)
    access_token: str | None = field(repr=False, default=None)
    refresh_token: str | None = field(repr=False, default=None)
    expires_in: float | None = None
    scope: str | None = None


class Published(Generic[_Value]):
    """A document that the provider publishes: fetched once by many, and kept for an hour.

    A failure is kept as well, for seconds, so that not everybody asks a provider that is down.
    """

    def __init__(self, fetch: Callable[[], Awaitable[_Value]], *, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._value: _Value | None = None
        self._fault: ProviderFault | None = None
        self._fetched_at = self._asked_at = datetime.min.replace(tzinfo=UTC)

    async def get(self, *, again_after: timedelta = _KEPT) -> _Value:
        """It: the one that is kept, unless the provider was asked longer than `again_after` ago."""
        async with self._lock:
            now = self._clock()
            fresh = now - self._fetched_at < _KEPT and now - self._asked_at < again_after
            if self._value is not None and fresh:
                return self._value
            if self._fault is not None and now - self._asked_at < _FAULT_KEPT:
                raise ProviderFault(self._fault.reason)
            self._asked_at = now
            try:
                self._value, self._fault = await self._fetch(), None
            except ProviderFault as fault:
                self._fault = fault
                raise
            self._fetched_at = now
            return self._value


class Issuer:
    """Talks to one provider. It knows no users."""

    def __init__(self, provider: Provider, *, channel: Channel, clock: Clock) -> None:
        self.provider = provider
        self._channel = channel
        self._clock = clock
        self._metadata = Published(self._discover, clock=clock)
        self._keys = Published(self._fetch_keys, clock=clock)

    async def metadata(self) -> Metadata:
        """Raises ProviderFault."""
        return await self._metadata.get()

    async def _discover(self) -> Metadata:
        issuer = self.provider.issuer
        document = BUILT_IN.get(issuer) or await self._channel.get(well_known(issuer))
        return metadata_of(document, issuer=issuer)

    async def _fetch_keys(self) -> list[Key]:
        return keys_of(await self._channel.get((await self.metadata()).jwks_uri))

    async def address(
        self, flow: Flow, *, back: str, scopes: tuple[str, ...], login_hint: str | None
    ) -> str:
        """Where the browser goes to sign in there; `back` is where it returns to."""
        endpoint = (await self.metadata()).authorization_endpoint
        wanted = dict.fromkeys((*self.provider.scopes, *scopes))
        parameters = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "state": flow.state,
            "scope": " ".join(wanted),
            "redirect_uri": back,
            **({} if login_hint is None else {"login_hint": login_hint}),
            "code_challenge_method": "S256",
            "code_challenge": create_s256_code_challenge(flow.verifier),
            **self.provider.parameters,
            "nonce": flow.nonce,
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def redeem(self, code: str, *, verifier: str, back: str) -> Tokens:
        """What the code is worth. Raises ProviderFault, also for a code that is worth nothing."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": back,
        }
        named, basic = self._credentials(posts=metadata.posts_secret)
        answer = await self._channel.post(metadata.token_endpoint, {**form, **named}, basic=basic)
        if answer.status != 200:
            raise ProviderFault(f"the code was refused with {answer.status}")
        return _tokens_in(answer.body)

    def _credentials(self, *, posts: bool) -> tuple[Mapping[str, str], tuple[str, str] | None]:
        """The form's fields that name the client, and what `Authorization` says (RFC 6749, 2.3)."""
        id, secret = self.provider.client_id, self.provider.client_secret
        if secret is None:
            return {"client_id": id}, None
        if posts:
            return {"client_id": id, "client_secret": secret.get_secret_value()}, None
        return {}, (quote(id, safe=""), quote(secret.get_secret_value(), safe=""))

    async def claims(self, token: str, *, nonce: str | None) -> Claims:
        """What an ID token proves. Raises InvalidToken, and ProviderFault without the keys."""
        header = read_header(token, algorithms=self.provider.algorithms)
        claims = signed_claims(token, await self._key(header), header=header)
        refuse_claims(
            claims,
            issuer=self.provider.issuer,
            client_id=self.provider.client_id,
            nonce=nonce,
            now=self._clock().timestamp(),
        )
        return claims

    async def _key(self, header: Header) -> Key:
        """The key that the token names; for one that is new the keys are fetched once a minute."""
        for again_after in (_KEPT, _KEYS_AGAIN):
            keys = await self._keys.get(again_after=again_after)
            found = find_key(keys, kid=header.kid, algorithm=header.algorithm)
            if found is not None:
                return found
        raise InvalidToken("signed with a key that is not the issuer's")

    async def with_address(self, claims: Claims, tokens: Tokens) -> Claims:
        """The claims, with those of the userinfo endpoint when they hold no address.

        Raises InvalidToken when that speaks of somebody else (OpenID Connect Core 1.0, 5.3.2).
        """
        endpoint = (await self.metadata()).userinfo_endpoint
        if "email" in claims or endpoint is None or tokens.access_token is None:
            return claims
        more: Mapping[str, Any] = await self._channel.get(endpoint, bearer=tokens.access_token)
        if more.get("sub") != claims["sub"]:
            raise InvalidToken("userinfo about another subject")
        return completed(claims, more)


def _tokens_in(body: Mapping[str, Any]) -> Tokens:
    id_token, kind = body.get("id_token"), body.get("token_type")
    if not isinstance(id_token, str) or str(kind).lower() != "bearer":
        raise ProviderFault("the answer to the code holds no ID token")
    expires_in = body.get("expires_in")
    sound = isinstance(expires_in, int) and 0 < expires_in < 10**9
    return Tokens(
        id_token=id_token,
        access_token=_text(body, "access_token"),
        refresh_token=_text(body, "refresh_token"),
        expires_in=expires_in if sound else None,
        scope=_text(body, "scope"),
    )


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and value else None
