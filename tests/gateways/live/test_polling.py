"""One poll, without sockets: what it answers, and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessionwire.errors import ProtocolError
from sessionwire.gateways.live.frames import decode_poll
from sessionwire.gateways.live.polling import LivePoll, Said
from sessionwire.model import ANONYMOUS, NEVER, ObjectId, Version, Viewer
from sessionwire.policy.limits import Limits
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.outbox import Outbox
from sessionwire.reactive.view import Answer, evaluate
from support import naive
from support.naive import NaiveDatabase

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
USER, SESSION = ObjectId("0" * 23 + "1"), ObjectId("0" * 23 + "2")
SIGNED_IN = Viewer("t")
QUERIES = ["session", "user", "devices", "organization"]


class Line:
    """Polls of a hub over a naive database, with a clock of their own."""

    def __init__(self, **limits: Any) -> None:
        self.database = NaiveDatabase()
        self.put_session()
        self.put_user("A")
        self.hub = Hub(make_queries(active_organization="user"), idle_documents=9, idle_watches=9)
        self.hub.restart(self.database.version)
        self.hub.set_live(live=True)
        self.limits = Limits(**limits)
        self.now = 0.0
        self.poll: LivePoll | None = None

    def put_session(self) -> Any:
        return self.database.commit(
            naive.put(
                "session",
                {
                    "_id": SESSION,
                    "token": "t",
                    "userId": USER,
                    "expiresAt": BEGIN + timedelta(hours=1),
                    "updatedAt": BEGIN,
                },
            )
        )

    def put_user(self, name: str) -> Any:
        user = {"_id": USER, "name": name, "email": "a@x"}
        return self.database.commit(naive.put("user", user))

    def apply(self, group: Any) -> None:
        if group is not None:
            self.hub.apply([group])

    def load(self) -> None:
        while keys := self.hub.take_needs(1_000):
            epoch = self.hub.replica.epoch
            self.hub.supply(self.database.load(keys, version=self.hub.position, epoch=epoch))

    def ask(
        self, *subscriptions: Any, viewer: Viewer = SIGNED_IN, seen: Version = NEVER, **more: Any
    ) -> LivePoll:
        outbox = Outbox(viewer, lambda: None)
        self.poll = LivePoll(hub=self.hub, outbox=outbox, limits=self.limits)
        body = json.dumps({"subscriptions": list(subscriptions), **more})
        self.poll.open(decode_poll(body), seen=seen, now=self.now)
        return self.poll

    def truth(self, query: str, version: Version) -> Any:
        """The query's data, read from the database as of the version."""
        source, named = self.database.at(version), self.hub.queries.named(query)
        outcome = evaluate(named, SIGNED_IN, {}, source).outcome
        assert isinstance(outcome, Answer)
        return json.loads(outcome.encoded)

    def take(self) -> Said | None:
        assert self.poll is not None
        return self.poll.take(now=self.now, wall=BEGIN + timedelta(seconds=self.now))

    def answer(self) -> tuple[int, Any]:
        said = self.take()
        assert said is not None and self.poll is not None
        self.poll.lost()
        return said.status, None if said.frame is None else json.loads(said.frame)


def one(query: str = "user", **more: Any) -> dict[str, Any]:
    return {"id": 1, "query": query, **more}


def test_nothing_is_said_before_everything_is_known() -> None:
    line = Line()
    line.ask(one(), {"id": 2, "query": "devices"}, wait=0)
    assert line.take() is None
    line.load()
    status, frame = line.answer()
    assert status == 200 and [each["id"] for each in frame["results"]] == [1, 2]


def test_what_is_not_known_is_not_called_unchanged() -> None:
    line = Line(read_deadline=5.0)
    poll = line.ask(one(), wait=0)
    assert line.take() is None
    assert poll.recheck_in(now=line.now, wall=BEGIN) == 5.0
    line.now = 5.0
    assert line.answer() == (503, {"op": "status", "live": False})


def test_a_result_that_returned_to_what_is_shown_is_no_news() -> None:
    line = Line()
    line.ask(one())
    line.load()
    tag = line.answer()[1]["results"][0]["tag"]
    line.ask(one(tag=tag))
    assert line.take() is None
    line.apply(line.put_user("B"))
    line.apply(line.put_user("A"))
    assert line.take() is None
    line.apply(line.put_user("B"))
    assert line.answer()[1]["results"][0]["data"]["name"] == "B"


def test_an_error_that_is_shown_is_no_news() -> None:
    line = Line()
    args = {"organization": "x"}
    line.ask(one("session", args=args), wait=0)
    line.load()
    assert line.answer()[1]["results"][0]["error"]["code"] == "not_a_member"
    line.ask(one("session", args=args, error="not_a_member"), wait=0)
    assert line.answer() == (204, None)


def test_a_session_that_expires_wakes_the_poll() -> None:
    line = Line(heartbeat=7_200)
    line.ask(one())
    line.load()
    poll = line.ask(one(tag=line.answer()[1]["results"][0]["tag"]))
    line.now = 3_599.0
    assert line.take() is None
    assert poll.recheck_in(now=line.now, wall=BEGIN + timedelta(seconds=line.now)) == 1.0
    line.now = 3_600.0
    assert line.answer() == (401, {"op": "bye", "reason": "expired", "retry": False})


def test_silence_of_the_database_ends_a_signed_in_poll_only() -> None:
    line = Line()
    line.ask(one())
    line.hub.set_verifiable(verifiable=False)
    assert line.answer() == (503, {"op": "bye", "reason": "unverifiable", "retry": True})
    line.ask(one(), viewer=ANONYMOUS)
    line.load()
    assert line.answer()[0] == 200


def test_a_refused_poll_is_attached_to_nothing() -> None:
    line = Line(subscriptions=1)
    for second in (1, 2):  # an id twice, or one too many
        with pytest.raises(ProtocolError):
            line.ask(one(), {"id": second, "query": "user"})
    assert line.hub.connections == line.hub.watches == 0


class Client:
    """What a client that only polls holds: results of one moment."""

    def __init__(self) -> None:
        self.shown: dict[int, Any] = {}
        self.tags: dict[int, str] = {}
        self.version = ""

    def subscriptions(self) -> list[dict[str, Any]]:
        return [
            {"id": id, "query": query, "tag": self.tags.get(id)} for id, query in enumerate(QUERIES)
        ]

    def take(self, frame: dict[str, Any]) -> None:
        assert frame["op"] == "update" and frame["version"] >= self.version
        self.version = frame["version"]
        for result in frame["results"]:
            assert self.shown.get(result["id"], self) != result["data"]  # it is news
            self.shown[result["id"]] = result["data"]
            self.tags[result["id"]] = result["tag"]


class Polls(RuleBasedStateMachine):
    """Whatever happens between and during polls, the client shows the database of one moment."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line(read_deadline=1e9)
        self.client = Client()
        self.over = False

    def polling(self) -> bool:
        return self.line.poll is not None

    @precondition(lambda self: not self.polling() and not self.over)
    @rule(wait=st.sampled_from([0, 20]))
    def ask(self, wait: int) -> None:
        since = self.client.version or None
        self.line.ask(*self.client.subscriptions(), wait=wait, since=since)

    @rule(name=st.sampled_from("ABC"))
    def rename(self, name: str) -> None:
        self.line.apply(self.line.put_user(name))

    @rule()
    def load(self) -> None:
        self.line.load()

    @rule()
    def lose_history(self) -> None:
        self.line.hub.restart(self.line.hub.position)

    @rule(seconds=st.sampled_from([1.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.line.now += seconds

    @precondition(lambda self: self.polling())
    @rule()
    def leave(self) -> None:
        assert self.line.poll is not None
        self.line.poll.lost()
        self.line.poll = None

    @invariant()
    def what_is_answered_is_the_database(self) -> None:
        if not self.polling() or (said := self.line.take()) is None:
            return
        assert self.line.poll is not None
        self.line.poll.lost()
        self.line.poll = None
        assert said.status in (200, 204) or self.line.now >= 3_600
        if said.status == 401:
            self.over = True
            return
        if said.frame is not None:
            self.client.take(json.loads(said.frame))
        for id, query in enumerate(QUERIES):  # also what was not mentioned is of this moment
            assert self.client.shown[id] == self.line.truth(query, said.version)

    @invariant()
    def nobody_is_left_behind(self) -> None:
        assert self.line.hub.connections == int(self.polling())


TestPolls = Polls.TestCase
