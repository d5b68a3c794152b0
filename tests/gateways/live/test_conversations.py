"""Runs tests/conversations/*.json on the server's side; client_js/test runs them on the other."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sessionwire.gateways.live.protocol import LiveProtocol
from sessionwire.model import ANONYMOUS, ObjectId, Version, Viewer, parse_version
from sessionwire.policy.limits import Limits
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.outbox import Outbox
from support import naive
from support.naive import NaiveDatabase

DIRECTORY = Path(__file__).parents[2] / "conversations"
CONVERSATIONS = sorted(DIRECTORY.glob("*.json"))
DATES = {"createdAt", "updatedAt", "expiresAt", "onboardedAt", "at"}


def revive(value: Any, key: str = "") -> Any:
    """`{"$oid": …}` as an ObjectId, the texts of date fields as dates."""
    if isinstance(value, dict):
        if value.keys() == {"$oid"}:
            return ObjectId(value["$oid"])
        return {name: revive(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [revive(each) for each in value]
    return datetime.fromisoformat(value) if key in DATES and isinstance(value, str) else value


class World:
    """A server around one connection, whose loads are answered at once from a naive database."""

    def __init__(self, given: dict[str, Any]) -> None:
        first = parse_version(given["version"])
        self.database = NaiveDatabase(first - 1)
        documents = [
            naive.put(collection, revive(each))
            for collection, some in given["documents"].items()
            for each in some
        ]
        self.database.commit(*documents)
        self.wall = datetime.fromisoformat(given["now"])
        self.now = 0.0
        queries = make_queries(active_organization="user")
        self.hub = Hub(queries, idle_documents=100, idle_watches=100)
        self.hub.restart(first)
        self.hub.set_live(live=True)
        name = given["viewer"]
        self.viewer = ANONYMOUS if name is None else Viewer(f"{name}-token")
        self.sent: list[dict[str, Any]] = []
        self.said: list[dict[str, Any]] = []
        """Every frame, `pending` and those that were looked at already included."""
        self.connect()

    def connect(self) -> None:
        self.protocol = LiveProtocol(
            hub=self.hub, outbox=Outbox(self.viewer, lambda: None), limits=Limits()
        )
        self.protocol.open()
        self.flush()

    def flush(self) -> None:
        while keys := self.hub.take_needs(10_000):
            epoch = self.hub.replica.epoch
            self.hub.supply(self.database.load(keys, version=self.hub.position, epoch=epoch))
        frames = [json.loads(each) for each in self.protocol.take(now=self.now, wall=self.wall)]
        self.said += frames
        self.sent += [each for each in frames if each["op"] != "pending"]

    def receive(self, text: str) -> None:
        self.protocol.receive(text, now=self.now)
        self.flush()

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.wall += timedelta(seconds=seconds)
        self.flush()

    def change(self, change: dict[str, Any], version: Version) -> None:
        parts = change.get("transaction", [change])
        gap = version - self.database.version
        group = self.database.commit(*(w for part in parts for w in writes(part)), gap=gap)
        assert group is not None
        self.hub.apply([group])
        self.flush()

    def close(self, code: int) -> None:
        if code == 1006:
            self.protocol.lost()
            return
        assert self.protocol.close is not None
        assert self.protocol.close.code == code


def writes(change: dict[str, Any]) -> list[Any]:
    match change:
        case {"insert": {"collection": collection, "document": document}}:
            return [naive.put(collection, revive(document))]
        case {"update": {"collection": collection, "id": id, **how}}:
            sets: Any = how.get("set", {})
            unsets: Any = how.get("unset", [])
            return [
                *(
                    naive.set_field(collection, revive(id), k, revive(v, k))
                    for k, v in sets.items()
                ),
                *(naive.unset_field(collection, revive(id), k) for k in unsets),
            ]
        case {"delete": {"collection": collection, "id": id}}:
            return [naive.delete(collection, revive(id))]
    raise AssertionError(f"unknown change {change}")


def normal(frame: Any) -> Any:
    """Results in the order of their ids: an update's order says nothing."""
    if isinstance(frame, dict) and "results" in frame:
        return {**frame, "results": sorted(frame["results"], key=lambda each: each["id"])}
    return frame


def matches(expected: Any, actual: Any) -> bool:
    if expected == "*":
        return True
    if isinstance(expected, dict) and isinstance(actual, dict):
        same = expected.keys() == actual.keys()
        return same and all(matches(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        pairs = zip(expected, actual, strict=False)
        return len(expected) == len(actual) and all(matches(*pair) for pair in pairs)
    return bool(expected == actual)


class Client:
    """Fills in the tags that the client was given: `"*"` in its frames."""

    def __init__(self) -> None:
        self.asked: dict[int, tuple[str, str]] = {}
        self.tags: dict[tuple[str, str], str] = {}

    def learn(self, frame: dict[str, Any]) -> None:
        for result in frame.get("results", []):
            if "tag" in result:
                self.tags[self.asked[result["id"]]] = result["tag"]

    def frame(self, frame: dict[str, Any]) -> dict[str, Any]:
        if frame["op"] != "subscribe":
            return frame
        asked = (frame["query"], json.dumps(frame.get("args", {}), sort_keys=True))
        self.asked[frame["id"]] = asked
        return {**frame, "tag": self.tags[asked]} if frame.get("tag") == "*" else frame


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
def test_the_server_holds_up_its_side(path: Path) -> None:
    assert play(json.loads(path.read_text())).sent == []


def play(conversation: dict[str, Any]) -> World:
    """The server's side of all steps, and what it said beyond them."""
    world, client = World(conversation["given"]), Client()
    for number, step in enumerate(conversation["steps"]):
        match step:
            case {"client": frame}:
                world.receive(json.dumps(client.frame(frame)))
            case {"client_raw": text}:
                world.receive(text)
            case {"server": {"op": "pending"}}:
                pass
            case {"server": expected}:
                if expected["op"] == "hello" and number > 0:
                    world.connect()
                assert world.sent, f"step {number}: nothing was sent, not {expected}"
                sent = world.sent.pop(0)
                assert matches(normal(expected), normal(sent)), f"step {number}: {sent}"
                client.learn(sent)
            case {"change": change, "version": version}:
                world.change(change, parse_version(version))
            case {"stream": "down"}:
                world.hub.set_live(live=False)
                world.flush()
            case {"stream": "up"}:
                world.hub.set_live(live=True)
                world.flush()
            case {"advance": seconds}:
                world.advance(seconds)
            case {"close": code}:
                world.close(code)
            case {"shows": _}:
                pass
            case _:
                raise AssertionError(f"step {number} is of no known kind: {step}")
    return world


def test_there_are_conversations() -> None:
    assert len(CONVERSATIONS) >= 20
