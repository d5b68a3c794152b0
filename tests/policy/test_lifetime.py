from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionwire.policy.lifetime import (
    LIFETIME,
    REFRESH_AFTER,
    Due,
    Expired,
    Fresh,
    Lifetime,
    Span,
)

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def opened(*, lasting: timedelta = LIFETIME, maximum: timedelta = 90 * DAY) -> Span:
    return Span(START, START, START + lasting, maximum)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (timedelta(0), Fresh(START + DAY)),
        (DAY - SECOND, Fresh(START + DAY)),
        (DAY, Due(START + DAY + LIFETIME)),
        (DAY + SECOND, Due(START + DAY + SECOND + LIFETIME)),
        (LIFETIME - SECOND, Due(START + LIFETIME - SECOND + LIFETIME)),
        (LIFETIME, Expired()),
        (LIFETIME + SECOND, Expired()),
    ],
)
def test_se_04_a_session_is_extended_after_a_day_and_over_after_a_week(
    after: timedelta, verdict: Lifetime
) -> None:
    assert opened().judge(now=START + after) == verdict


def test_a_session_of_one_day_is_never_extended() -> None:
    span = opened(lasting=DAY)
    assert not span.remembered
    assert span.refresh_at is None
    assert span.judge(now=START + DAY - SECOND) == Fresh(START + DAY)
    assert span.judge(now=START + DAY) == Expired()


def test_se_04_no_session_outlives_its_maximum_however_active_it_is() -> None:
    span, now = opened(maximum=10 * DAY), START
    while True:
        now += DAY
        match span.judge(now=now):
            case Due(expires_at):
                span = Span(START, now, expires_at, span.maximum)
            case Expired():
                break
            case Fresh():
                assert span.ends_at == START + 10 * DAY
    assert now == START + 10 * DAY


def test_a_session_at_its_maximum_is_not_written_again_and_again() -> None:
    span = Span(START, START + 9 * DAY, START + 10 * DAY, 10 * DAY)
    assert span.refresh_at is None
    assert span.remembered
    assert span.judge(now=START + 10 * DAY - SECOND) == Fresh(START + 10 * DAY)


def test_the_maximum_binds_a_date_that_another_program_wrote() -> None:
    span = Span(START, START + 20 * DAY, START + 27 * DAY, 10 * DAY)
    assert span.ends_at == START + 10 * DAY
    assert span.judge(now=START + 10 * DAY) == Expired()


@given(
    st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), max_size=60),
    st.integers(1, 60).map(lambda days: timedelta(days=days)),
)
def test_extending_only_ever_moves_the_end_forward_and_never_past_the_maximum(
    pauses: list[timedelta], maximum: timedelta
) -> None:
    span, now = opened(maximum=maximum), START
    for pause in pauses:
        now += pause
        verdict = span.judge(now=now)
        if isinstance(verdict, Expired):
            assert span.ends_at <= now
            return
        if isinstance(verdict, Due):
            assert span.ends_at < verdict.expires_at <= START + maximum
            assert verdict.expires_at - now <= LIFETIME
            assert now - span.updated_at >= REFRESH_AFTER
            span = Span(START, now, verdict.expires_at, maximum)
