from __future__ import annotations

import asyncio
import string
from datetime import timedelta
from typing import TYPE_CHECKING, get_args

from sessionwire.auth.clock import utc_now
from sessionwire.auth.verifications import Purpose, Verifications
from sessionwire.model import ObjectId

if TYPE_CHECKING:
    from sessionwire.store.mongo import Store

HOUR = timedelta(hours=1)


async def issued(
    store: Store, purpose: Purpose = "verify-email", subject: str | None = None
) -> str:
    async with store.writing() as writing:
        return await Verifications(store).issue(
            writing, purpose, value={"n": 1}, lifetime=HOUR, subject=subject
        )


async def test_pw_10_a_token_has_192_bits_and_is_never_made_twice(store: Store) -> None:
    made = {await issued(store) for _ in range(100)}
    assert len(made) == 100
    alphabet = set(string.ascii_letters + string.digits + "-_")
    assert all(len(each) == 32 and set(each) <= alphabet for each in made)


async def test_se_13_a_token_of_one_purpose_is_unknown_to_every_other(store: Store) -> None:
    verifications = Verifications(store)
    for purpose in get_args(Purpose):
        token = await issued(store, purpose)
        for other in get_args(Purpose):
            known = await verifications.peek(other, token) is not None
            assert known is (other == purpose), (purpose, other)


async def test_a_token_is_looked_at_often_and_taken_once(store: Store) -> None:
    verifications, token = Verifications(store), await issued(store)
    assert await verifications.peek("verify-email", token) == {"n": 1}
    async with store.writing() as writing:
        assert await verifications.take(writing, "verify-email", token) == {"n": 1}
        assert await verifications.take(writing, "verify-email", token) is None
    assert await verifications.peek("verify-email", token) is None


async def test_an_old_token_is_none(store: Store) -> None:
    token = await issued(store)
    later = Verifications(store, clock=lambda: utc_now() + HOUR)
    assert await later.peek("verify-email", token) is None
    async with store.writing() as writing:
        assert await later.take(writing, "verify-email", token) is None


async def test_of_tokens_made_for_one_subject_at_once_one_is_good(store: Store) -> None:
    subject = str(ObjectId())
    tokens = await asyncio.gather(*(issued(store, subject=subject) for _ in range(50)))
    verifications = Verifications(store)
    good = [each for each in tokens if await verifications.peek("verify-email", each)]
    assert len(good) == 1
    assert await store.count("verification", {"subject": f"verify-email:{subject}"}) == 1


async def test_all_tokens_of_a_subject_end_together_and_nobody_elses(store: Store) -> None:
    mine, theirs = str(ObjectId()), str(ObjectId())
    ended = [await issued(store, purpose, subject=mine) for purpose in get_args(Purpose)]
    kept = await issued(store, subject=theirs)
    verifications = Verifications(store)
    async with store.writing() as writing:
        await verifications.forget_all(writing, subject=mine)
    for purpose, token in zip(get_args(Purpose), ended, strict=True):
        assert await verifications.peek(purpose, token) is None
    assert await verifications.peek("verify-email", kept) == {"n": 1}
