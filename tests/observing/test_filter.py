"""A filter lets through what concerns somebody, or is of a kind."""

from __future__ import annotations

import pytest

from observing.rig import ALICE, BOB, Rig
from sessionwire.observing.filter import Filter
from support import naive


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (Filter(), True),
        (Filter(user=str(ALICE)), True),
        (Filter(user=str(BOB)), False),
        (Filter(collection="user"), True),
        (Filter(collection="session"), False),
        (Filter(operation="update"), True),
        (Filter(operation="delete"), False),
        (Filter(organization="x"), False),
        (Filter(user=str(ALICE), operation="delete"), False),
    ],
)
def test_all_that_is_given_must_hold(wanted: Filter, matches: bool) -> None:
    rig = Rig()
    assert wanted.matches(rig.trace(rig.rename(ALICE, "B"))) is matches


def test_a_user_is_concerned_who_is_shown_what_changed() -> None:
    rig = Rig()
    rig.connect("bob", "user")
    rig.hub.queries.add("everybody", lambda ctx: ctx.get("user", ALICE))
    rig.connect("bob", "everybody")
    trace = rig.trace(rig.rename(ALICE, "B"))
    assert Filter(user=str(BOB)).matches(trace)


def test_lost_history_concerns_everybody() -> None:
    rig = Rig()
    rig.write(naive.put("user", {"_id": BOB}))
    rig.hub.restart(rig.database.version)
    rig.load()
    resync = rig.recorder.since(0)[-1].facts()
    assert Filter(user="somebody", collection="x").matches(resync)
