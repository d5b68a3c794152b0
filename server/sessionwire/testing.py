"""For an application's own tests: sessions that are played, without MongoDB. A pytest plugin.

    pytest_plugins = ["sessionwire.testing"]

    async def test_dashboard(sessionwire): ...

See docs/recording.md#in-your-tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import re
import socket
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from sessionwire.auth.sessions import cookies_of, credential_of
from sessionwire.model import Document, ObjectId, Version, format_id
from sessionwire.played import PlayedWire, playable
from sessionwire.policy.lifetime import LIFETIME
from sessionwire.reactive.change import Change, Delete, DocumentKey, Put, Update
from sessionwire.reactive.identity import EndReason, tombstone_id
from sessionwire.recording.file import load
from sessionwire.recording.playing import Player, viewers_of
from sessionwire.recording.stage import Stage
from sessionwire.serving import uvicorn_config
from sessionwire.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sessionwire.reactive.change import Group
    from sessionwire.recording.tape import Recording

__all__ = ["Person", "PlayedSessions", "Playing", "sessionwire"]

_SECRET = "played sessions protect nobody: 7f3a9c1e5b"
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Person:
    """One session of one user. `headers` are what their browser sends."""

    id: str
    session_id: str
    token: str
    cookies: dict[str, str]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Playing:
    """A recording on the stage; `viewers` are its sessions, by label: `viewer1`, …"""

    viewers: dict[str, Person]
    player: Player

    def step(self) -> Group | None:
        """Play the next change, and give it; None at the end."""
        return self.player.step()

    def finish(self) -> int:
        """Play what is left; how many changes that were."""
        return sum(1 for _ in self.player)


class PlayedSessions:
    """The fixture: a server to mount, and what happens to its sessions.

    `wire` takes the place of your SessionWire: helpers, HTTP reads and the live wire work on it,
    and what would write answers 503 READ_ONLY. Whatever a method here does is shown at once, to
    whoever is connected, too. Each call is one change of the database, seen whole.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        given = settings or load_settings(environment="development", secret=_SECRET)
        self.stage = Stage()
        self.wire = PlayedWire(playable(given), self.stage)
        self.settings = self.wire.settings
        self._numbers = itertools.count(1)

    # People

    def sign_in(
        self,
        person: Person | None = None,
        *,
        name: str = "Alice",
        email: str | None = None,
        organization: str | None = None,
        role: str = "owner",
        **fields: Any,
    ) -> Person:
        """A new user who is signed in; with `person`, another session of theirs.

        They have a workspace of their own, or are in `organization` with that role. `fields` go
        into the user document.
        """
        if person is not None:
            user = self._user(person)
            changes: list[Change] = []
        else:
            number, now = next(self._numbers), _now()
            address = email or f"{_slug(name) or 'user'}{number}@example.com"
            made = {"_id": ObjectId(), "name": name, "email": address, "emailVerified": True}
            dates = {"createdAt": now, "updatedAt": now, "onboardedAt": now}
            user = {**made, **dates, **fields}
            place = organization or (
                f"{name}'s workspace" if self.settings.personal_workspace else None
            )
            changes = []
            if place is not None:
                id, changes = self._joining(user, place, role)
                user = {**user, "activeOrganizationId": format_id(id)}
            changes.append(_insert("user", user))
        signed_in, session = self._session(user)
        self.stage.commit(*changes, _insert("session", session))
        return signed_in

    def _session(self, user: Document) -> tuple[Person, Document]:
        now, id = _now(), ObjectId()
        token = _token(next(self._numbers))
        session = {
            "_id": id,
            "token": credential_of(token, compat="none"),
            "userId": user["_id"],
            "createdAt": now,
            "updatedAt": now,
            "expiresAt": now + min(LIFETIME, timedelta(days=self.settings.session_maximum_days)),
            "ipAddress": "127.0.0.1",
            "userAgent": "test",
            "activeOrganizationId": user.get("activeOrganizationId"),
        }
        return self._person(user["_id"], id, token), session

    def _person(self, user_id: object, session_id: object, token: str) -> Person:
        line = cookies_of(self.settings).session(token, remember=True)[0].partition(";")[0]
        name, _, value = line.partition("=")
        headers = {"cookie": line, "origin": self.settings.base_url}
        return Person(format_id(user_id), format_id(session_id), token, {name: value}, headers)

    def rename(self, person: Person, name: str) -> Version:
        """The user has another name."""
        return self.update(person, name=name)

    def update(self, person: Person, **fields: Any) -> Version:
        """The user document has these values."""
        return self._set("user", self._user(person)["_id"], {**fields, "updatedAt": _now()})

    # Organizations

    def switch_organization(self, person: Person, organization: str) -> Version:
        """This one is active, by its name or id; it is made, and joined as owner, if need be."""
        user = self._user(person)
        id, changes = self._joining(user, organization, "owner")
        chosen = {"activeOrganizationId": format_id(id)}
        session = DocumentKey("session", self._session_of(person)["_id"])
        user_key = DocumentKey("user", user["_id"])
        return self.stage.commit(*changes, Update(session, chosen), Update(user_key, chosen))

    def join(self, person: Person, organization: str, *, role: str = "member") -> Version:
        """The user is a member with this role, whatever they were before."""
        user = self._user(person)
        id, changes = self._joining(user, organization, role)
        member = self._member(user, id)
        if member is not None:
            changes.append(Update(DocumentKey("member", member["_id"]), {"role": role}))
        return self.stage.commit(*changes)

    def leave(self, person: Person, organization: str) -> Version:
        """The user is no member any more. Raises LookupError when they were none."""
        user = self._user(person)
        found = self._organization(organization)
        member = None if found is None else self._member(user, found["_id"])
        if member is None:
            raise LookupError(f"{user['name']} is no member of {organization}")
        return self.stage.commit(Delete(DocumentKey("member", member["_id"])))

    def rename_organization(self, organization: str, name: str) -> Version:
        """Raises LookupError for one that there is not."""
        found = self._organization(organization)
        if found is None:
            raise LookupError(f"there is no organization {organization}")
        return self._set("organization", found["_id"], {"name": name})

    # Ends

    def sign_out(self, person: Person) -> Version:
        return self.revoke(person, reason="signed_out")

    def expire(self, person: Person) -> Version:
        return self.revoke(person, reason="expired")

    def revoke(self, person: Person, *, reason: EndReason = "revoked") -> Version:
        """This session is over. Raises LookupError when it was before."""
        session = self._session_of(person)
        stone = {"_id": tombstone_id(session["token"]), "reason": reason, "at": _now()}
        ended = Delete(DocumentKey("session", session["_id"]))
        return self.stage.commit(_insert("sessionEnd", stone), ended)

    def ban(self, person: Person) -> Version:
        """All sessions of the user are over, and none begins."""
        return self.update(person, banned=True)

    def delete(self, person: Person) -> Version:
        """The user is gone."""
        return self.stage.commit(Delete(DocumentKey("user", self._user(person)["_id"])))

    # The application's own documents, for its queries

    def put(self, collection: str, document: Document) -> Version:
        """The document is now exactly this; it needs an `_id`."""
        return self.stage.commit(_insert(collection, document))

    def remove(self, collection: str, id: Any) -> Version:
        return self.stage.commit(Delete(DocumentKey(collection, id)))

    # Recordings, outages, serving

    def play(self, recording: Recording | Path | str) -> Playing:
        """Set the stage as it was when this recording began; everything else is gone."""
        taken = load(Path(recording)) if isinstance(recording, Path | str) else recording
        player = Player(taken, self.stage, credential=_credential)
        player.begin()
        people = {
            each.label: self._person(each.user_id, "", each.token) for each in viewers_of(taken)
        }
        return Playing(people, player)

    def go_stale(self) -> None:
        """As if the change stream were lost: clients are told, and keep what they show."""
        self._set_live(live=False)

    def go_live(self) -> None:
        """Undo `go_stale`."""
        self._set_live(live=True)

    def _set_live(self, *, live: bool) -> None:
        self.stage.silent = not live

        def step() -> None:
            if self.stage.relay is not None:
                self.stage.relay.hub.set_live(live=live)
                self.stage.relay.flush()

        self.stage.within(step)

    @contextlib.asynccontextmanager
    async def serving(self, app: Any = None) -> AsyncIterator[str]:
        """Serve your application, or `wire` alone, until the block ends; its address."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.settings = self.wire.settings = self.settings.model_copy(
                update={"base_url": address}
            )
            config = uvicorn_config(app or self.wire, self.settings, lifespan="on")
            server = _Server(config)
            async with asyncio.TaskGroup() as group:
                running = group.create_task(server.serve(sockets=[listener]))
                try:
                    while not server.started and not running.done():  # noqa: ASYNC110 (it tells nobody)
                        await asyncio.sleep(0.005)
                    yield address
                finally:
                    server.should_exit = True

    # Looking things up

    def _user(self, person: Person) -> Document:
        return self._found("user", person.id)

    def _session_of(self, person: Person) -> Document:
        credential = _credential(person.token)
        for each in self.stage.copy.documents("session"):
            if each.get("token") == credential:
                return each
        raise LookupError("this session is over")

    def _found(self, collection: str, id: str) -> Document:
        for each in self.stage.copy.documents(collection):
            if format_id(each["_id"]) == id:
                return each
        raise LookupError(f"there is no {collection} {id}")

    def _organization(self, named: str) -> Document | None:
        """By id, else by name."""
        everyone = list(self.stage.copy.documents("organization"))
        by_id = (each for each in everyone if format_id(each["_id"]) == named)
        return next(by_id, None) or next((e for e in everyone if e.get("name") == named), None)

    def _member(self, user: Document, organization_id: Any) -> Document | None:
        for each in self.stage.copy.documents("member"):
            if each["userId"] == user["_id"] and each["organizationId"] == organization_id:
                return each
        return None

    def _joining(self, user: Document, named: str, role: str) -> tuple[Any, list[Change]]:
        """The organization's id, and what makes it and the membership, as far as they are not."""
        changes: list[Change] = []
        organization, now = self._organization(named), _now()
        if organization is None:
            slug = f"{_slug(named) or 'organization'}-{next(self._numbers)}"
            organization = {"_id": ObjectId(), "name": named, "slug": slug, "createdAt": now}
            changes.append(_insert("organization", organization))
        id = organization["_id"]
        if self._member(user, id) is None:
            member = {"_id": ObjectId(), "organizationId": id, "userId": user["_id"]}
            changes.append(_insert("member", {**member, "role": role, "createdAt": now}))
        return id, changes

    def _set(self, collection: str, id: Any, fields: dict[str, Any]) -> Version:
        return self.stage.commit(Update(DocumentKey(collection, id), fields))


@pytest.fixture
def sessionwire() -> Iterator[PlayedSessions]:
    """Sessions of a test's own, played in memory."""
    yield PlayedSessions()


class _Server(uvicorn.Server):
    """Signals are pytest's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _insert(collection: str, document: Document) -> Put:
    return Put(DocumentKey(collection, document["_id"]), document, inserted=True)


def _credential(token: str) -> str:
    return credential_of(token, compat="none")


def _token(number: int) -> str:
    """32 letters that no other session of the run has; in a test, the same each time."""
    digest = hashlib.sha256(f"played {number}".encode()).digest()
    return "".join(_ALPHABET[each % len(_ALPHABET)] for each in digest)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _now() -> datetime:
    """As MongoDB keeps it: whole milliseconds."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
