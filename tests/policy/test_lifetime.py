from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessionwire.policy.lifetime import LIFETIME, Due, Expired, Fresh, Lifetime, judge, refresh_at

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (timedelta(0), Fresh()),
        (DAY - SECOND, Fresh()),
        (DAY, Due(START + DAY + LIFETIME)),
        (DAY + SECOND, Due(START + DAY + SECOND + LIFETIME)),
        (LIFETIME - SECOND, Due(START + LIFETIME - SECOND + LIFETIME)),
        (LIFETIME, Expired()),
        (LIFETIME + SECOND, Expired()),
    ],
)
def test_a_session_is_extended_after_a_day_and_over_after_a_week(
    after: timedelta, verdict: Lifetime
) -> None:
    assert judge(expires_at=START + LIFETIME, updated_at=START, now=START + after) == verdict


def test_a_session_of_one_day_is_never_extended() -> None:
    assert refresh_at(expires_at=START + DAY, updated_at=START) is None
    near = START + DAY - SECOND
    assert judge(expires_at=START + DAY, updated_at=START, now=near) == Fresh()
