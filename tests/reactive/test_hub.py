"""The hub against a naive database: exact, of one moment, monotonic, convergent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sessionwire.errors import ProtocolError
from sessionwire.model import ANONYMOUS, ObjectId, Version, Viewer
from sessionwire.reactive.builtin import make_queries
from sessionwire.reactive.hub import Hub
from sessionwire.reactive.identity import tombstone_id
from sessionwire.reactive.outbox import Outbox, Result
from sessionwire.reactive.view import Answer, Context, Failure, Queries, evaluate
from support import naive
from support.naive import NaiveDatabase

if TYPE_CHECKING:
    from sessionwire.reactive.replica import Load

USERS = [ObjectId(f"{n:024x}") for n in range(1, 4)]
ORGANIZATIONS = [ObjectId(f"{n:024x}") for n in range(11, 14)]
TOKENS = ["t0", "t1", "t2", "t3"]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

users = st.sampled_from(USERS)
organizations = st.sampled_from(ORGANIZATIONS)
tokens = st.sampled_from(TOKENS)
VIEWERS = st.one_of(st.just(ANONYMOUS), st.builds(Viewer, tokens))
ASKED = st.sampled_from(
    [
        ("session", {}),
        ("session", {"organization": str(ORGANIZATIONS[0])}),
        ("user", {}),
        ("organizations", {}),
        ("organization", {}),
        ("devices", {}),
        ("names", {"first": 1}),
    ]
)


def names(ctx: Context, first: int) -> list[str]:
    """A developer's query, over everything that a session may see in its first organization."""
    return [each["name"] for each in ctx.where("organization", plan="free")][:first]


def all_queries() -> Queries:
    queries = make_queries(active_organization="user")
    queries.add("names", names)
    return queries


def session(token: str, user: ObjectId) -> dict[str, Any]:
    id = ObjectId(f"{TOKENS.index(token) + 21:024x}")
    until = BEGIN + timedelta(days=7)
    return {"_id": id, "token": token, "userId": user, "expiresAt": until, "updatedAt": BEGIN}


@st.composite
def writes(draw: st.DrawFn) -> Any:
    user, organization, token = draw(users), draw(organizations), draw(tokens)
    member = ObjectId(bytes(user.binary[4:8] + user.binary[8:12] + organization.binary[8:12]))
    match draw(
        st.sampled_from(
            "user user rename switch switch foreign org plan "
            "member member role leave in in out ban".split()
        )
    ):
        case "user":
            document = {"_id": user, "name": "n", "email": f"{user}@x", "createdAt": BEGIN}
            return naive.put("user", document)
        case "rename":
            return naive.set_field("user", user, "name", draw(st.sampled_from("abc")))
        case "switch":
            return naive.set_field("user", user, "activeOrganizationId", str(organization))
        case "foreign":
            return naive.set_field("user", user, "activeOrganizationId", draw(st.just(5)))
        case "org":
            document = {"_id": organization, "name": f"o{organization}", "slug": "s"}
            return naive.put("organization", document)
        case "plan":
            return naive.set_field(
                "organization", organization, "plan", draw(st.sampled_from(["free", "paid", None]))
            )
        case "member":
            document = {"_id": member, "organizationId": organization, "userId": user}
            return naive.put(
                "member", {**document, "role": draw(st.sampled_from(["owner", "member"]))}
            )
        case "role":
            return naive.set_field(
                "member", member, "role", draw(st.sampled_from(["owner", "admin"]))
            )
        case "leave":
            return naive.delete("member", member)
        case "in":
            return naive.put("session", session(token, user))
        case "out":
            return naive.delete("session", session(token, user)["_id"])
        case _:
            return naive.set_field("user", user, "banned", draw(st.booleans()))


@dataclass(eq=False)
class Client:
    """A connection as its peer sees it."""

    outbox: Outbox
    shows: dict[int, Answer | Failure] = field(default_factory=dict)
    asked: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    seen: Version = Version(0)
    since: dict[int, Version] = field(default_factory=dict)
    next_id: int = 0
    woken: bool = False


class HubMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queries = all_queries()
        self.database = NaiveDatabase()
        self.hub = Hub(self.queries, idle_documents=5, idle_watches=2)
        self.hub.restart(self.database.version)
        self.hub.set_live(live=True)
        self.delivered = 0
        self.in_flight: list[Load] = []
        self.clients: list[Client] = []
        for user, organization in zip(USERS, ORGANIZATIONS, strict=True):
            self.database.commit(naive.put("user", {"_id": user, "name": "n", "email": "e"}))
            self.database.commit(naive.put("organization", {"_id": organization, "name": "o"}))
        for token in TOKENS[:2]:
            self.database.commit(naive.put("session", session(token, USERS[0])))

    # The database and the stream

    @rule(together=st.lists(writes(), min_size=1, max_size=5))
    def commit(self, together: list[Any]) -> None:
        self.database.commit(*together)

    @rule(groups=st.lists(st.lists(writes(), min_size=1, max_size=3), min_size=1, max_size=4))
    def commit_and_deliver(self, groups: list[list[Any]]) -> None:
        for together in groups:
            self.database.commit(*together)
        self.deliver(len(self.database.groups))

    @rule(count=st.integers(1, 4))
    def deliver(self, count: int) -> None:
        self.hub.apply(self.database.groups[self.delivered : self.delivered + count])
        self.delivered = min(self.delivered + count, len(self.database.groups))
        self.collect()

    @rule(back=st.integers(1, 4))
    def deliver_again(self, back: int) -> None:
        self.hub.apply(self.database.groups[max(0, self.delivered - back) : self.delivered])

    @rule()
    def lose_history(self) -> None:
        self.delivered = len(self.database.groups)
        self.hub.restart(self.database.version)
        self.collect()

    @rule(limit=st.integers(1, 8))
    def start_load(self, limit: int) -> None:
        keys = self.hub.take_needs(limit)
        if keys:
            epoch = self.hub.replica.epoch
            load = self.database.load(keys, version=self.hub.position, epoch=epoch)
            self.in_flight.append(load)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def finish_load(self, data: st.DataObject) -> None:
        load = data.draw(st.sampled_from(self.in_flight))
        self.in_flight.remove(load)
        self.hub.supply(load)
        self.collect()

    @rule()
    def load_everything(self) -> None:
        while keys := self.hub.take_needs(1_000):
            epoch = self.hub.replica.epoch
            self.hub.supply(self.database.load(keys, version=self.hub.position, epoch=epoch))
        self.collect()

    # Connections

    @precondition(lambda self: len(self.clients) < 5)
    @rule(viewer=VIEWERS)
    def connect(self, viewer: Viewer) -> None:
        client = Client(Outbox(viewer, lambda: None))
        self.hub.attach(client.outbox)
        self.clients.append(client)

    @precondition(lambda self: self.clients)
    @rule(data=st.data())
    def disconnect(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from(self.clients))
        self.clients.remove(client)
        self.hub.detach(client.outbox)

    @precondition(lambda self: self.clients)
    @rule(data=st.data(), asked=ASKED, ahead=st.sampled_from([0, 0, 0, 2]))
    def subscribe(self, data: st.DataObject, asked: tuple[str, dict[str, Any]], ahead: int) -> None:
        client = data.draw(st.sampled_from(self.clients))
        since = Version(self.hub.position + ahead) if ahead else client.seen
        self.hub.subscribe(client.outbox, client.next_id, *asked, since=since)
        client.asked[client.next_id] = asked
        client.since[client.next_id] = since
        client.next_id += 1
        self.collect()

    @precondition(lambda self: any(each.asked for each in self.clients))
    @rule(data=st.data())
    def unsubscribe(self, data: st.DataObject) -> None:
        client = data.draw(st.sampled_from([each for each in self.clients if each.asked]))
        id = data.draw(st.sampled_from(sorted(client.asked)))
        self.hub.unsubscribe(client.outbox, id)
        del client.asked[id]
        client.shows.pop(id, None)
        self.collect()

    @rule(viewer=VIEWERS, asked=ASKED)
    def read(self, viewer: Viewer, asked: tuple[str, dict[str, Any]]) -> None:
        """An HTTP read that gives up when the answer is not there."""
        watch = self.hub.read(asked[0], viewer, asked[1])
        if not watch.resolved:
            answered: list[bool] = []

            def waiter() -> None:
                answered.append(True)

            self.hub.wait(watch, waiter)
            while self.in_flight:
                self.hub.supply(self.in_flight.pop())
            self.load_everything()
            assert answered
            watch = self.hub.read(asked[0], viewer, asked[1])
        assert watch.result is not None
        assert same(watch.result.outcome, self.truth(viewer, asked, self.hub.position))

    def collect(self) -> None:
        ready = set(self.hub.take_ready())
        for client in self.clients:
            client.woken = client.woken or client.outbox in ready

    @precondition(lambda self: any(each.woken for each in self.clients))
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        """A connection that was woken sends a frame, now or much later."""
        self.receive(data.draw(st.sampled_from([each for each in self.clients if each.woken])))

    def receive(self, client: Client) -> None:
        client.woken = False
        position = self.hub.position
        deliveries = client.outbox.take(position)
        if not deliveries:
            return
        assert position >= client.seen
        client.seen = position
        for delivery in deliveries:
            assert position >= client.since[delivery.id]  # P3
            client.shows[delivery.id] = delivery.result.outcome
        for id, shown in client.shows.items():  # P1 and P2, also for what was not in this frame
            truth = self.truth(client.outbox.viewer, client.asked[id], position)
            assert same(shown, truth), (id, client.asked[id])

    def truth(
        self, viewer: Viewer, asked: tuple[str, dict[str, Any]], version: int
    ) -> Answer | Failure:
        query = self.queries.named(asked[0])
        outcome = evaluate(query, viewer, query.parse(asked[1]), self.database.at(version)).outcome
        assert outcome is not None
        return outcome

    @invariant()
    def holds_bounded_watches(self) -> None:
        needed = {
            (asked, client.outbox.viewer)
            for client in self.clients
            for asked in [*map(str, client.asked.values()), "$identity"]
        }
        assert self.hub.watches <= len(needed) + 2 + 1

    def teardown(self) -> None:
        """Convergence (P4): with everything delivered and loaded, everybody shows the latest."""
        self.deliver(len(self.database.groups))
        self.hub.advance(Version(self.database.version + 10))
        for load in self.in_flight:
            self.hub.supply(load)
        self.load_everything()
        for client in self.clients:
            if client.woken:
                self.receive(client)
            assert client.shows.keys() == client.asked.keys()
            for id, shown in client.shows.items():
                truth = self.truth(client.outbox.viewer, client.asked[id], self.database.version)
                assert same(shown, truth)
        for client in self.clients:
            self.hub.detach(client.outbox)
        assert self.hub.connections == 0
        assert self.hub.watches <= 2


def same(one: Answer | Failure, other: Answer | Failure) -> bool:
    if isinstance(one, Answer) and isinstance(other, Answer):
        return one.encoded == other.encoded
    return isinstance(one, Failure) and isinstance(other, Failure) and one.code == other.code


TestHub = HubMachine.TestCase
TestHub.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)


class Setup:
    """A hub whose needs are met at once, for examples."""

    def __init__(self) -> None:
        self.database = NaiveDatabase()
        self.hub = Hub(all_queries(), idle_documents=100, idle_watches=10)
        self.hub.restart(self.database.version)
        self.woken: list[str] = []

    def write(self, *together: Any) -> None:
        group = self.database.commit(*together)
        assert group is not None
        self.hub.apply([group])
        self.load()

    def load(self) -> int:
        loads = 0
        while keys := self.hub.take_needs(10_000):
            epoch = self.hub.replica.epoch
            self.hub.supply(self.database.load(keys, version=self.hub.position, epoch=epoch))
            loads += 1
        return loads

    def read(self, query: str, viewer: Viewer) -> Result:
        while not (watch := self.hub.read(query, viewer, {})).resolved:
            self.load()
        assert watch.result is not None
        return watch.result

    def connect(self, viewer: Viewer) -> Outbox:
        outbox = Outbox(viewer, lambda: None)
        self.hub.attach(outbox)
        return outbox

    def take(self, outbox: Outbox) -> list[int]:
        self.hub.take_ready()
        return [each.id for each in outbox.take(self.hub.position)]


@pytest.fixture
def setup() -> Setup:
    made = Setup()
    made.write(naive.put("user", {"_id": USERS[0], "name": "A", "email": "a@x"}))
    made.write(naive.put("session", session("t0", USERS[0])))
    made.write(naive.put("session", session("t1", USERS[0])))
    return made


def test_a_change_that_no_query_read_recomputes_nothing(setup: Setup) -> None:
    outbox = setup.connect(Viewer("t0"))
    setup.hub.subscribe(outbox, 1, "session", {})
    setup.load()
    before = setup.hub.tally.recomputed
    setup.write(naive.put("user", {"_id": USERS[1], "name": "B"}))
    assert setup.hub.tally.recomputed == before


def test_two_tabs_of_a_session_share_one_computation(setup: Setup) -> None:
    outboxes = [setup.connect(Viewer("t0")) for _ in range(10)]
    for outbox in outboxes:
        setup.hub.subscribe(outbox, 1, "user", {})
    setup.load()
    before = setup.hub.tally.recomputed
    setup.write(naive.set_field("user", USERS[0], "name", "Z"))
    assert setup.hub.tally.recomputed == before + 1
    assert all(setup.take(outbox) == [1] for outbox in outboxes)


def test_a_session_is_judged_anew_only_by_the_fields_that_judge_it(setup: Setup) -> None:
    outbox = setup.connect(Viewer("t0"))
    setup.load()
    assert outbox.identity is not None
    watch, before = outbox.identity.watch, setup.hub.tally.recomputed
    setup.write(naive.set_field("user", USERS[0], "name", "Z"))
    assert setup.hub.tally.recomputed == before
    setup.write(naive.set_field("user", USERS[0], "banned", True))
    assert watch.result is not None and isinstance(watch.result.outcome, Answer)
    assert watch.result.outcome.value.ended == "banned"


def test_a_deletion_concerns_whoever_read_any_field(setup: Setup) -> None:
    outbox = setup.connect(Viewer("t0"))
    setup.load()
    setup.write(naive.delete("user", USERS[0]))
    assert outbox.identity is not None
    result = outbox.identity.watch.result
    assert result is not None and isinstance(result.outcome, Answer)
    assert result.outcome.value.ended == "deleted"


def test_an_equal_result_is_not_sent_again(setup: Setup) -> None:
    outbox = setup.connect(Viewer("t0"))
    setup.hub.subscribe(outbox, 1, "user", {})
    setup.load()
    assert setup.take(outbox) == [1]
    setup.write(naive.set_field("user", USERS[0], "secretField", 1))
    assert setup.take(outbox) == []


PLACE = ORGANIZATIONS[0]
EDITS = [
    (naive.set_field("user", USERS[0], "name", "Z"), 0),
    (naive.set_field("user", USERS[0], "image", "https://x"), 0),
    (naive.set_field("organization", PLACE, "name", "Z"), 0),
    (naive.set_field("organization", PLACE, "slug", 7), 0),
    (naive.unset_field("organization", PLACE, "name"), 0),
    (naive.set_field("user", USERS[0], "activeOrganizationId", None), 1),
    (naive.set_field("user", USERS[0], "banned", True), 1),
    (naive.set_field("session", session("t0", USERS[0])["_id"], "userAgent", "x"), 1),
    (naive.put("user", {"_id": USERS[0], "name": "Anew", "email": "b@x"}), 1),
    (naive.delete("organization", PLACE), 1),
]


@pytest.mark.parametrize(("edit", "runs"), EDITS)
def test_an_edit_amends_what_was_found_and_whatever_decides_more_is_found_anew(
    setup: Setup, edit: Any, runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = {"_id": ObjectId(), "userId": USERS[0], "organizationId": PLACE, "role": "owner"}
    setup.write(naive.put("organization", {"_id": PLACE, "name": "Acme", "slug": "acme"}))
    setup.write(naive.put("member", member))
    setup.write(naive.set_field("user", USERS[0], "activeOrganizationId", PLACE))
    outbox = setup.connect(Viewer("t0"))
    watch = setup.hub.subscribe(outbox, 1, "session", {}).watch
    setup.load()
    evaluated = []

    def counting(query: Any, *rest: Any) -> Any:
        evaluated.append(query.name)
        return evaluate(query, *rest)

    monkeypatch.setattr("sessionwire.reactive.hub.evaluate", counting)
    setup.write(edit)
    assert evaluated.count("session") == runs
    setup.load()
    anew = evaluate(watch.query, watch.viewer, {}, setup.database.at(setup.database.version))
    assert watch.result is not None and watch.result.outcome == anew.outcome


def test_a_thousand_arrivals_are_a_handful_of_loads() -> None:
    setup = Setup()
    writes = []
    for n in range(1_000):
        user, token = ObjectId(f"{n:024x}"), ObjectId(f"{n + 5000:024x}")
        writes.append(naive.put("user", {"_id": user, "name": "x", "email": "x"}))
        until = {"expiresAt": BEGIN, "updatedAt": BEGIN}
        row = {"_id": token, "token": f"k{n}", "userId": user, **until}
        writes.append(naive.put("session", row))
    setup.database.commit(*writes)
    setup.hub.restart(setup.database.version)
    outboxes = [setup.connect(Viewer(f"k{n}")) for n in range(1_000)]
    for outbox in outboxes:
        setup.hub.subscribe(outbox, 1, "session", {})
    assert setup.load() <= 3
    assert all(setup.take(outbox) == [1] for outbox in outboxes)


def test_an_idle_answer_is_recomputed_only_when_it_is_read(setup: Setup) -> None:
    first = setup.read("user", Viewer("t0"))
    before = setup.hub.tally.recomputed
    for name in "xyz":
        setup.write(naive.set_field("user", USERS[0], "name", name))
    assert setup.hub.tally.recomputed == before
    second = setup.read("user", Viewer("t0"))
    assert second.changed_at > first.changed_at


def test_equal_data_of_two_viewers_have_different_tags(setup: Setup) -> None:
    one, other = setup.connect(Viewer("t0")), setup.connect(Viewer("t1"))
    for outbox in (one, other):
        setup.hub.subscribe(outbox, 1, "user", {})
    setup.load()
    (first,), (second,) = one.take(setup.hub.position), other.take(setup.hub.position)
    assert same(first.result.outcome, second.result.outcome)
    assert first.result.tag != second.result.tag


def test_a_query_that_raises_fails_alone_and_heals(setup: Setup) -> None:
    def picky(ctx: Context) -> str:
        return str(ctx.where("user", email="a@x")[0]["name"].upper())

    setup.hub.queries.add("picky", picky)
    outbox = setup.connect(ANONYMOUS)
    setup.hub.subscribe(outbox, 1, "picky", {})
    setup.load()
    setup.take(outbox)
    setup.write(naive.set_field("user", USERS[0], "name", 7))
    (delivery,) = outbox.take(setup.hub.position)
    assert isinstance(delivery.result.outcome, Failure)
    assert delivery.result.outcome.code == "query_failed"
    ((query, failure),) = setup.hub.take_failures()
    assert query.name == "picky" and isinstance(failure.cause, AttributeError)
    setup.write(naive.set_field("user", USERS[0], "name", "ok"))
    (delivery,) = outbox.take(setup.hub.position)
    assert isinstance(delivery.result.outcome, Answer)
    assert delivery.result.outcome.value == "OK"


def test_the_reason_of_an_end_is_on_the_tombstone(setup: Setup) -> None:
    outbox = setup.connect(Viewer("t0"))
    setup.load()
    stone = {"_id": tombstone_id("t0"), "reason": "password_changed", "at": BEGIN}
    setup.write(naive.put("sessionEnd", stone))
    setup.write(naive.delete("session", session("t0", USERS[0])["_id"]))
    assert outbox.identity is not None and outbox.identity.watch.result is not None
    outcome = outbox.identity.watch.result.outcome
    assert isinstance(outcome, Answer) and outcome.value.ended == "password_changed"


def test_clients_cannot_ask_for_internal_queries(setup: Setup) -> None:
    with pytest.raises(ProtocolError) as caught:
        setup.hub.subscribe(setup.connect(ANONYMOUS), 1, "$identity", {})
    assert caught.value.code == "unknown_query"
