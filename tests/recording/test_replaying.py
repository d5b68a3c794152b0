"""What viewers are shown of a recording is what they were shown when it was made."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from sessionwire.auth.sessions import cookies_of, credential_of
from sessionwire.model import Version
from sessionwire.played import PlayedWire, playable
from sessionwire.reactive.identity import tombstone_id
from sessionwire.recording.playing import Player, viewers_of
from sessionwire.recording.pseudonyms import Pseudonyms
from sessionwire.recording.stage import Stage
from sessionwire.recording.taking import Progress, Recorder
from sessionwire.recording.tape import Recording, read
from support.people import add_organization, add_person
from support.relaying import until
from support.server import LiveClient, Running, run_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store
    from support.people import Person

QUERIES = ("session", "user", "organizations", "organization", "devices")


class Taken:
    """A recording that grows while a test writes."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.file = io.BytesIO()
        self.pseudonyms = pseudonyms

    def write(self, line: bytes) -> None:
        self.file.write(line)

    async def until(self, version: Version) -> None:
        """Wait until it has the group of this version, or a later one."""
        await until(lambda: any(each.version >= version for each in self.recording.groups))

    @property
    def recording(self) -> Recording:
        return read(io.BytesIO(self.file.getvalue()))


@contextlib.asynccontextmanager
async def taking(
    store: Store, settings: Settings, pseudonyms: Pseudonyms | None = None
) -> AsyncIterator[Taken]:
    """Record until the block ends."""
    taken, begun = Taken(pseudonyms or Pseudonyms()), asyncio.Event()

    def tell(progress: Progress) -> None:
        if taken.file.tell():
            begun.set()

    recorder = Recorder(store, settings, taken.write, pseudonyms=taken.pseudonyms, progress=tell)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(recorder.run())
        async with asyncio.timeout(10):
            await begun.wait()
        yield taken
        task.cancel()
    recorder.finish()


async def subscribed(running: Running, cookie: str) -> LiveClient:
    """A live client that shows everything, and has its first answers."""
    client = await running.live(cookie=cookie)
    for id, query in enumerate(QUERIES, 1):
        await client.subscribe(id, query)
    async with asyncio.timeout(10):
        while len(client.shows) < len(QUERIES):
            await client.receive()
    return client


async def to_the_end(client: LiveClient) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await client.receive()


def shown_at(client: LiveClient) -> dict[str, dict[int, Any]]:
    """What all subscriptions showed after each frame, by its version; and how it ended."""
    shows: dict[int, Any] = {}
    found: dict[str, dict[int, Any]] = {}
    for frame in client.frames:
        if frame["op"] == "update":
            shows = {**shows, **{each["id"]: each["data"] for each in frame["results"]}}
            if len(shows) == len(QUERIES):
                found[frame["version"]] = shows
    return found


def renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: renamed(each, names) for name, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, names) for each in value]
    return names.get(value, value) if isinstance(value, str) else value


async def lead_a_life(store: Store, alice: Person, bob: Person, settings: Settings) -> Version:
    """Switches, renames, joins, roles, an invitation, another device, and its revocation."""
    acme = await add_organization(store, "Acme", {alice.id: "owner", bob.id: "member"})
    umbrella = await add_organization(store, "Umbrella", {alice.id: "member"})
    async with store.writing() as writing:

        async def point(id: object) -> None:
            change = {"$set": {"activeOrganizationId": str(id)}}
            await writing.update_one("session", {"_id": alice.session_id}, change)
            await writing.update_one("user", {"_id": alice.id}, change)

        await point(acme)
        await writing.update_one("user", {"_id": alice.id}, {"$set": {"name": "Alicia"}})
        await writing.update_one("user", {"_id": bob.id}, {"$set": {"image": "https://img/b.png"}})
        await point(umbrella)
        await writing.update_one("organization", {"_id": umbrella}, {"$set": {"name": "Brolly"}})
        await point(acme)
        role = {"$set": {"role": "admin"}}
        await writing.update_one("member", {"organizationId": acme, "userId": bob.id}, role)
        invitation = {"_id": "i1", "organizationId": acme, "inviterId": alice.id, "role": "member"}
        await writing.insert_one(
            "invitation", {**invitation, "email": "carol@example.com", "status": "pending"}
        )
        await writing.update_one("invitation", {"_id": "i1"}, {"$set": {"status": "canceled"}})
        await writing.delete_one("member", {"organizationId": acme, "userId": bob.id})
        await writing.update_one("user", {"_id": alice.id}, {"$unset": {"image": ""}})
        end = {"$set": {"reason": "password_changed"}}
        stone = tombstone_id(str(alice.viewer.credential))
        await writing.update_one("sessionEnd", {"_id": stone}, end, upsert=True)
        await writing.delete_one("session", {"_id": alice.session_id})
        return writing.version


@contextlib.asynccontextmanager
async def replaying(
    recording: Recording, settings: Settings
) -> AsyncIterator[tuple[Running, Player]]:
    """Serve it from memory, with its own dates and versions."""
    stage = Stage(Version(1))
    wire = PlayedWire(playable(settings), stage)
    player = Player(
        recording, stage, credential=lambda token: credential_of(token, compat="none"),
        keep_dates=True,
    )  # fmt: skip
    player.begin()
    async with run_server(wire.settings, wire=wire) as running:
        yield running, player


def cookie_of(running: Running, token: str) -> str:
    line = cookies_of(running.wire.settings).session(token, remember=True)[0]
    return line.partition(";")[0]


async def test_a_replay_shows_what_was_shown(
    store: Store, settings: Settings, server: Running
) -> None:
    alice = await add_person(store, settings, "Alice", image="https://img.example/alice.png")
    bob = await add_person(store, settings, "Bob")
    async with taking(store, settings) as taken:
        original = await subscribed(server, alice.cookie)
        last = await lead_a_life(store, alice, bob, settings)
        await to_the_end(original)
        await taken.until(last)
    recording = taken.recording
    text = taken.file.getvalue().decode()
    assert "Alice" not in text and "Alicia" not in text and "alice" not in text
    names = {text: known for _, text, known in taken.pseudonyms}
    (viewer,) = [each for each in viewers_of(recording) if each.user_id == str(alice.id)]
    async with replaying(recording, settings) as (running, player):
        replayed = await subscribed(running, cookie_of(running, viewer.token))
        for group in player:
            # What the change needs may have to be loaded first; then the next one.
            await until(lambda: all(each.settled for each in running.wire.relay.hub.outboxes))
            assert running.wire.relay.hub.position == group.version
        await to_the_end(replayed)
    before, after = shown_at(original), shown_at(replayed)
    assert len(before) >= 8, "a life with too little in it"
    # The first moment of each is its own: there, the replay stands where recording began.
    for version in list(before)[1:]:
        # A frame may be of a later version than what changed, where that had to be loaded.
        at = max(each for each in after if each <= version)
        assert after[at] == renamed(before[version], names), version
    assert replayed.frames[-1] == original.frames[-1]
    assert original.frames[-1]["reason"] == "password_changed"


async def test_a_replay_answers_http_reads_and_refuses_writes(
    store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with taking(store, settings) as taken:
        async with store.writing() as writing:
            await writing.update_one("user", {"_id": alice.id}, {"$set": {"name": "Alicia"}})
        await taken.until(writing.version)
    async with replaying(taken.recording, settings) as (running, player):
        (viewer,) = viewers_of(taken.recording)
        headers = {"cookie": cookie_of(running, viewer.token)}
        async with running.http(headers=headers) as http:
            first = (await http.get("/api/auth/get-session")).json()
            player.step()
            second = (await http.get("/api/auth/get-session")).json()
            written = await http.post("/api/auth/sign-out", json={})
            listed = (await http.get("/api/auth/list-sessions")).json()
    assert first["user"]["name"] == "Person 1" and second["user"]["name"] == "Person 2"
    assert (written.status_code, written.json()["code"]) == (503, "READ_ONLY")
    assert [each["id"] for each in listed] == [str(alice.session_id)]


async def test_what_a_recording_began_with_can_be_played_again_and_versions_go_on(
    store: Store, settings: Settings
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with taking(store, settings) as taken:
        async with store.writing() as writing:
            await writing.update_one("user", {"_id": alice.id}, {"$set": {"name": "Alicia"}})
        await taken.until(writing.version)
    async with replaying(taken.recording, settings) as (running, player):
        (viewer,) = viewers_of(taken.recording)
        client = await subscribed(running, cookie_of(running, viewer.token))
        player.step()
        await client.until_shown(1, lambda data: data["user"]["name"] == "Person 2")
        ended = client.version
        player.again()
        await client.until_shown(1, lambda data: data["user"]["name"] == "Person 1")
        assert client.version > ended


async def test_a_recording_moved_to_the_present_moves_its_dates_alike(
    store: Store, settings: Settings
) -> None:
    await add_person(store, settings, "Alice")
    async with taking(store, settings) as taken:
        pass
    recording = taken.recording
    moved = recording.shifted(3_600)
    assert moved.version - recording.version == 3_600 << 32
    for (_, before), (_, after) in zip(recording.documents, moved.documents, strict=True):
        assert (after["createdAt"] - before["createdAt"]).total_seconds() == 3_600


async def test_polls_are_reads(store: Store, settings: Settings) -> None:
    await add_person(store, settings, "Alice")
    async with taking(store, settings) as taken:
        pass
    async with replaying(taken.recording, settings) as (running, _):
        (viewer,) = viewers_of(taken.recording)
        headers = {"cookie": cookie_of(running, viewer.token)}
        async with running.http(headers=headers) as http:
            body = {"subscriptions": [{"id": 1, "query": "session"}], "wait": 0}
            answer = await http.post("/live/poll", json=body)
    assert answer.json()["results"][0]["data"]["user"]["name"] == "Person 1"


async def test_a_handshake_with_the_cookie_of_no_viewer_is_signed_out(
    store: Store, settings: Settings
) -> None:
    await add_person(store, settings, "Alice")
    async with taking(store, settings) as taken:
        pass
    async with replaying(taken.recording, settings) as (running, _):
        url = running.address.replace("http", "ws") + "/live"
        cookie = {"Cookie": cookie_of(running, "v" * 32)}
        origin: Any = running.address
        async with connect(url, additional_headers=cookie, origin=origin, proxy=None) as socket:
            await socket.send(json.dumps({"op": "subscribe", "id": 1, "query": "session"}))
            frames = [json.loads(await socket.recv()) for _ in range(2)]
    assert frames[-1]["results"][0]["data"] is None
