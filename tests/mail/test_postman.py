from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from sessionwire.auth.mail import Letter
from sessionwire.mail.postman import Postman
from sessionwire.tasks import background

if TYPE_CHECKING:
    import pytest

SECRETS = ("alice@example.com", "tok3n-of-the-link", "Set it here")


def letter(subject: str = "Hello") -> Letter:
    return Letter(
        "reset_password",
        "alice@example.com",
        subject,
        "Set it here: https://x/tok3n-of-the-link",
        "https://x/tok3n-of-the-link",
    )


class Carrier:
    """Fails as often as it is told, and says when it was called."""

    def __init__(self, *, failures: int = 0) -> None:
        self.failures = failures
        self.carried: list[Letter] = []
        self.calls = 0
        self._changed = asyncio.Event()

    async def __call__(self, letter: Letter) -> None:
        self.calls += 1
        self._changed.set()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("550 <alice@example.com> refused, tok3n-of-the-link")
        self.carried.append(letter)

    async def until(self, calls: int) -> None:
        async with asyncio.timeout(10):
            while self.calls < calls:
                self._changed.clear()
                await self._changed.wait()


async def test_letters_are_carried_in_the_background() -> None:
    carrier = Carrier()
    postman = Postman(carrier)
    async with background(postman.run()):
        for number in range(20):
            postman.send(letter(str(number)))
        assert carrier.calls == 0, "who sends does not wait"
        await carrier.until(20)
    assert {each.subject for each in carrier.carried} == {str(number) for number in range(20)}


async def test_a_failing_carrier_is_tried_again_and_lg_02_the_log_keeps_quiet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="sessionwire")
    carrier = Carrier(failures=2)
    postman = Postman(carrier, pauses=(0, 0, 0))
    async with background(postman.run()):
        postman.send(letter())
        await carrier.until(3)
    assert len(carrier.carried) == 1
    assert caplog.text.count("will be tried again: ConnectionError") == 2
    assert not any(secret in caplog.text for secret in SECRETS)


async def test_what_cannot_be_carried_is_given_up_and_the_next_letter_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    carrier = Carrier(failures=2)
    postman = Postman(carrier, pauses=(0,))
    async with background(postman.run()):
        postman.send(letter("first"))
        await carrier.until(2)
        postman.send(letter("second"))
        await carrier.until(3)
    assert [each.subject for each in carrier.carried] == ["second"]
    assert "was given up: ConnectionError" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)


async def test_a_full_queue_drops_and_the_end_counts_what_is_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    started, stuck = asyncio.Event(), asyncio.Event()

    async def carry(letter: Letter) -> None:
        started.set()
        await stuck.wait()

    postman = Postman(carry, queue=2)
    postman.send(letter())
    postman.send(letter())
    postman.send(letter())
    assert caplog.text.count("was dropped: too many wait") == 1
    async with background(postman.run()):
        await started.wait()
        for _ in range(4):
            postman.send(letter())
    assert "4 mails were not sent before the end" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)
