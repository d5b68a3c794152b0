from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from auth.rig import opened_store, settings_with, unique_address
from gateways.auth.browser import Browser, Server, names_in
from sessionwire.model import ObjectId, format_version
from sessionwire.policy.cookies import BetterAuthSigner, PurposeSigner
from sessionwire.reactive.identity import tombstone_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from sessionwire.model import Document
    from sessionwire.store.mongo import Store

TOKEN, MARKER, VERSION = (
    "sessionwire.session_token",
    "sessionwire.dont_remember",
    "sessionwire.version",
)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store, settings_with())


@pytest.fixture
async def browser(server: Server) -> Browser:
    made = server.browser()
    await made.sign_up(unique_address())
    return made


async def stored(store: Store, browser: Browser) -> Document:
    token = browser.jar[TOKEN].partition(".")[0]
    found = await store.find_one("session", {"token": hashlib.sha256(token.encode()).hexdigest()})
    assert found is not None
    return found


async def test_a_session_read_shows_the_session_the_user_and_where_they_are(
    browser: Browser,
) -> None:
    shown = await browser.session()
    assert shown is not None
    assert list(shown) == ["session", "user", "organization", "role", "scope"]
    assert list(shown["session"])[:2] == ["id", "token"]
    assert shown["role"] == "owner"
    assert shown["organization"]["id"] == shown["user"]["activeOrganizationId"]
    assert shown["user"]["onboarded"] is True


async def test_db_03_no_answer_holds_the_token_nor_what_is_stored_of_it(
    server: Server, browser: Browser
) -> None:
    address = unique_address()
    token = browser.jar[TOKEN].partition(".")[0]
    answers = [
        await browser.post(
            "/sign-up/email", {"name": "A", "email": address, "password": "12345678"}
        ),
        await browser.get("/get-session"),
        await browser.get("/list-sessions"),
        await browser.post("/sign-in/email", {"email": address, "password": "12345678"}),
        await browser.post(
            "/change-password",
            {
                "currentPassword": "12345678",
                "newPassword": "123456789",
                "revokeOtherSessions": True,
            },
        ),
    ]
    tokens = {token, *(value.partition(".")[0] for value in [browser.jar[TOKEN]])}
    for each in answers:
        assert each.status_code == 200
        for secret in tokens:
            assert secret not in each.text
            assert hashlib.sha256(secret.encode()).hexdigest() not in each.text


async def test_a_handle_revokes_the_session_that_it_names(server: Server) -> None:
    address = unique_address()
    here, there, stranger = server.browser(), server.browser(), server.browser()
    await here.sign_up(address)
    handle = (await there.sign_in(address))["token"]
    await stranger.sign_up(unique_address())
    assert (await stranger.post("/revoke-session", {"token": handle})).json() == {"status": True}
    assert await there.session() is not None
    await here.post("/revoke-session", {"token": handle})
    assert await there.session() is None
    assert await here.session() is not None


async def test_every_listed_session_can_be_revoked_and_the_own_one_signs_out(
    server: Server,
) -> None:
    address = unique_address()
    here, there = server.browser(), server.browser()
    await here.sign_up(address)
    await there.sign_in(address)
    listed = (await here.get("/list-sessions")).json()
    assert len(listed) == 2
    for each in reversed(listed):
        response = await here.post("/revoke-session", {"token": each["token"]})
    assert names_in(response) == [TOKEN, MARKER]
    assert TOKEN not in here.jar and await there.session() is None


# The cookie


def tampered(value: str) -> dict[str, str]:
    token, _, signature = unquote(value).rpartition(".")
    return {
        "another token": f"{'X' if value[0] != 'X' else 'Y'}{value[1:]}",
        "another signature": f"{token}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "no signature": token,
        "no token": f".{signature}",
        "cut": value[:-4],
        "garbage": "garbage",
        "empty": "",
        "not ASCII": f"{value}\u00e9",
        "too long": value * 200,
        "signed with another key": PurposeSigner(["y" * 40]).sign(token, purpose="session_token"),
        "signed for another purpose": PurposeSigner(["y" * 40]).sign(token, purpose="state"),
    }


@pytest.mark.parametrize("compat", ["none", "better-auth"])
async def test_se_11_a_tampered_cookie_is_nobody_and_is_left_alone(
    store: Store, compat: Any
) -> None:
    server = Server(store, settings_with(compat=compat))
    browser = server.browser()
    await browser.sign_up(unique_address())
    name, value = next((n, v) for n, v in browser.jar.items() if n.endswith("session_token"))
    for how, forged in tampered(value).items():
        sent = f"{name}={forged}".encode().decode("latin-1")
        response = await browser.get("/get-session", cookie=sent)
        assert (response.status_code, response.json()) == (200, None), how
        assert names_in(response) == [], how
        assert (await browser.get("/list-sessions", cookie=sent)).status_code == 401, how
    twice = await browser.get("/get-session", cookie=f"{name}={value}; {name}=x")
    assert twice.json() is None and names_in(twice) == []


@pytest.mark.parametrize("spelling", ["{}", '"{}"'])
async def test_a_better_auth_cookie_is_read_raw_and_quoted(store: Store, spelling: str) -> None:
    server = Server(store, settings_with(compat="better-auth"))
    browser = server.browser()
    await browser.sign_up(unique_address())
    value = unquote(browser.jar["better-auth.session_token"])
    cookie = f"better-auth.session_token={spelling.format(value)}"
    assert (await browser.get("/get-session", cookie=cookie)).json() is not None
    secure = f"__Secure-{cookie}"
    assert (await browser.get("/get-session", cookie=secure)).json() is None


async def test_a_signed_cookie_of_no_session_is_taken_away(store: Store) -> None:
    settings = settings_with(compat="better-auth")
    assert settings.secret is not None
    signer = BetterAuthSigner([settings.secret.get_secret_value()])
    value = signer.sign("z" * 32, purpose="session_token")
    response = (
        await Server(store, settings)
        .browser()
        .get("/get-session", cookie=f"better-auth.session_token={value}")
    )
    assert response.json() is None
    assert names_in(response) == [
        "better-auth.session_token",
        "better-auth.session_data",
        "better-auth.dont_remember",
    ]


async def test_a_session_that_better_auth_opened_goes_on(store: Store) -> None:
    """Its database and its secret are all that is needed."""
    settings = settings_with(compat="better-auth")
    assert settings.secret is not None
    server = Server(store, settings)
    now, id, user_id, token = server.now(), ObjectId(), ObjectId(), "Zz09" * 8
    dates = {"createdAt": now, "updatedAt": now}
    session = {"token": token, "userId": user_id, "expiresAt": now + 7 * DAY, **dates}
    async with store.writing() as writing:
        user = {"name": "Old", "email": unique_address(), "emailVerified": True, **dates}
        await writing.insert_one("user", {"_id": user_id, **user})
        await writing.insert_one("session", {"_id": id, **session})
    value = BetterAuthSigner([settings.secret.get_secret_value()]).sign(
        token, purpose="session_token"
    )
    browser = server.browser()
    browser.jar["better-auth.session_token"] = value
    shown = await browser.session()
    assert shown is not None
    assert shown["session"]["token"] == token and shown["user"]["name"] == "Old"


async def test_a_bearer_without_an_origin_is_a_session_and_gets_no_cookies(
    server: Server, browser: Browser
) -> None:
    bearer = {"authorization": f"Bearer {browser.jar[TOKEN]}"}
    bare = server.bare()
    assert (await bare.get("/get-session", **bearer)).json() is not None
    changed = await bare.post("/update-user", {"name": "B"}, **bearer)
    assert changed.status_code == 200 and names_in(changed) == []
    page = server.browser()
    assert (await page.get("/get-session", **bearer)).json() is None


async def test_se_03_a_cookie_from_before_a_sign_in_never_becomes_a_session(server: Server) -> None:
    address = unique_address()
    await server.browser().sign_up(address)
    attacker = server.browser()
    await attacker.sign_up(unique_address())
    planted = attacker.jar[TOKEN]
    victim = server.browser()
    victim.jar[TOKEN] = planted
    await victim.sign_in(address)
    assert victim.jar[TOKEN] != planted
    shown = await attacker.session()
    assert shown is not None and shown["user"]["email"] != address


# Lifetime


async def test_se_04_a_session_is_extended_when_it_is_read_a_day_later(
    server: Server, browser: Browser
) -> None:
    before = (await browser.session() or {})["session"]
    server.ahead = DAY - 5 * SECOND
    assert names_in(await browser.get("/get-session")) == []
    server.ahead = DAY + SECOND
    response = await browser.get("/get-session")
    after = response.json()["session"]
    assert names_in(response) == [TOKEN]
    assert "Max-Age=604800" in response.headers.get_list("set-cookie")[0]
    assert after["expiresAt"] > before["expiresAt"] and after["updatedAt"] > before["updatedAt"]
    assert response.headers["sessionwire-version"] == browser.jar[VERSION]
    assert names_in(await browser.get("/get-session")) == []


async def test_any_endpoint_that_asks_for_the_session_extends_it(
    server: Server, browser: Browser, store: Store
) -> None:
    before = await stored(store, browser)
    server.ahead = DAY + SECOND
    response = await browser.get("/organization/list")
    assert names_in(response) == [TOKEN]
    assert (await stored(store, browser))["expiresAt"] > before["expiresAt"]


async def test_a_read_may_ask_not_to_extend(server: Server, browser: Browser, store: Store) -> None:
    before = await stored(store, browser)
    server.ahead = DAY + SECOND
    response = await browser.get("/get-session?disableRefresh=true")
    assert response.json() is not None and names_in(response) == []
    assert await stored(store, browser) == before


async def test_se_05_fifty_reads_at_the_edge_extend_once_and_sign_nobody_out(
    server: Server, browser: Browser, store: Store
) -> None:
    server.ahead = DAY + SECOND
    cookie = f"{TOKEN}={browser.jar[TOKEN]}"
    answers = await asyncio.gather(*(browser.get("/get-session", cookie=cookie) for _ in range(50)))
    ends = {each.json()["session"]["expiresAt"] for each in answers}
    assert len(ends) == 1


async def test_an_expired_session_reads_as_null_and_is_taken_away(
    server: Server, browser: Browser
) -> None:
    server.ahead = 7 * DAY + SECOND
    response = await browser.get("/get-session")
    assert response.json() is None and names_in(response) == [TOKEN, MARKER]
    assert "etag" not in response.headers
    assert (await browser.get("/list-sessions")).status_code == 401


async def test_a_session_of_a_deleted_user_reads_as_null(browser: Browser, store: Store) -> None:
    session = await stored(store, browser)
    async with store.writing() as writing:
        await writing.delete_one("user", {"_id": session["userId"]})
    response = await browser.get("/get-session")
    assert response.json() is None and names_in(response) == [TOKEN, MARKER]


async def test_an_unremembered_session_is_never_extended_with_or_without_its_marker(
    server: Server, store: Store
) -> None:
    address = unique_address()
    await server.browser().sign_up(address)
    browser = server.browser()
    await browser.sign_in(address, rememberMe=False)
    assert TOKEN in browser.jar and MARKER in browser.jar
    server.ahead = DAY - 60 * SECOND
    before = await stored(store, browser)
    assert names_in(await browser.get("/get-session")) == []
    assert names_in(await browser.post("/update-user", {"name": "B"})) == [TOKEN, MARKER]
    browser.jar.pop(MARKER)
    assert names_in(await browser.get("/get-session")) == []
    response = await browser.post("/update-user", {"name": "C"})
    assert names_in(response) == [TOKEN, MARKER]
    assert await stored(store, browser) == before


async def test_the_list_of_sessions_needs_a_recent_sign_in(
    server: Server, browser: Browser
) -> None:
    server.ahead = DAY - 5 * SECOND
    assert (await browser.get("/list-sessions")).status_code == 200
    server.ahead = DAY + SECOND
    response = await browser.get("/list-sessions")
    assert response.status_code == 403 and response.json()["code"] == "SESSION_NOT_FRESH"


# Ends


@pytest.mark.parametrize(
    ("path", "reason"), [("/sign-out", "signed_out"), ("/revoke-sessions", "revoked")]
)
async def test_se_06_an_ended_session_is_dead_when_the_answer_comes(
    server: Server, browser: Browser, store: Store, path: str, reason: str
) -> None:
    token = (await stored(store, browser))["token"]
    cookie = f"{TOKEN}={browser.jar[TOKEN]}"
    response = await browser.post(path)
    assert names_in(response) == [TOKEN, MARKER]
    assert (await browser.get("/get-session", cookie=cookie)).json() is None
    replayed = await browser.post("/update-user", {"name": "x"}, cookie=cookie)
    assert replayed.status_code == 401
    stone = await store.find_one("sessionEnd", {"_id": tombstone_id(token)})
    assert stone is not None and stone["reason"] == reason


# Versions


async def test_a_write_answers_with_the_version_at_which_this_process_shows_it(
    server: Server, browser: Browser
) -> None:
    response = await browser.post("/update-user", {"name": "B"})
    version = response.headers["sessionwire-version"]
    assert format_version(server.reader.waited[-1]) == version == browser.jar[VERSION]
    (line,) = [each for each in response.headers.get_list("set-cookie") if each.startswith(VERSION)]
    assert line == f"{VERSION}={version}; Max-Age=30; Path=/; HttpOnly; SameSite=Lax"
    shown = await browser.get("/get-session")
    assert shown.headers["sessionwire-version"] >= version


async def test_what_writes_nothing_has_no_version(server: Server) -> None:
    response = await server.browser().post("/sign-out")
    assert "sessionwire-version" not in response.headers
    assert server.reader.waited == []


async def test_a_write_that_this_process_cannot_show_yet_still_names_its_version(
    server: Server, browser: Browser
) -> None:
    server.reader.reachable = False
    response = await browser.post("/update-user", {"name": "Stands"})
    assert response.status_code == 200
    assert response.headers["sessionwire-version"] == browser.jar[VERSION]
    server.reader.reachable = True
    shown = await browser.session()
    assert shown is not None and shown["user"]["name"] == "Stands"


async def test_a_read_waits_for_the_newest_version_that_the_client_names(
    server: Server, browser: Browser
) -> None:
    asked: list[int] = []
    read = server.reader.read

    async def noting(*args: Any, since: Any, **more: Any) -> Any:
        asked.append(since)
        return await read(*args, **more)

    server.reader.read = noting  # type: ignore[assignment, method-assign]
    at = int(server.now().timestamp())
    old, new, never = [f"{(at + n) << 32:016x}" for n in (-9, -5, 3600)]
    session = f"{TOKEN}={browser.jar[TOKEN]}"
    for cookie, header in ((old, new), (new, old), (new, "garbage"), ("x", new), (new, never)):
        await browser.get(
            "/get-session",
            cookie=f"{session}; {VERSION}={cookie}",
            **{"sessionwire-version": header},
        )
    assert asked == [int(new, 16)] * 5
    await browser.get("/get-session", cookie=session)
    assert asked[-1] == 0


async def test_an_unchanged_session_is_not_sent_again(browser: Browser) -> None:
    first = await browser.get("/get-session")
    again = await browser.get("/get-session", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await browser.post("/update-user", {"name": "New"})
    changed = await browser.get("/get-session", **{"if-none-match": first.headers["etag"]})
    assert changed.status_code == 200 and changed.headers["etag"] > first.headers["etag"]


class LaggingReader:
    """A reader that knows nothing newer than what it is asked to wait for."""

    def __init__(self, server: Server) -> None:
        self.read_now = server.reader.read

    async def read(self, query: str, viewer: Any, args: Any = None, *, since: Any = 0) -> Any:
        answered = await self.read_now(query, viewer, args)
        return answered if since else type(answered)(None, b"null", since, since)


async def test_a_replica_that_lags_takes_nobodys_cookie_away(
    server: Server, browser: Browser
) -> None:
    server.reader.read = LaggingReader(server).read  # type: ignore[method-assign]
    response = await browser.get("/get-session", cookie=f"{TOKEN}={browser.jar[TOKEN]}")
    assert response.json() is not None and names_in(response) == []


# What a GET does


READS: list[Callable[[Browser], Any]] = [
    lambda browser: browser.get("/ok"),
    lambda browser: browser.get("/get-session"),
    lambda browser: browser.get("/list-sessions"),
    lambda browser: browser.get("/organization/list"),
    lambda browser: browser.get("/organization/get-full-organization"),
    lambda browser: browser.get("/organization/get-full-organization?organizationSlug=foreign"),
    lambda browser: browser.get("/organization/list-members"),
]


async def test_no_get_changes_anything(mongodb_uri: str) -> None:
    async with opened_store(mongodb_uri) as store:
        server = Server(store, settings_with())
        browser, stranger = server.browser(), server.browser()
        await browser.sign_up("alice@example.com")
        await stranger.sign_up("bob@example.com")
        await stranger.post("/organization/create", {"name": "F", "slug": "foreign"})

        async def everything() -> list[list[Document]]:
            names = ("user", "session", "account", "organization", "member", "sessionEnd")
            return [await store.find(each, {}, sort=[("_id", 1)]) for each in names]

        before = await everything()
        for read in READS:
            await read(browser)
        assert await everything() == before
