"""Traces of a running server, over HTTP, for as long as somebody wants them."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from sessionwire.cli.tailing.events import Began, Broke, Events, Missed, Seen
from sessionwire.errors import StartupError
from sessionwire.observing.facts import MissedFacts, TraceFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sessionwire.cli.tailing.events import Event

__all__ = ["Server", "watch"]

_BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
_SILENCE = 25.0
"""The server says something every ten seconds; after so many it is gone."""
_CONNECT = 5.0
_REMEDY = "The server keeps its newest 1 000 traces: read faster, or filter."
_GONE = (httpx.HTTPError, ssl.SSLError, OSError, msgspec.DecodeError)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to ask, with which token, for which traces."""

    url: str
    token: str | None
    wanted: Mapping[str, str]

    def client(self) -> httpx.AsyncClient:
        headers = {} if self.token is None else {"authorization": f"Bearer {self.token}"}
        timeout = httpx.Timeout(_CONNECT, read=_SILENCE)
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=timeout)


async def watch(server: Server, *, resume: Callable[[], str | None]) -> Events:
    """Its traces without end: a connection that breaks is made again, after what `resume` says.

    Raises StartupError when the server cannot be reached at first, or refuses.
    """
    failures, was_there = 0, False
    async with server.client() as client:
        while True:
            try:
                async for event in _connection(client, server, resume()):
                    failures, was_there = 0, True
                    yield event
                reason = "the server ended the stream"
            except _GONE as error:
                if not was_there:
                    raise StartupError(
                        f"{server.url} cannot be reached: {_said(error)}.",
                        remedy="Start it with `sessionwire serve`, or name another with --url.",
                    ) from None
                reason = _said(error)
            if failures == 0:
                yield Broke(reason)
            await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
            failures += 1


async def _connection(client: httpx.AsyncClient, server: Server, since: str | None) -> Events:
    params = {**server.wanted, **({} if since is None else {"since": since})}
    async with client.stream("GET", "/inspector/events", params=params) as response:
        if response.status_code != 200:
            await response.aread()
            _refuse(response, server)
        async for line in response.aiter_lines():
            event = _event(line, server)
            if event is not None:
                yield event


def _event(line: str, server: Server) -> Event | None:
    """None for what only shows that the server is there, and for kinds that are yet to come."""
    said: dict[str, Any] = msgspec.json.decode(line) if line.strip() else {}
    match said:
        case {"trace": trace}:
            return Seen(msgspec.convert(trace, TraceFacts))
        case {"missed": missed}:
            return Missed(msgspec.convert(missed, MissedFacts), _REMEDY)
        case {"process": {"id": id, "started": started, "version": version}}:
            return Began(server.url, f"{id} {started}", version)
        case _:
            return None


def _refuse(response: httpx.Response, server: Server) -> None:
    """Raises StartupError for what will not pass, and HTTPError for what may."""
    if response.status_code in (429, 502, 503, 504):
        response.raise_for_status()
    message, remedy = f"{server.url} answered {response.status_code}.", "Check --url."
    match response.status_code:
        case 401 | 403 if server.token is None:
            message = f"{server.url} does not let just anybody watch."
            remedy = (
                "Set SESSIONWIRE_ADMIN_TOKEN to the server's, or name a file with --token-file."
            )
        case 401 | 403:
            message = f"{server.url} does not know this admin token."
            remedy = "Use the value of SESSIONWIRE_ADMIN_TOKEN that the server runs with."
        case 400:
            message = f"{server.url} does not take this: {_message(response)}."
            remedy = "A version is 16 lower-case hex digits, as --json prints them."
        case 404:
            message = f"There is no inspector at {server.url}."
            remedy = "Is it a sessionwire server, and SESSIONWIRE_INSPECTOR not false there?"
        case 421:
            remedy = "Name the server by a host that it answers to (SESSIONWIRE_ALLOWED_HOSTS)."
    raise StartupError(message, remedy=remedy)


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return "a bad request"


def _said(error: BaseException) -> str:
    """What happened, in a few words; the library's often say nothing."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answered {error.response.status_code}"
    if isinstance(error, httpx.ReadTimeout):
        return "it fell silent"
    if isinstance(error, httpx.ConnectTimeout):
        return "no answer"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return "the connection was lost"
    if isinstance(error, httpx.ConnectError):
        return "nobody listens there"
    return " ".join(str(error).split()) or type(error).__name__
