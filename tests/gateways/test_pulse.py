"""The pulse: every member once a period, nobody after it has gone, and never a crowd at once."""

from __future__ import annotations

import asyncio

from sessionwire.gateways.pulse import PERIOD, Pulse


class Member:
    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1


def beats(members: list[Member]) -> list[int]:
    return [each.beats for each in members]


async def test_each_member_beats_once_a_period_whenever_it_came() -> None:
    pulse = Pulse()
    members = [Member() for _ in range(PERIOD)]
    parts = []
    for member in members:
        parts.append(pulse.add(member))
        pulse.beat()
    for _ in range(PERIOD):
        pulse.beat()
    before = beats(members)
    assert min(before) >= 1
    for _ in range(PERIOD):
        pulse.beat()
    assert beats(members) == [number + 1 for number in before]
    for member, part in zip(members, parts, strict=True):
        pulse.remove(member, part)


async def test_the_first_one_has_a_whole_period() -> None:
    pulse, member = Pulse(), Member()
    pulse.add(member)
    for _ in range(PERIOD - 1):
        pulse.beat()
    assert member.beats == 0
    pulse.beat()
    assert member.beats == 1


async def test_a_crowd_that_came_at_once_beats_in_every_second_of_the_period() -> None:
    pulse, crowd = Pulse(), [Member() for _ in range(5 * PERIOD)]
    for member in crowd:
        pulse.add(member)
    for second in range(PERIOD):
        pulse.beat()
        assert sum(beats(crowd)) == 5 * (second + 1)


async def test_within_its_second_it_lets_others_in_between() -> None:
    pulse, crowd = Pulse(), [Member() for _ in range(100 * PERIOD)]
    for member in crowd:
        pulse.add(member)
    pulse.beat()
    assert 0 < sum(beats(crowd)) < 50
    await asyncio.sleep(1.0)
    assert sum(beats(crowd)) >= 100


async def test_who_has_left_beats_no_more() -> None:
    pulse, member = Pulse(), Member()
    pulse.remove(member, pulse.add(member))
    for _ in range(2 * PERIOD):
        pulse.beat()
    assert member.beats == 0
