"""What becomes of a change is recorded step by step, with the time and the reason of each."""

from __future__ import annotations

from observing.rig import ALICE, BOB, Rig
from sessionwire.model import ObjectId, format_version
from sessionwire.reactive.change import SetKey
from sessionwire.reactive.view import UNHELD
from support import naive


def test_a_change_that_nobody_looks_at_stops_there() -> None:
    rig = Rig()
    rig.connect("alice", "user")
    trace = rig.trace(rig.rename(BOB, "Robert"))
    assert trace.stop == "unheld"
    assert trace.views == [] and trace.deliveries == []
    (change,) = trace.changes
    assert (change.collection, change.operation, change.fields) == ("user", "update", ["name"])
    assert change.user == str(BOB)


def test_a_change_is_followed_until_the_client_shows_it() -> None:
    rig = Rig()
    outbox = rig.connect("alice", "user")
    version = rig.rename(ALICE, "Alicia")
    trace = rig.trace(version)
    assert trace.stop == "waiting"
    assert [(each.query, each.outcome) for each in trace.views] == [("user", "changed")], (
        "who is signed in does not hang on a name"
    )
    assert rig.deliveries(version)[1].state == "offered"
    rig.take(outbox)
    written = rig.deliveries(version)[1]
    assert (written.state, written.written_at, written.version) == (
        "written",
        500.0,
        format_version(version),
    )
    assert rig.trace(version).stop == "told"
    rig.at += 0.25
    rig.recorder.acknowledged(outbox, version)
    shown = rig.deliveries(version)[1]
    assert (shown.state, shown.acknowledged_at) == ("acknowledged", 750.0)
    assert rig.recorder.acknowledged_by(outbox) == version


def test_a_value_that_stays_the_same_is_the_reason_to_stop() -> None:
    rig = Rig()
    rig.connect("alice", "user")
    trace = rig.trace(rig.write(naive.set_field("user", ALICE, "shoeSize", 38)))
    assert trace.stop == "equal"
    assert trace.view_counts == {"affected": 1, "equal": 1}
    assert trace.changes[0].fields == [] and trace.changes[0].hidden == 1


def test_a_result_that_was_not_sent_is_coalesced_into_the_newer_one() -> None:
    rig = Rig()
    outbox = rig.connect("alice", "user")
    first, second = rig.rename(ALICE, "B"), rig.rename(ALICE, "C")
    assert rig.recorder.waited_for(outbox) == 0.0
    rig.take(outbox)
    replaced = rig.deliveries(first)[1]
    assert (replaced.state, replaced.version) == ("coalesced", format_version(second))
    assert rig.deliveries(second)[1].state == "written"
    assert rig.trace(first).stop == "told"
    assert rig.hub.tally.coalesced == 1


def test_what_waits_is_known_with_how_long() -> None:
    rig = Rig()
    outbox = rig.connect("alice", "user")
    rig.rename(ALICE, "B")
    rig.at += 4
    assert rig.recorder.waited_for(outbox) == 4.0
    rig.take(outbox)
    assert rig.recorder.waited_for(outbox) == 0.0


def test_a_connection_that_ends_before_it_was_told_says_so() -> None:
    rig = Rig()
    outbox = rig.connect("alice", "user")
    version = rig.rename(ALICE, "B")
    rig.hub.ended(outbox, "slow")
    ended = rig.deliveries(version)[1]
    assert (ended.state, ended.reason) == ("ended", "slow")
    assert rig.hub.tally.ended == {"slow": 1}
    assert rig.trace(version).stop == "told"


def test_a_revoked_session_is_followed_to_the_goodbye() -> None:
    rig = Rig()
    outbox = rig.connect("alice", "user")
    ids = rig.hub.replica.ids(SetKey("session", "token", "alice"))
    assert ids is not UNHELD
    (session,) = ids
    version = rig.write(naive.delete("session", session))
    rig.load()  # why it ended
    trace = rig.trace(version)
    assert trace.changes[0].user == str(ALICE), "known before it was deleted"
    rig.hub.ended(outbox, "revoked")
    own = rig.deliveries(version)[-1]
    assert (own.query, own.state, own.reason) == ("$identity", "ended", "revoked")


def test_a_view_that_needs_documents_is_loading_until_they_came() -> None:
    rig = Rig()
    outbox = rig.connect("alice", "session")
    organization = ObjectId()
    member = {"_id": ObjectId(), "userId": ALICE, "organizationId": organization, "role": "owner"}
    rig.write(naive.put("organization", {"_id": organization, "name": "Acme", "slug": "acme"}))
    version = rig.write(
        naive.put("member", member),
        naive.set_field("user", ALICE, "activeOrganizationId", str(organization)),
    )
    assert rig.trace(version).stop == "loading"
    rig.load()
    rig.take(outbox)
    assert rig.trace(version).stop == "told"


def test_a_first_answer_is_no_news_of_a_change() -> None:
    rig = Rig()
    version = rig.rename(ALICE, "B")
    rig.connect("alice", "user")
    assert rig.trace(version).deliveries == []


def test_a_reader_is_told_only_what_changed_since_the_last_time() -> None:
    rig = Rig(kept=3)
    seen = rig.recorder.revision
    outbox = rig.connect("alice", "user")
    first, second = rig.rename(ALICE, "B"), rig.rename(BOB, "C")
    assert [each.version for each in rig.recorder.since(seen)] == [first, second]
    seen = rig.recorder.revision
    assert rig.recorder.since(seen) == []
    rig.take(outbox)
    assert [each.version for each in rig.recorder.since(seen)] == [first]
    for _ in range(4):
        rig.rename(BOB, "D")
    assert len(rig.recorder.since(0)) == 3, "the newest are kept"


def test_lost_history_is_in_the_record() -> None:
    rig = Rig()
    rig.connect("alice", "user")
    rig.hub.restart(rig.database.version)
    (trace,) = rig.recorder.since(0)
    assert trace.facts().stop == "resync"


def test_a_trace_lists_the_first_and_counts_all() -> None:
    rig = Rig()
    outboxes = [rig.connect("alice", "user") for _ in range(250)]
    version = rig.rename(ALICE, "B")
    for outbox in outboxes:
        rig.take(outbox)
    trace = rig.trace(version)
    assert len(trace.deliveries) == 200
    assert trace.delivery_counts == {"written": 250}


def test_nothing_is_kept_of_connections_that_are_gone() -> None:
    rig = Rig()
    for _ in range(20):
        outbox = rig.connect("alice", "user")
        rig.rename(ALICE, str(rig.at))
        rig.take(outbox)
        rig.rename(ALICE, str(rig.at))
        rig.hub.ended(outbox, None)
    assert rig.recorder.sizes == {"causes": 0, "waiting": 0, "written": 0, "acknowledged": 0}
