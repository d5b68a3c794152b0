"""`sessionwire record` and `sessionwire replay`, one after the other, on a real MongoDB."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from typer.testing import CliRunner

from cli.tool import running_tool
from sessionwire.cli.program import program
from sessionwire.observing.redaction import LISTED
from sessionwire.recording.file import load
from support.people import add_person
from support.process import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

CANARY = "canary"


async def test_what_was_recorded_is_replayed_and_holds_nothing_private(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    alice = await add_person(store, settings, f"{CANARY}Alice", image=CANARY, password=CANARY)
    assert settings.mongodb_uri is not None
    where = {"mongodb_uri": settings.mongodb_uri.get_secret_value(), "database": settings.database}
    path = tmp_path / "sessions.jsonl"
    async with running_tool(tmp_path, "record", "sessions.jsonl", **where) as tool:
        await tool.says("Recording")
        async with store.writing() as writing:
            change = {"$set": {"name": f"{CANARY}Alicia", f"{CANARY}Field": 1}}
            await writing.update_one("user", {"_id": alice.id}, change)
            for collection in LISTED.keys() - {"sessionEnd"}:
                document = {"_id": f"{collection}1", "email": f"{CANARY}@x", "slug": CANARY}
                private = {"token": f"{CANARY}-{collection}", "secret": CANARY, "logo": CANARY}
                agent = {"userAgent": CANARY, "ipAddress": CANARY, "metadata": CANARY}
                await writing.insert_one(collection, {**document, **private, **agent})
            await writing.delete_one("session", {"_id": alice.session_id})
        await eventually(lambda: b'"delete"' in path.read_bytes())
        assert await tool.interrupt() == 0
        assert "Recorded" in tool.err[-1]
    assert CANARY not in path.read_text()
    assert load(path).ended is not None
    arguments = ("replay", "sessions.jsonl", "--port", "0", "--step", "--as", "Person 1")
    async with running_tool(tmp_path, *arguments) as tool:
        await tool.says("is ready at")
        said = "\n".join(tool.err)
        (address,) = re.findall(r"ready at (\S+)", said)
        (cookie,) = re.findall(r"Cookie: (\S+)", said)[:1]
        async with httpx.AsyncClient(base_url=address) as http:
            assert await _name(http) == "Person 1", "signed in by --as"
            assert await _name(http, cookie) == "Person 1"
            link = await http.get("/replay/viewer1")
            assert link.status_code == 303 and cookie in link.headers["set-cookie"]
            assert (await http.get("/")).status_code == 200
            await tool.press_enter()
            await tool.says("user update name")
            assert await _name(http) == "Person 2"
        assert await tool.interrupt() == 0


async def _name(http: httpx.AsyncClient, cookie: str | None = None) -> str:
    headers = {} if cookie is None else {"cookie": cookie}
    answer = (await http.get("/api/auth/get-session", headers=headers)).json()
    return str(answer["user"]["name"])


RECORDING = """\
{"kind":"sessionwire.recording","format":1,"software":"0.1.0","version":"6b0ab1a800000008",\
"wall":"2026-11-28T10:49:20.000Z","personal":"pseudonyms"}
{"in":"user","document":{"_id":"u1","name":"Person 1","email":"person1@example.com"}}
{"in":"session","document":{"_id":"s1","token":"viewer00000000000000000000000001","userId":"u1",\
"createdAt":{"$date":"2026-11-28T10:00:00.000Z"},"updatedAt":{"$date":"2026-11-28T10:00:00.000Z"},\
"expiresAt":{"$date":"2026-12-05T10:00:00.000Z"}}}
{"version":"6b0ab1b000000001","wall":"2026-11-28T10:49:21.500Z","changes":[\
{"in":"user","id":"u1","set":{"name":"Person 2"},"unset":[]}]}
{"version":"6b0ab1b100000001","wall":"2026-11-28T10:49:22.000Z","changes":[\
{"in":"sessionEnd","insert":{"_id":"viewer00000000000000000000000001","reason":"revoked"}},\
{"in":"session","delete":"s1"}]}
"""


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sessions.jsonl"
    path.write_text(RECORDING)
    return path


def test_a_script_for_the_browser_is_what_the_viewer_was_shown(recording: Path) -> None:
    arguments = ["replay", str(recording), "--as", "viewer1", "--script"]
    result = CliRunner().invoke(program, arguments)
    assert result.exit_code == 0, result.output
    first, wait, second, then, bye = json.loads(result.stdout)
    assert set(first["show"]) == {"session", "user", "organizations", "organization", "devices"}
    assert first["show"]["user"]["name"] == "Person 1"
    assert (wait, then, bye) == ({"wait": 1500}, {"wait": 500}, {"bye": "revoked"})
    assert set(second["show"]) == {"session", "user"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay", "nowhere"], "cannot be read"),
        (["replay", "sessions.jsonl", "--as", "Mallory"], "There is viewer1 (Person 1)."),
        (["replay", "sessions.jsonl", "--script"], "Name one with --as."),
        (["record", "sessions.jsonl", "--data-dir", "x"], "Set SESSIONWIRE_MONGODB_URI"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_remedy(
    recording: Path, arguments: list[str], words: str
) -> None:
    result = CliRunner().invoke(program, arguments)
    assert result.exit_code == 1
    assert words in result.stderr
