from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from auth.people import DEVICE, House
from auth.rig import Crash, CrashingStore, opened_store, unique_address
from auth.test_passwords import better_auth_hash
from sessionwire.auth.accounts import Accounts
from sessionwire.auth.sessions import Sessions
from sessionwire.errors import BadRequest, Forbidden, PeerError, Unauthorized
from sessionwire.model import ObjectId, Viewer, format_id
from sessionwire.reactive.identity import tombstone_id

if TYPE_CHECKING:
    from sessionwire.auth.sessions import Device, Opened
    from sessionwire.model import Document
    from sessionwire.store.mongo import Store, Writing


async def assert_complete(store: Store, address: str) -> None:
    """Exactly one of everything that belongs to a signed-up user."""
    users = await store.find("user", {"email": address})
    assert len(users) == 1
    user = users[0]
    accounts = await store.find("account", {"userId": user["_id"]})
    members = await store.find("member", {"userId": user["_id"]})
    assert [(a["providerId"], a["accountId"]) for a in accounts] == [
        ("credential", format_id(user["_id"]))
    ]
    assert [m["role"] for m in members] == ["owner"]
    assert user["onboardedAt"] is not None
    assert user["activeOrganizationId"] == format_id(members[0]["organizationId"])
    assert await store.count("organization", {"_id": members[0]["organizationId"]}) == 1


async def test_who_signs_up_is_set_up_and_signed_in(store: Store) -> None:
    house = House(store)
    address = unique_address("Alice")
    entered = await house.sign_up(address)
    await assert_complete(store, address.lower())
    assert entered.user["email"] == address.lower()
    who = await house.again(entered)
    assert who.session["activeOrganizationId"] == who.user["activeOrganizationId"]


async def test_of_fifty_sign_ups_with_one_address_one_succeeds(store: Store) -> None:
    house = House(store)
    address = unique_address("race")
    done = await asyncio.gather(
        *(house.sign_up(address) for _ in range(50)), return_exceptions=True
    )
    refused = [each for each in done if isinstance(each, PeerError)]
    assert len(refused) == 49
    codes = {each.code for each in refused}
    assert codes <= {"FAILED_TO_CREATE_USER", "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"}
    await assert_complete(store, address)


async def test_losers_of_a_race_leave_no_account_behind(mongodb_uri: str) -> None:
    async with opened_store(mongodb_uri) as store:
        house = House(store)
        await asyncio.gather(
            *(house.sign_up("race@example.com") for _ in range(8)), return_exceptions=True
        )
        assert await store.count("account", {}) == 1
        assert await store.count("organization", {}) == 1


@pytest.mark.parametrize("crash_at", range(8))
async def test_a_crash_during_sign_up_neither_blocks_the_address_nor_doubles_anything(
    store: Store, crash_at: int
) -> None:
    address = unique_address("crash")
    crashing = House(CrashingStore(store, crash_at=crash_at))
    house = House(store)
    try:
        await crashing.sign_up(address)
        crashed = False
    except Crash:
        crashed = True
    assert crashed is (crash_at < 6)  # account, user, member, organization, mark, session
    try:
        await house.sign_up(address)
    except PeerError as error:
        assert error.code == "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"
        await house.sign_in(address)
    await assert_complete(store, address)


@pytest.mark.parametrize(
    ("password", "code"),
    [("1234567", "PASSWORD_TOO_SHORT"), ("a" * 129, "PASSWORD_TOO_LONG")],
)
async def test_a_password_of_the_wrong_length_is_refused(
    store: Store, password: str, code: str
) -> None:
    house = House(store)
    async with store.writing() as writing:
        with pytest.raises(BadRequest) as refused:
            await house.accounts.sign_up(
                writing,
                name="x",
                email=unique_address(),
                password=password,
                image=None,
                device=DEVICE,
            )
    assert refused.value.code == code


async def test_a_sign_in_fails_alike_whatever_is_wrong(store: Store) -> None:
    house = House(store)
    known = (await house.sign_up()).user["email"]
    social = unique_address("social")
    async with store.writing() as writing:
        await writing.insert_one("user", {"_id": ObjectId(), "name": "S", "email": social})
    refusals = set()
    for address, password in (
        (known, "wrong-password"),
        (known, ""),
        (unique_address("nobody"), "password1234"),
        (social, "password1234"),
    ):
        with pytest.raises(Unauthorized) as refused:
            await house.sign_in(address, password)
        refusals.add((refused.value.code, refused.value.message))
    assert refusals == {("INVALID_EMAIL_OR_PASSWORD", "Invalid email or password")}


async def test_a_banned_user_does_not_sign_in(store: Store) -> None:
    house = House(store)
    user = (await house.sign_up()).user
    async with store.writing() as writing:
        await writing.update_one("user", {"_id": user["_id"]}, {"$set": {"banned": True}})
    with pytest.raises(Forbidden):
        await house.sign_in(user["email"])


async def better_auth_user(store: Store, password: str = "password1234") -> Document:
    """A user as better-auth left them."""
    id, address = ObjectId(), unique_address("old")
    account = {
        "userId": id,
        "providerId": "credential",
        "accountId": str(id),
        "password": better_auth_hash(password),
    }
    async with store.writing() as writing:
        await writing.insert_one("user", {"_id": id, "name": "Old", "email": address})
        await writing.insert_one("account", {"_id": ObjectId(), **account})
    return {"_id": id, "email": address}


async def test_a_better_auth_user_signs_in_is_set_up_and_gets_a_new_hash(store: Store) -> None:
    house = House(store)
    user = await better_auth_user(store)
    for _ in range(2):
        await house.sign_in(user["email"])
    await assert_complete(store, user["email"])
    account = await store.find_one("account", {"userId": user["_id"]})
    assert account is not None and account["password"].startswith("$argon2id$")


async def test_sign_ins_that_replace_a_hash_at_once_all_succeed(store: Store) -> None:
    house = House(store)
    user = await better_auth_user(store)
    entered = await asyncio.gather(*(house.sign_in(user["email"]) for _ in range(5)))
    assert len({each.opened.token for each in entered}) == 5
    await assert_complete(store, user["email"])


async def change(
    house: House, who: Any, *, current: str, new: str, device: Device | None = None
) -> Opened | None:
    async with house.store.writing() as writing:
        return await house.changes.change(writing, who, current=current, new=new, device=device)


async def test_se_07_a_changed_password_ends_every_other_session_and_says_why(store: Store) -> None:
    house = House(store)
    first = await house.sign_up()
    second = await house.sign_in(first.user["email"])
    here = await house.again(first)
    assert await change(house, here, current="password1234", new="new-password") is None
    assert await house.sessions.find(Viewer(first.opened.document["token"])) is not None
    ended = second.opened.document["token"]
    assert await house.sessions.find(Viewer(ended)) is None
    stone = await store.find_one("sessionEnd", {"_id": tombstone_id(ended)})
    assert stone is not None and stone["reason"] == "password_changed"
    with pytest.raises(Unauthorized):
        await house.sign_in(first.user["email"])
    await house.sign_in(first.user["email"], "new-password")


@pytest.mark.parametrize("crash_at", range(8))
@pytest.mark.parametrize("device", [None, DEVICE], ids=["kept", "anew"])
async def test_se_07_no_crash_leaves_a_session_of_the_old_password(
    store: Store, crash_at: int, device: Device | None
) -> None:
    house = House(store)
    first = await house.sign_up()
    other = (await house.sign_in(first.user["email"])).opened.document["token"]
    crashing = House(CrashingStore(store, crash_at=crash_at))
    here = await house.again(first)
    with contextlib.suppress(Crash):
        await change(crashing, here, current="password1234", new="new-password", device=device)
    changed = await house.sessions.find(Viewer(other)) is None
    assert changed is (crash_at > 2 if device is None else crash_at > 5)
    await house.sign_in(first.user["email"], "new-password" if changed else "password1234")


async def test_this_device_may_get_a_new_session_with_the_new_password(store: Store) -> None:
    house = House(store)
    entered = await house.sign_up()
    here = await house.again(entered)
    opened = await change(house, here, current="password1234", new="new-password", device=DEVICE)
    assert opened is not None
    assert await house.sessions.find(Viewer(here.session["token"])) is None
    assert await house.sessions.find(Viewer(opened.document["token"])) is not None


@pytest.mark.parametrize(
    ("current", "new", "code"),
    [
        ("wrong-password", "new-password", "INVALID_PASSWORD"),
        ("x" * 5000, "new-password", "INVALID_PASSWORD"),
        ("password1234", "short", "PASSWORD_TOO_SHORT"),
    ],
)
async def test_a_refused_change_leaves_everything_as_it_was(
    store: Store, current: str, new: str, code: str
) -> None:
    house = House(store)
    entered = await house.sign_up()
    other = await house.sign_in(entered.user["email"])
    with pytest.raises(BadRequest) as refused:
        await change(house, await house.again(entered), current=current, new=new)
    assert refused.value.code == code
    assert await house.sessions.find(Viewer(other.opened.document["token"])) is not None
    await house.sign_in(entered.user["email"])


async def test_of_two_changes_from_one_password_one_succeeds(store: Store) -> None:
    house = House(store)
    first = await house.sign_up()
    second = await house.sign_in(first.user["email"])
    done = await asyncio.gather(
        change(house, await house.again(first), current="password1234", new="password-one"),
        change(house, await house.again(second), current="password1234", new="password-two"),
        return_exceptions=True,
    )
    assert [type(each) for each in done].count(BadRequest) == 1


class OutrunSessions(Sessions):
    """Opens a session only after the password was changed elsewhere."""

    change_first: Any = None

    async def open(self, writing: Writing, user: Document, device: Device) -> Opened:
        await self.change_first()
        return await super().open(writing, user, device)


async def test_a_sign_in_that_a_change_of_password_outran_leaves_no_session(store: Store) -> None:
    house = House(store)
    entered = await house.sign_up()
    here = await house.again(entered)
    sessions = OutrunSessions(store, compat="none")
    sessions.change_first = lambda: change(house, here, current="password1234", new="new-password")
    accounts = Accounts(
        store, sessions=sessions, credentials=house.credentials, personal_workspace=True
    )
    async with store.writing() as writing:
        with pytest.raises(Unauthorized):
            await accounts.sign_in(
                writing, email=entered.user["email"], password="password1234", device=DEVICE
            )
    kept = await store.find("session", {"userId": entered.user["_id"]})
    assert [each["_id"] for each in kept] == [here.session["_id"]]


async def test_a_profile_changes_in_the_fields_that_are_given(store: Store) -> None:
    house = House(store)
    who = await house.person()
    async with store.writing() as writing:
        await house.accounts.update_profile(writing, who.user, {"image": "https://x/y.png"})
    user = (await house.now(who)).user
    assert (user["name"], user["image"]) == ("Alice", "https://x/y.png")
    assert user["updatedAt"] >= who.user["updatedAt"]
