"""Security events out: what they say, and that each arrives at least once."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sessionwire.app import SessionWire
from sessionwire.auth.events import Event, EventKind, Events
from sessionwire.errors import StartupError
from sessionwire.settings import load_settings
from sessionwire.tasks import background
from sessionwire.webhook.delivery import Delivery
from sessionwire.webhook.outbox import EventOutbox
from sessionwire.webhook.tokens import Sender
from support.server import PASSWORD, run_server
from webhook.receiver import SECRET, Receiver, free_port, receiving

if TYPE_CHECKING:
    import contextlib
    from collections.abc import AsyncIterator

    from sessionwire.model import Version
    from sessionwire.settings import Settings
    from sessionwire.store.mongo import Store

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"


@dataclass
class Process:
    """One process's outbox and deliverers, with a clock that can be moved."""

    store: Store
    url: str
    ahead: timedelta = field(default_factory=timedelta)

    def __post_init__(self) -> None:
        self.outbox = EventOutbox(self.store, clock=self.now, until=self.until)
        self.events = Events(outbox=self.outbox)
        self.shown = asyncio.Event()
        self.shown.set()

    async def until(self, version: Version) -> None:
        await self.shown.wait()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def delivering(self, *, deadline: float = 5.0) -> contextlib.AbstractAsyncContextManager[None]:
        sender = Sender("https://issuer.example", self.url, SECRET)
        delivery = Delivery(
            self.outbox, sender=sender, clock=self.now, deadline=deadline, poll=0.01
        )
        return background(delivery.run())

    async def note(
        self, kind: EventKind = "user_deleted", user_id: str = "u", **more: Any
    ) -> Event:
        """As a process does that dies before the change."""
        event = Event(kind, self.now(), user_id, **more)
        async with self.store.writing() as writing:
            await self.events.note(writing, event)
        return event

    async def happen(
        self, kind: EventKind = "user_deleted", user_id: str = "u", **more: Any
    ) -> Event:
        event = await self.note(kind, user_id, **more)
        async with self.store.writing() as writing:
            await self.events.tell([event], version=writing.version)
        return event

    async def stored(self) -> list[Any]:
        return list(await self.store.find("sessionEvent", {}))

    async def until_attempts(self, count: int) -> Any:
        """The one event, once so many tries have failed."""
        async with asyncio.timeout(15):
            while True:
                (event,) = await self.stored()
                free = event["dueAt"] - self.now() < timedelta(seconds=30)
                if event["attempts"] == count and free:
                    return event
                await asyncio.sleep(0.005)

    async def until_empty(self) -> None:
        async with asyncio.timeout(15):
            while await self.stored():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def process(store: Store, receiver: Receiver) -> Process:
    return Process(store, receiver.url)


async def test_an_event_arrives_signed_and_once(process: Process, receiver: Receiver) -> None:
    async with process.delivering():
        event = await process.happen("session_ended", session_id="s", reason="revoked")
        (claims,) = await receiver.until(1)
        await process.until_empty()
    assert receiver.headers[0]["content-type"] == "application/secevent+jwt"
    assert claims.pop("toe") == int(event.at.timestamp() * 1000) / 1000
    assert claims == {
        "iss": "https://issuer.example",
        "aud": receiver.url,
        "jti": event.id,
        "txn": event.id,
        "iat": int(event.at.timestamp()),
        "sub_id": {
            "format": "complex",
            "user": {"format": "iss_sub", "iss": "https://issuer.example", "sub": "u"},
            "session": {"format": "opaque", "id": "s"},
        },
        "events": {
            CAEP + "session-revoked": {
                "event_timestamp": int(event.at.timestamp()),
                "initiating_entity": "user",
                "reason_admin": {"en": "revoked"},
            }
        },
    }


@pytest.mark.parametrize(
    ("kind", "type", "said"),
    [
        (
            "credential_changed",
            CAEP + "credential-change",
            {"credential_type", "change_type", "event_timestamp"},
        ),
        ("email_changed", RISC + "identifier-changed", set()),
        ("user_deleted", RISC + "account-purged", set()),
    ],
)
async def test_each_kind_has_its_type(
    process: Process, receiver: Receiver, kind: EventKind, type: str, said: set[str]
) -> None:
    async with process.delivering():
        await process.happen(kind, "someone")
        (claims,) = await receiver.until(1)
    assert {name: set(each) for name, each in claims["events"].items()} == {type: said}
    assert claims["sub_id"]["sub"] == "someone"


async def test_who_is_told_can_see_it(process: Process, receiver: Receiver) -> None:
    process.shown.clear()
    async with process.delivering():
        await process.happen()
        for _ in range(20):
            await process.stored()
        assert receiver.claims == []
        process.shown.set()
        await receiver.until(1)


async def test_what_is_no_security_event_stays(process: Process) -> None:
    for kind in ("signed_in", "user_created", "user_updated"):
        await process.happen(kind)
    assert await process.stored() == []


async def test_two_processes_deliver_each_event_once(store: Store, receiver: Receiver) -> None:
    one, other = Process(store, receiver.url), Process(store, receiver.url)
    async with one.delivering(), other.delivering():
        some = [await one.happen(user_id=str(n)) for n in range(25)]
        late = [await other.note(user_id=str(n)) for n in range(25)]
        one.ahead = other.ahead = timedelta(seconds=11)
        await receiver.until(50)
        await one.until_empty()
    assert sorted(each["jti"] for each in receiver.claims) == sorted(
        each.id for each in (*some, *late)
    )


async def test_a_refusal_is_tried_again_later_and_later(
    process: Process, receiver: Receiver
) -> None:
    receiver.answers = [500, 400, 202]
    async with process.delivering():
        await process.happen()
        for attempts, longest in ((1, 1.5), (2, 3.0)):
            failed = await process.until_attempts(attempts)
            assert failed["dueAt"] - process.now() <= timedelta(seconds=longest)
            assert len(receiver.claims) == attempts
            process.ahead += timedelta(seconds=longest)
        await receiver.until(3)
        await process.until_empty()
    assert len({each["jti"] for each in receiver.claims}) == 1
    assert receiver.claims[0] == receiver.claims[2]


async def test_a_redirect_is_a_refusal(process: Process, receiver: Receiver) -> None:
    receiver.answers = [307]
    async with process.delivering():
        await process.happen()
        await process.until_attempts(1)
    assert receiver.redirected == 0


async def test_a_receiver_that_hangs_is_left(process: Process, receiver: Receiver) -> None:
    receiver.answers = [0, 202]
    async with process.delivering(deadline=0.2):
        await process.happen()
        await process.until_attempts(1)
        process.ahead += timedelta(seconds=2)
        await receiver.until(2)
        await process.until_empty()


async def test_a_receiver_that_is_down_gets_it_when_it_is_back(store: Store) -> None:
    port = free_port()
    process = Process(store, f"http://127.0.0.1:{port}/events")
    async with process.delivering():
        event = await process.happen()
        await process.until_attempts(1)
        async with receiving(port) as receiver:
            process.ahead += timedelta(seconds=2)
            assert (await receiver.until(1))[0]["jti"] == event.id
            await process.until_empty()


async def test_a_process_that_dies_before_the_change_has_told_of_it(
    store: Store, receiver: Receiver
) -> None:
    dead, alive = Process(store, receiver.url), Process(store, receiver.url)
    event = await dead.note("credential_changed")
    async with alive.delivering():
        for _ in range(5):
            assert await alive.outbox.next(within=0) is None, "the change may be under way"
        alive.ahead = timedelta(seconds=11)
        assert (await receiver.until(1))[0]["jti"] == event.id


async def test_a_process_that_dies_while_it_delivers_leaves_it_to_others(
    store: Store, receiver: Receiver
) -> None:
    dead, alive = Process(store, receiver.url), Process(store, receiver.url)
    event = await dead.happen()
    assert await dead.outbox.next(within=1) is not None
    async with alive.delivering():
        alive.ahead = timedelta(seconds=59)
        assert await alive.outbox.next(within=0) is None
        alive.ahead = timedelta(seconds=61)
        assert (await receiver.until(1))[0]["jti"] == event.id


async def test_what_another_program_left_there_stops_nothing(
    process: Process, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = {"_id": "theirs", "dueAt": process.now() - timedelta(days=1)}
    async with process.store.writing() as writing:
        await writing.insert_one("sessionEvent", foreign)
    async with process.delivering():
        async with asyncio.timeout(15):
            while "is no event" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        event = await process.happen()
        (claims,) = await receiver.until(1)
    assert claims["jti"] == event.id


async def test_after_three_days_it_is_given_up(
    process: Process, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [500]
    async with process.delivering():
        event = await process.happen()
        await process.until_attempts(1)
        process.ahead = timedelta(days=3)
        await process.until_empty()
    assert f"Giving up user_deleted {event.id}" in caplog.text


async def test_an_event_of_an_aborted_transaction_is_not_there(
    process: Process, store: Store
) -> None:
    async with store.writing() as writing:

        async def work() -> None:
            await process.events.note(writing, Event("user_deleted", process.now(), "u"))
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await writing.atomically("user", "u", work)
    assert await process.stored() == []


async def test_the_server_tells_what_people_do(
    settings: Settings, store: Store, receiver: Receiver
) -> None:
    given = load_settings(
        mongodb_uri=settings.mongodb_uri,
        database=settings.database,
        secret=settings.secret,
        webhook_url=receiver.url,
        webhook_secret=SECRET,
    )
    async with run_server(given, wire=SessionWire(given)) as server:
        http = await server.sign_up("Alice")
        await server.sign_in("Alice")
        view = (await http.get("/api/auth/get-session")).json()
        change = {"currentPassword": PASSWORD, "newPassword": PASSWORD + "!"}
        assert (await http.post("/api/auth/change-password", json=change)).status_code == 200
        assert (await http.post("/api/auth/sign-out")).status_code == 200
        await receiver.until(3)
        address = server.address
    types = {type: each for each in receiver.claims for type in each["events"]}
    assert {type.removeprefix(CAEP) for type in types} == {"session-revoked", "credential-change"}
    changed = types[CAEP + "credential-change"]
    assert changed["sub_id"] == {"format": "iss_sub", "iss": address, "sub": view["user"]["id"]}
    ended = [each for each in receiver.claims if CAEP + "session-revoked" in each["events"]]
    reasons = {
        each["events"][CAEP + "session-revoked"]["reason_admin"]["en"]: each for each in ended
    }
    assert reasons.keys() == {"password_changed", "signed_out"}
    assert reasons["password_changed"]["txn"] == changed["txn"] != reasons["signed_out"]["txn"]
    assert reasons["signed_out"]["sub_id"]["session"]["id"] == view["session"]["id"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"webhook_url": "https://x.example"}, "WEBHOOK_SECRET"),
        ({"webhook_secret": SECRET}, "WEBHOOK_URL"),
        ({"webhook_url": "https://x.example", "webhook_secret": "short"}, "WEBHOOK_SECRET"),
        (
            {
                "webhook_url": "http://x.example",
                "webhook_secret": SECRET,
                "environment": "production",
                "base_url": "https://a.example",
            },
            "WEBHOOK_URL",
        ),
        ({"webhook_url": "ftp://x.example", "webhook_secret": SECRET}, "WEBHOOK_URL"),
    ],
)
def test_a_webhook_that_would_not_be_safe_refuses_to_start(
    given: dict[str, Any], says: str
) -> None:
    with pytest.raises(StartupError, match=says):
        load_settings(secret=SECRET, **given)
