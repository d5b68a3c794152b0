"""The pulse: every member once a period, and nobody after it has gone."""

from __future__ import annotations

from sessionwire.gateways.pulse import PERIOD, Pulse


class Member:
    def __init__(self) -> None:
        self.beats = 0

    def beat(self) -> None:
        self.beats += 1


async def test_each_member_beats_once_a_period_whenever_it_came() -> None:
    pulse = Pulse()
    members = [Member() for _ in range(PERIOD)]
    parts = []
    for member in members:
        parts.append(pulse.add(member))
        pulse.beat()
    for _ in range(PERIOD - 1):
        pulse.beat()
    assert [each.beats for each in members] == [1] * PERIOD
    for member, part in zip(members, parts, strict=True):
        pulse.remove(member, part)


async def test_who_has_left_beats_no_more() -> None:
    pulse, member = Pulse(), Member()
    pulse.remove(member, pulse.add(member))
    for _ in range(2 * PERIOD):
        pulse.beat()
    assert member.beats == 0
