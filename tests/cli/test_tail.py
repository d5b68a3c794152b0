"""`sessionwire tail` on a real server, and on a real MongoDB."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from typer.testing import CliRunner

from cli.tool import running_tool
from sessionwire.app import SessionWire
from sessionwire.cli.program import program
from sessionwire.cli.tail import _is_exposed, _token
from sessionwire.cli.tailing.direct import observe
from sessionwire.cli.tailing.events import Began, Missed, Seen
from sessionwire.cli.tailing.remote import Server, watch
from sessionwire.errors import StartupError
from sessionwire.model import ObjectId, format_version
from sessionwire.observing.filter import Filter
from sessionwire.observing.redaction import LISTED
from sessionwire.settings import Settings, read_settings
from support.following import failing
from support.people import add_person
from support.process import free_port
from support.server import run_server

if TYPE_CHECKING:
    from sessionwire.cli.tailing.events import Events
    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store, Writing
    from support.server import Running

CANARY = "canary"
TOKEN = "Qm7vX2kT9pLz4RwYc8BnJd5HsGf3aEuV"


async def rename(writing: Writing, id: Any, name: str) -> str:
    await writing.update_one("user", {"_id": id}, {"$set": {"name": name}})
    return format_version(writing.version)


async def write_canaries(store: Store) -> None:
    """In every field of every watched collection, and in fields that nobody listed.

    Whose a document is is told by ids, which are no secrets.
    """
    async with store.writing() as writing:
        for collection, fields in LISTED.items():
            document: dict[str, Any] = {name: f"{CANARY}-{name}-{collection}" for name in fields}
            document |= dict.fromkeys(fields & {"userId", "organizationId"}, ObjectId())
            document |= {"token": f"{CANARY}-token-{collection}", f"{CANARY}Field": 1}
            id: Any = f"{CANARY}-stone" if collection == "sessionEnd" else ObjectId()
            if collection == "user":
                document["email"] = f"{CANARY}@example.com"
            await writing.insert_one(collection, {"_id": id, **document})
            change = {"$set": {f"{CANARY}Field": 2, f"{CANARY}.inside": CANARY}}
            await writing.update_one(collection, {"_id": id}, change)
            await writing.delete_one(collection, {"_id": id})


async def test_what_passes_is_printed_and_no_secret_of_it(
    store: Store, settings: Settings, server: Running, tmp_path: Path
) -> None:
    alice = await add_person(store, settings, "Alice")
    live = await server.live(cookie=alice.cookie)
    await live.subscribe(1, "session")
    await live.until_shown(1, lambda data: data is not None)
    assert settings.mongodb_uri is not None
    mongodb = {"mongodb_uri": settings.mongodb_uri.get_secret_value()}
    url = ("tail", "--url", server.address)
    async with (
        running_tool(tmp_path, *url) as text,
        running_tool(tmp_path, *url, "--json") as lines,
        running_tool(
            tmp_path, "tail", "--mongodb", database=settings.database, **mongodb
        ) as direct,
    ):
        tools = [text, lines, direct]
        for each in tools:
            await each.says("Watching")
        await write_canaries(store)
        async with store.writing() as writing:
            version = await rename(writing, alice.id, f"{CANARY} name")
        for each in tools:
            await each.prints(str(alice.id))
            assert await each.interrupt() == 0
    for each in tools:
        printed = "\n".join([*each.out, *each.err])
        assert CANARY not in printed, printed
    collections = {line.split()[2] for line in text.out}
    assert collections == set(LISTED)
    (line,) = [each for each in text.out if str(alice.id) in each]
    assert "update" in line and "name" in line and "session → 1 told" in line
    assert line.endswith("ms")
    (facts,) = [each for each in map(json.loads, lines.out) if each["version"] == version]
    assert facts["stop"] == "told" and facts["changes"][0]["fields"] == ["name"]
    assert all("·" in each for each in direct.out), "nobody is connected there"


async def test_a_restart_is_said_and_nothing_is_printed_twice(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    alice = await add_person(store, settings, "Alice")
    port = free_port()
    async with store.writing() as writing:
        async with contextlib.AsyncExitStack() as stack:
            async with run_server(settings, port=port) as server:
                url = ("tail", "--url", server.address)
                tool = await stack.enter_async_context(running_tool(tmp_path, *url))
                await tool.says("Watching")
                await rename(writing, alice.id, "One")
                await tool.prints("user", "update")
            await tool.says("The server is gone")
            await rename(writing, alice.id, "While nobody watched")
            async with run_server(settings, port=port):
                await tool.says("It was restarted")
                await tool.says("may have been missed")
                await rename(writing, alice.id, "Two")
                await tool.until(lambda: len(tool.out) >= 2)
                assert await tool.interrupt() == 0
    assert len(tool.out) == 2


async def versions(events: Events, last: str) -> list[str]:
    """Of the traces that come, to the last one."""
    found: list[str] = []
    async with asyncio.timeout(20), contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, Seen):
                found.append(event.facts.version)
                if event.facts.version == last:
                    break
    return found


async def test_since_a_version_begins_there_on_mongodb_and_on_a_server(
    store: Store, settings: Settings, server: Running
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with store.writing() as writing:
        first = await rename(writing, alice.id, "One")
        second = await rename(writing, alice.id, "Two")
        third = await rename(writing, alice.id, "Three")
    await server.wire.relay.until(writing.version)
    assert settings.mongodb_uri is not None
    uri = settings.mongodb_uri.get_secret_value()
    direct = observe(settings, uri, Filter(), since=first)
    assert await versions(direct, third) == [second, third]
    remote = watch(Server(server.address, None, {}), resume=lambda: first)
    assert await versions(remote, third) == [second, third]


async def test_filters_leave_out_what_concerns_others(
    store: Store, settings: Settings, server: Running
) -> None:
    alice = await add_person(store, settings, "Alice")
    bob = await add_person(store, settings, "Bob")
    wanted = {"user": str(alice.id), "operation": "update", "collection": "user"}
    remote = watch(Server(server.address, None, wanted), resume=lambda: None)
    async with contextlib.aclosing(remote), store.writing() as writing:
        assert isinstance(await anext(remote), Began)
        await rename(writing, bob.id, "Bobby")
        await writing.delete_one("session", {"_id": alice.session_id})
        version = await rename(writing, alice.id, "Alicia")
        seen = await anext(remote)
    assert isinstance(seen, Seen) and seen.facts.version == version


async def test_history_that_mongodb_has_no_more_is_said_with_the_remedy(
    settings: Settings, store: Store, mongo: EmbeddedMongo
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with store.writing() as writing:
        first = await rename(writing, alice.id, "One")
        await rename(writing, alice.id, "Two")
    async with AsyncMongoClient[dict[str, Any]](mongo.uri, appname="test-admin") as client:
        async with failing(client.admin, "aggregate", times=1, errorCode=286):
            events = observe(settings, mongo.uri, Filter(), since=first)
            async with contextlib.aclosing(events):
                began, missed = await anext(events), await anext(events)
    assert isinstance(began, Began) and isinstance(missed, Missed)
    assert missed.facts.after == first and missed.facts.until == began.version > first
    assert "replSetResizeOplog" in missed.remedy


async def test_a_reader_that_has_read_enough_ends_it_quietly(
    store: Store, settings: Settings, server: Running, tmp_path: Path
) -> None:
    alice = await add_person(store, settings, "Alice")
    async with store.writing() as writing:
        for options in ((), ("--json",)):
            async with running_tool(tmp_path, "tail", "--url", server.address, *options) as tool:
                await tool.says("Watching")
                await rename(writing, alice.id, "One")
                await tool.until(lambda tool=tool: len(tool.out) == 1)  # type: ignore[misc]
                assert tool.process.stdout is not None
                tool.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
                async with asyncio.timeout(30):
                    while tool.process.returncode is None:
                        await rename(writing, alice.id, secrets.token_hex(4))
                assert tool.process.returncode == 0
            assert tool.err == [tool.err[0]], tool.err


async def test_in_production_the_token_is_needed(store: Store, settings: Settings) -> None:
    alice = await add_person(store, settings, "Alice")
    guarded = {"environment": "production", "admin_token": SecretStr(TOKEN)}
    production = settings.model_copy(update={**guarded, "allowed_hosts": ("127.0.0.1",)})

    def watched(token: str | None) -> Events:
        return watch(Server(server.address, token, {}), resume=lambda: None)

    async with _served_in_production(production) as server:
        for token, words in ((None, "does not let just anybody"), ("x" * 40, "does not know")):
            with pytest.raises(StartupError, match=words) as raised:
                await anext(watched(token))
            assert "SESSIONWIRE_ADMIN_TOKEN" in raised.value.remedy
        events = watched(TOKEN)
        async with contextlib.aclosing(events), store.writing() as writing:
            assert isinstance(await anext(events), Began)
            await rename(writing, alice.id, "One")
            assert isinstance(await anext(events), Seen)


@contextlib.asynccontextmanager
async def _served_in_production(settings: Settings) -> Any:
    """Its public address is https, which a proxy before it would speak."""
    wire = SessionWire(settings.model_copy(update={"base_url": "https://app.example.com"}))
    async with run_server(wire.settings, wire=wire) as running:
        yield running


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--url", "http://127.0.0.1:9"), "nobody listens there"),
        (("--url", "ftp://x"), "is no address"),
        (("--since", "yesterday"), "16 lower-case hex digits"),
        (("--mongodb",), "No MongoDB is configured"),
        (("--token-file", "nowhere"), "cannot be read"),
    ],
)
def test_what_cannot_be_watched_is_said_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(program, ["tail", *arguments])
    assert result.exit_code == 1
    assert words in result.stderr and "→" in result.stderr
    assert not (tmp_path / ".sessionwire").exists(), "who only looks leaves nothing behind"


@pytest.mark.parametrize(
    ("url", "exposed"),
    [
        ("https://app.example.com", False),
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("http://[::1]:8000", False),
        ("http://10.0.0.5:8000", True),
        ("http://app.example.com", True),
    ],
)
def test_a_token_that_others_on_the_way_could_read_is_warned_of(url: str, exposed: bool) -> None:
    assert _is_exposed(url) is exposed


def test_the_token_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("token").write_text(f"{TOKEN}\n")
    assert _token(Path("token"), read_settings()) == TOKEN
    assert _token(None, read_settings(admin_token=TOKEN)) == TOKEN
    Path("token").write_text("two words")
    with pytest.raises(StartupError, match="holds no token"):
        _token(Path("token"), read_settings())
