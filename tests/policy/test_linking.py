from __future__ import annotations

import itertools

import pytest

from sessionwire.policy.linking import (
    Address,
    Decision,
    Owner,
    decide_link,
    decide_sign_in,
    may_unlink,
)

PASSWORD = {"_id": 1, "providerId": "credential", "password": "hash"}
GOOGLE = {"_id": 2, "providerId": "google"}


@pytest.mark.parametrize(
    ("address", "verified", "sign_up"),
    list(itertools.product(Address, [False, True], [False, True])),
)
def test_who_is_known_enters_whatever_is_said_of_an_address(
    address: Address, verified: bool, sign_up: bool
) -> None:
    decision = decide_sign_in(known=True, address=address, verified=verified, sign_up=sign_up)
    assert decision is Decision.ENTER


def test_oi_06_an_account_joins_a_user_in_one_case_only() -> None:
    joined = [
        (address, verified)
        for address, verified in itertools.product(Address, [False, True])
        if decide_sign_in(known=False, address=address, verified=verified, sign_up=True)
        is Decision.JOIN
    ]
    assert joined == [(Address.PROVEN, True)]


@pytest.mark.parametrize(
    ("address", "verified", "decision"),
    [
        (Address.MISSING, False, Decision.NO_EMAIL),
        (Address.MISSING, True, Decision.NO_EMAIL),
        (Address.FREE, False, Decision.CREATE),
        (Address.FREE, True, Decision.CREATE),
        (Address.CLAIMED, False, Decision.NOT_LINKED),
        (Address.CLAIMED, True, Decision.NOT_LINKED),
        (Address.PROVEN, False, Decision.NOT_LINKED),
    ],
)
def test_everybody_else_is_new_or_refused(
    address: Address, verified: bool, decision: Decision
) -> None:
    assert decide_sign_in(known=False, address=address, verified=verified, sign_up=True) is decision


def test_nobody_signs_up_where_that_is_not_wanted() -> None:
    for verified in (False, True):
        decision = decide_sign_in(
            known=False, address=Address.FREE, verified=verified, sign_up=False
        )
        assert decision is Decision.SIGN_UP_DISABLED


def test_an_account_is_linked_unless_it_is_somebody_elses() -> None:
    assert decide_link(Owner.NOBODY) is Decision.JOIN
    assert decide_link(Owner.SELF) is Decision.KEEP
    assert decide_link(Owner.OTHER) is Decision.TAKEN


def test_a_user_keeps_a_way_to_sign_in() -> None:
    both = [PASSWORD, GOOGLE]
    assert may_unlink(GOOGLE, both, providers={"google"})
    assert may_unlink(PASSWORD, both, providers={"google"})
    assert not may_unlink(PASSWORD, [PASSWORD], providers={"google"})
    assert not may_unlink(PASSWORD, both, providers=set())
    empty = {"_id": 3, "providerId": "credential", "password": None}
    assert not may_unlink(GOOGLE, [GOOGLE, empty], providers={"google"})
