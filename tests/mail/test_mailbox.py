from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from auth.rig import opened_store, settings_with
from sessionwire.auth.clock import utc_now
from sessionwire.auth.mail import Letter
from sessionwire.mail.carriers import carrier_of
from sessionwire.mail.mailbox import Mailbox

if TYPE_CHECKING:
    from datetime import datetime

    import pytest

    from sessionwire.store.embedded import EmbeddedMongo
    from sessionwire.store.mongo import Store


def letter(subject: str) -> Letter:
    return Letter("verify_email", "alice@example.com", subject, "Text", "https://x/y")


class Ticking:
    """A clock that moves on whenever it is looked at."""

    def __init__(self) -> None:
        self.at = utc_now()

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


async def test_the_newest_letter_comes_first_with_its_time(store: Store) -> None:
    clock = Ticking()
    mailbox = Mailbox(store, clock=clock)
    for number in range(3):
        await mailbox.carry(letter(str(number)))
    found = await mailbox.latest(2)
    assert [each.subject for each in found] == ["2", "1"]
    assert found[0].at == clock.at
    assert (found[0].kind, found[0].to, found[0].url) == (
        "verify_email",
        "alice@example.com",
        "https://x/y",
    )


async def test_no_more_than_the_newest_200_are_kept(mongo: EmbeddedMongo) -> None:
    async with opened_store(mongo.uri) as store:
        mailbox = Mailbox(store, clock=Ticking())
        for number in range(203):
            await mailbox.carry(letter(str(number)))
        assert await store.count("sessionMail", {}) == 200
        assert [each.subject for each in await mailbox.latest(1)] == ["202"]
        assert await store.count("sessionMail", {"subject": {"$in": ["0", "1", "2"]}}) == 0


async def test_a_letter_is_gone_after_a_day(store: Store) -> None:
    indexes = await store.client[store.name]["sessionMail"].index_information()
    assert indexes["sessionMail_ttl"]["expireAfterSeconds"] == 86_400


async def test_without_a_mail_server_development_keeps_letters_and_production_says_so(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await carrier_of(settings_with(environment="development"), store)(letter("kept"))
    assert [each.subject for each in await Mailbox(store).latest()] == ["kept"]
    assert caplog.text == ""
    carry = carrier_of(settings_with(environment="production"), store)
    assert caplog.text.count("No mail is sent") == 1
    await carry(letter("lost"))
    assert [each.subject for each in await Mailbox(store).latest()] == ["kept"]
