"""Whatever a client sends, what it gets keeps to docs/protocol.md."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sessionwire.gateways.live.protocol import LiveProtocol
from sessionwire.model import ANONYMOUS, ObjectId, Version, Viewer, format_version
from sessionwire.policy.limits import Limits
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.outbox import Outbox
from support import naive
from support.naive import NaiveDatabase

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
USER, SESSION = ObjectId("0" * 23 + "1"), ObjectId("0" * 23 + "2")
CLOSE_CODES = {
    "signed_out": 4401,
    "revoked": 4401,
    "expired": 4401,
    "banned": 4401,
    "deleted": 4401,
    "password_changed": 4401,
    "protocol_error": 4400,
    "unverifiable": 4503,
    "slow": 4408,
    "shutdown": 1012,
}


class Line:
    """One connection to a hub over a naive database, with a clock of its own."""

    def __init__(self, viewer: Viewer, **limits: Any) -> None:
        self.database = NaiveDatabase()
        session = {
            "_id": SESSION,
            "token": "t",
            "userId": USER,
            "expiresAt": BEGIN + timedelta(hours=1),
            "updatedAt": BEGIN,
        }
        user = {"_id": USER, "name": "A", "email": "a@x"}
        self.database.commit(naive.put("user", user), naive.put("session", session))
        queries = make_queries(active_organization="user")
        self.hub = Hub(queries, idle_documents=10, idle_watches=2)
        self.hub.restart(self.database.version)
        self.hub.set_live(live=True)
        self.outbox = Outbox(viewer, lambda: None)
        self.protocol = LiveProtocol(hub=self.hub, outbox=self.outbox, limits=Limits(**limits))
        self.now = 0.0
        self.wall = BEGIN
        self.protocol.open()

    def load(self) -> None:
        while keys := self.hub.take_needs(1_000):
            epoch = self.hub.replica.epoch
            self.hub.supply(self.database.load(keys, version=self.hub.position, epoch=epoch))

    def write(self, *together: Any) -> None:
        group = self.database.commit(*together)
        if group is not None:
            self.hub.apply([group])

    def say(self, **frame: Any) -> None:
        self.protocol.receive(json.dumps(frame), now=self.now)

    def hear(self) -> list[dict[str, Any]]:
        return [json.loads(each) for each in self.protocol.take(now=self.now, wall=self.wall)]

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.wall += timedelta(seconds=seconds)


ids = st.integers(0, 4)
versions = st.integers(95, 110)


class ProtocolMachine(RuleBasedStateMachine):
    """The client's view: which of its subscriptions stand, and what each was told."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line(
            Viewer("t"), subscriptions=3, refused_frames=12, frames_burst=30, frames_per_second=1
        )
        self.sent: list[dict[str, Any]] = []
        self.standing: set[int] = set()
        self.answered: set[int] = set()
        self.version = ""
        self.ended = False

    @rule(id=ids, query=st.sampled_from(["session", "user", "devices", "nope"]), since=versions)
    def subscribe(self, id: int, query: str, since: int) -> None:
        self.line.say(op="subscribe", id=id, query=query, since=format_version(since))
        self.sent.append({"op": "subscribe", "id": id, "query": query})

    @rule(id=ids)
    def unsubscribe(self, id: int) -> None:
        self.line.say(op="unsubscribe", id=id)
        self.sent.append({"op": "unsubscribe", "id": id})

    @rule()
    def ping(self) -> None:
        self.line.say(op="ping")

    @rule(text=st.text(max_size=20))
    def garbage(self, text: str) -> None:
        self.line.protocol.receive(text, now=self.line.now)

    @rule(name=st.sampled_from("ab"))
    def rename(self, name: str) -> None:
        self.line.write(naive.set_field("user", USER, "name", name))

    @rule()
    def load(self) -> None:
        self.line.load()

    @rule()
    def lose_history(self) -> None:
        self.line.hub.restart(self.line.database.version)

    @rule(live=st.booleans())
    def stream(self, live: bool) -> None:
        self.line.hub.set_live(live=live)

    @rule(seconds=st.sampled_from([0.1, 1.0, 11.0, 600.0]))
    def wait(self, seconds: float) -> None:
        self.line.wait(seconds)

    @rule()
    def take(self) -> None:
        for frame in self.line.hear():
            self.check(frame)

    def check(self, frame: dict[str, Any]) -> None:
        assert not self.ended, "a frame after bye"
        match frame:
            case {"op": "hello", "protocol": 1, "version": _, "heartbeat": _, "limits": _}:
                pass
            case {"op": "pending", "id": id}:
                assert 0 <= id <= 4
            case {"op": "update", "version": version, "results": results}:
                assert results
                if not all("error" in each for each in results):
                    assert version >= self.version
                    self.version = version
                for result in results:
                    assert ("data" in result) + ("error" in result) + ("unchanged" in result) == 1
            case {"op": "error", "code": code, "message": message}:
                assert code in {
                    *("invalid_json", "invalid_frame", "unknown_op", "unknown_query"),
                    *("duplicate_id", "too_many_subscriptions", "rate_limited"),
                }
                assert message
            case {"op": "status", "live": live}:
                assert live == self.line.hub.live
            case {"op": "bye", "reason": reason, "retry": retry}:
                self.ended = True
                close = self.line.protocol.close
                assert close is not None and close.code == CLOSE_CODES[reason]
                assert retry == (reason in {"unverifiable", "slow", "shutdown"})
            case {"op": "pong"}:
                pass
            case _:
                raise AssertionError(f"no frame of the protocol: {frame}")

    @invariant()
    def holds_bounded_state(self) -> None:
        assert len(self.line.outbox.subscriptions) <= 3
        assert len(self.line.protocol._behind) <= 3
        if self.line.protocol.close is not None:
            assert self.line.hub.connections == 0
            assert not self.line.outbox.subscriptions


TestProtocol = ProtocolMachine.TestCase
TestProtocol.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)


@pytest.fixture
def line() -> Line:
    made = Line(Viewer("t"))
    made.load()
    assert [each["op"] for each in made.hear()] == ["hello"]
    return made


def test_a_known_answer_comes_without_pending(line: Line) -> None:
    line.say(op="subscribe", id=1, query="user")
    line.load()
    line.hear()
    line.say(op="subscribe", id=2, query="user")
    assert [each["op"] for each in line.hear()] == ["update"]


def test_an_answer_older_than_since_is_never_given(line: Line) -> None:
    later = format_version(line.database.version + 5)
    line.say(op="subscribe", id=1, query="user", since=later)
    line.load()
    assert [each["op"] for each in line.hear()] == ["pending"]
    line.wait(9.9)
    assert line.hear() == []
    line.wait(0.2)
    ((result,),) = (each["results"] for each in line.hear())
    assert result["error"]["code"] == "version_unavailable"
    line.hub.advance(Version(line.database.version + 5))
    ((frame),) = line.hear()
    assert frame["version"] == later and frame["results"][0]["data"]["name"] == "A"


def test_the_bound_of_a_wait_is_asked_for_in_time(line: Line) -> None:
    later = format_version(line.database.version + 5)
    line.say(op="subscribe", id=1, query="user", since=later)
    assert line.protocol.recheck_in(now=line.now + 4, wall=line.wall) == pytest.approx(6.0)


def test_a_session_ends_by_time_alone(line: Line) -> None:
    assert line.protocol.recheck_in(now=0, wall=BEGIN + timedelta(minutes=59, seconds=50)) == 10.0
    line.wait(3_600)
    assert line.hear() == [{"op": "bye", "reason": "expired", "retry": False}]
    assert line.protocol.close is not None and line.protocol.close.code == 4401


def test_a_refreshed_session_goes_on(line: Line) -> None:
    until = BEGIN + timedelta(days=7)
    line.write(naive.set_field("session", SESSION, "expiresAt", until))
    line.wait(3_601)
    assert line.hear() == []


def test_se_10_no_data_follow_the_end_of_a_session(line: Line) -> None:
    line.say(op="subscribe", id=1, query="user")
    line.load()
    line.hear()
    line.write(naive.set_field("user", USER, "name", "B"))
    line.write(naive.delete("session", SESSION))
    line.load()
    assert [each["op"] for each in line.hear()] == ["bye"]
    line.say(op="subscribe", id=2, query="user")
    assert line.hear() == []


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (naive.delete("user", USER), "deleted"),
        (naive.set_field("user", USER, "banned", True), "banned"),
        (naive.delete("session", SESSION), "revoked"),
    ],
)
def test_ws_06_the_end_has_a_reason(line: Line, write: Any, reason: str) -> None:
    line.write(write)
    line.load()
    assert line.hear() == [{"op": "bye", "reason": reason, "retry": False}]


def test_ws_07_a_session_that_nobody_can_vouch_for_ends(line: Line) -> None:
    line.hub.set_verifiable(verifiable=False)
    assert line.hear() == [{"op": "bye", "reason": "unverifiable", "retry": True}]


def test_a_signed_out_connection_outlives_an_outage() -> None:
    line = Line(ANONYMOUS)
    line.hear()
    line.hub.set_verifiable(verifiable=False)
    line.hub.set_live(live=False)
    assert line.hear() == [{"op": "status", "live": False}]


def test_too_many_frames_are_dropped_and_then_too_many_refusals_end_it() -> None:
    line = Line(ANONYMOUS, frames_burst=5, frames_per_second=1, refused_frames=3)
    for _ in range(8):
        line.say(op="ping")
    ops = [each["op"] for each in line.hear()]
    assert ops == ["bye"]
    assert line.protocol.close is not None and line.protocol.close.code == 4400


def test_subscriptions_are_limited() -> None:
    line = Line(ANONYMOUS, subscriptions=2)
    for id in range(3):
        line.say(op="subscribe", id=id, query="user")
    errors = [each for each in line.hear() if each["op"] == "error"]
    assert [(each["code"], each["id"]) for each in errors] == [("too_many_subscriptions", 2)]


def test_a_stop_says_when_to_come_back(line: Line) -> None:
    line.protocol.end("shutdown", after=1500)
    assert line.hear() == [{"op": "bye", "reason": "shutdown", "retry": True, "after": 1500}]
