"""The rules of waiting, with the moments given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.policy.addresses import canonical_address, network_of
from sessionwire.policy.throttle import (
    ACCOUNT,
    CREDENTIALS,
    DEFAULT,
    MAIL,
    Count,
    Recent,
    Rule,
    Waiting,
    step,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def waits(rule: Rule, moments: Iterable[float]) -> list[float]:
    """What each of these tries has to wait; 0 for those that are allowed."""
    count, found = None, []
    for now in moments:
        after = step(count, rule, now=now)
        found.append(after.seconds if isinstance(after, Waiting) else 0.0)
        count = after if isinstance(after, Count) else count
    return found


@pytest.mark.parametrize(("rule", "tries"), [(DEFAULT, 100), (CREDENTIALS, 3), (MAIL, 3)])
def test_so_many_tries_are_allowed_and_then_none_for_the_window(rule: Rule, tries: int) -> None:
    assert waits(rule, [0.0] * (tries + 2)) == [0.0] * tries + [rule.window] * 2


def test_the_window_is_measured_from_the_last_try_that_was_allowed() -> None:
    assert waits(CREDENTIALS, [0, 4, 8, 9, 17.5, 18, 19]) == [0, 0, 0, 9, 0.5, 0, 0]


def test_slow_tries_are_never_refused_once_the_window_passed_without_one() -> None:
    assert waits(CREDENTIALS, [0, 1, 11, 12, 22]) == [0, 0, 0, 0, 0]


def test_refused_tries_do_not_prolong_the_wait() -> None:
    assert waits(CREDENTIALS, [0, 0, 0, 5, 9.5, 10]) == [0, 0, 0, 5, 0.5, 0]


def test_ten_wrong_passwords_are_free_and_each_further_one_waits_twice_as_long() -> None:
    count, now, pauses = None, 0.0, []
    for _ in range(18):
        after = step(count, ACCOUNT, now=now)
        assert isinstance(after, Count)
        pauses.append(after.until - now)
        count, now = after, after.until
    assert pauses == [0.0] * 9 + [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_an_account_is_never_locked_for_more_than_a_minute_however_often_it_is_tried() -> None:
    count = None
    for now in range(100_000):
        after = step(count, ACCOUNT, now=float(now))
        if isinstance(after, Waiting):
            assert after.seconds <= 60
        else:
            count = after


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    count = step(None, Rule.at_most(1, seconds=10), now=1e9)
    assert isinstance(count, Count)
    assert step(count, Rule.at_most(1, seconds=10), now=0.0) == Waiting(10.0)


@given(st.lists(st.floats(0, 30), max_size=60))
def test_never_more_than_the_limit_in_any_window(gaps: list[float]) -> None:
    now, allowed = 0.0, []
    recent = Recent(CREDENTIALS, capacity=1)
    for gap in gaps:
        now += gap
        if recent.take("k", now=now) == 0:
            allowed.append(now)
    for first, fourth in zip(allowed, allowed[3:], strict=False):
        assert fourth - first >= CREDENTIALS.window


def test_rl_01_a_million_keys_do_not_grow_what_is_kept() -> None:
    recent = Recent(DEFAULT, capacity=1_000)
    for number in range(1_000_000):
        recent.take(f"{number}", now=0.0)
    assert len(recent) == 1_000


def test_what_is_in_use_is_kept_and_the_longest_unused_goes_first() -> None:
    recent = Recent(Rule.at_most(1, seconds=10), capacity=2)
    assert recent.take("a", now=0) == 0
    assert recent.take("b", now=0) == 0
    assert recent.take("a", now=1) == 9
    assert recent.take("c", now=1) == 0
    assert recent.take("a", now=2) == 8
    assert recent.take("b", now=2) == 0


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("::FFFF:cb00:7109", "203.0.113.9"),
        ("0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:0db8:0001:0002:0000:0000:0000:0001", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("010.1.1.1", "unknown"),
        ("1.2.3.4, 5.6.7.8", "unknown"),
        ("1" * 100, "unknown"),
        ("1.2.3.4\r\nx", "unknown"),
    ],
)
def test_pw_07_an_address_has_one_network_however_it_is_spelled(text: str, network: str) -> None:
    assert network_of(text) == network


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:0DB8::0001", "2001:db8::1"),
        ("evil\x1b[31m", ""),
        ("unknown", ""),
    ],
)
def test_an_address_has_one_spelling_and_what_is_none_has_none(text: str, canonical: str) -> None:
    assert canonical_address(text) == canonical
