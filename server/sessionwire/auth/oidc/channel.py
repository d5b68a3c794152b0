"""Requests to identity providers: bounded in time and size, to the given address and no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from sessionwire.auth.oidc.faults import ProviderFault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["Answer", "Channel"]

_SECONDS = 4.0
_ANSWER_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer; `body` is the JSON object in it, empty when there is none."""

    status: int
    body: Mapping[str, Any]


class Channel:
    """Asks, and reads JSON objects. A redirect is an answer like any other: nobody follows it.

    Raises ProviderFault for no answer in `seconds`, a longer one than `limit` bytes, and one that
    is compressed: its size would not be known before it is unpacked.
    """

    def __init__(self, *, seconds: float = _SECONDS, limit: int = _ANSWER_LIMIT) -> None:
        self._seconds = seconds
        self._limit = limit
        self._tls: ssl.SSLContext | None = None

    async def get(self, url: str, *, bearer: str | None = None) -> Mapping[str, Any]:
        """The object at this address. Raises ProviderFault for another status than 200."""
        headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        answer = await self._ask("GET", url, headers=headers)
        if answer.status != 200:
            raise ProviderFault(f"answered {answer.status}")
        return answer.body

    async def post(
        self, url: str, form: Mapping[str, str], *, basic: tuple[str, str] | None = None
    ) -> Answer:
        """What it answers to a form; with `basic` the client names itself in `Authorization`."""
        return await self._ask("POST", url, data=dict(form), auth=basic)

    async def _ask(self, method: str, url: str, **more: Any) -> Answer:
        if self._tls is None:
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)  # reads a long file
        more["headers"] = {
            "accept": "application/json",
            "accept-encoding": "identity",
            **more.get("headers", {}),
        }
        try:
            async with (
                asyncio.timeout(self._seconds),
                httpx.AsyncClient(verify=self._tls, follow_redirects=False) as client,
                client.stream(method, url, **more) as response,
            ):
                return Answer(response.status_code, _object_in(await self._body(response)))
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            raise ProviderFault(f"no answer: {type(error).__name__}") from None

    async def _body(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise ProviderFault("a compressed answer")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._limit:
                raise ProviderFault("an answer that is too large")
        return bytes(body)


def _object_in(body: bytes) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
