"""A real cookie followed through a real server, broken at each link of the chain in turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from doctor.examined import examined_session
from doctor.proxy import Proxy, proxied
from doctor.seen import bad, codes, only
from sessionwire.policy.cookies import BetterAuthSigner
from sessionwire.store.mongo import Store
from support.edge import Edge, edge
from support.people import add_organization, add_person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessionwire.doctor.finding import Finding
    from sessionwire.model import ObjectId
    from sessionwire.settings import Settings
    from sessionwire.store.embedded import EmbeddedMongo
    from support.people import Person

OTHER = "zM4t7Wq2Lx9Rb5Nc8Kd1Hf6Gj3Ps0VaYeUoTiQrX"


@pytest.fixture(scope="module")
async def served(mongo: EmbeddedMongo) -> AsyncIterator[Edge]:
    async with edge(mongo) as one:
        yield one


@pytest.fixture
async def alice(served: Edge) -> Person:
    """Signed in, and the owner of an organization."""
    person = await add_person(served.store, served.settings, "Alice")
    home = await add_organization(served.store, "Acme", {person.id: "owner"})
    await change(served, "user", person.id, activeOrganizationId=str(home))
    return person


async def change(served: Edge, collection: str, id: ObjectId, **fields: Any) -> None:
    async with served.store.writing() as writing:
        await writing.update_one(collection, {"_id": id}, {"$set": fields})
    await served.server.wire.relay.until(writing.version)


async def remove(served: Edge, collection: str, **filter: Any) -> None:
    async with served.store.writing() as writing:
        await writing.delete_many(collection, filter)
    await served.server.wire.relay.until(writing.version)


def known(served: Edge, **changed: Any) -> Settings:
    return served.settings.model_copy(update={"base_url": served.address, **changed})


async def followed(served: Edge, cookie: str, **asked: Any) -> list[Finding]:
    """With the settings of the server, at its own address."""
    return await examined_session(known(served), served.address, cookie, **asked)


async def test_a_session_that_stands_is_shown_on_every_wire(served: Edge, alice: Person) -> None:
    findings = await followed(served, alice.cookie)
    assert bad(findings) == set()
    assert codes(findings) == [
        "session-cookie", "session-document", "session-user",
        "http-read", "after-page", "socket-read",
    ]  # fmt: skip


async def test_following_a_session_changes_nothing(served: Edge, alice: Person) -> None:
    """Not even one that is due to be extended."""
    long_ago = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
    due = {"updatedAt": long_ago, "expiresAt": long_ago + timedelta(days=7)}
    await change(served, "session", alice.session_id, **due)
    await followed(served, f"Cookie: {alice.cookie}")
    after = await served.store.find_one("session", {"_id": alice.session_id})
    assert after is not None and after["expiresAt"] == due["expiresAt"]


@pytest.mark.parametrize(
    ("cookie", "code"),
    [
        ("theme=dark", "cookie-absent"),
        ("__Host-sessionwire.session_token=a.b", "cookie-name-differs"),
        ("sessionwire.session_token=cut", "cookie-malformed"),
        (f"sessionwire.session_token={'a' * 32}.{'b' * 43}", "cookie-signature"),
    ],
)
async def test_a_cookie_that_cannot_work_is_named_first(
    served: Edge, cookie: str, code: str
) -> None:
    assert codes(await followed(served, cookie), "error") == [code]


async def test_a_cookie_that_was_sent_twice_is_named(served: Edge, alice: Person) -> None:
    bob = await add_person(served.store, served.settings, "Bob")
    assert "cookie-twice" in bad(await followed(served, f"{alice.cookie}; {bob.cookie}"))


async def test_a_cookie_of_better_auth_is_told_from_a_forged_one(served: Edge) -> None:
    value = BetterAuthSigner(served.settings.keys).sign("a" * 32, purpose="session_token")
    findings = await followed(served, f"sessionwire.session_token={value}")
    assert "SESSIONWIRE_COMPAT=better-auth" in only(findings, "cookie-signature").remedy


async def test_a_doctor_with_another_secret_than_the_server_says_so(
    served: Edge, alice: Person
) -> None:
    """The cookie is good where it came from: it is the settings that differ."""
    mine = known(served, secret=SecretStr(OTHER))
    findings = await examined_session(mine, served.address, alice.cookie)
    assert codes(findings, "error") == ["cookie-signature", "server-differs"]


async def test_a_doctor_with_another_database_than_the_server_says_so(
    served: Edge, alice: Person
) -> None:
    mine = known(served, database=f"{served.settings.database}_other")
    findings = await examined_session(mine, served.address, alice.cookie)
    assert codes(findings, "error") == ["session-unknown", "server-differs"]
    assert "no sessions" in only(findings, "session-unknown").seen


async def test_a_session_of_another_database_than_the_servers_is_named(
    served: Edge, alice: Person, mongo: EmbeddedMongo
) -> None:
    """The doctor sees it; the server that answers looks elsewhere."""
    async with edge(mongo) as elsewhere:
        findings = await examined_session(known(served), elsewhere.address, alice.cookie)
    assert "server-differs" in codes(findings, "error")
    assert "the session stands in this database" in only(findings, "server-differs").seen


async def test_a_session_that_ended_says_why(served: Edge, alice: Person) -> None:
    async with served.server.http(headers={"cookie": alice.cookie}) as http:
        assert (await http.post("/api/auth/sign-out", json={})).status_code == 200
    finding = only(await followed(served, alice.cookie), "session-ended")
    assert "signed_out" in finding.seen


async def test_a_session_that_nobody_knows_is_told_from_one_that_ended(
    served: Edge, alice: Person
) -> None:
    await remove(served, "session", _id=alice.session_id)
    assert codes(await followed(served, alice.cookie), "error") == ["session-unknown"]


async def test_an_expired_session_says_since_when(served: Edge, alice: Person) -> None:
    ended = datetime.now(UTC) - timedelta(hours=5)
    await change(served, "session", alice.session_id, expiresAt=ended)
    findings = await followed(served, alice.cookie)
    assert {"session-expired", "session-unknown"} & bad(findings)  # or the TTL index was quicker
    assert codes(findings, "error") == codes(findings)[1:]


async def test_a_banned_and_a_missing_user_are_told_apart(served: Edge, alice: Person) -> None:
    await change(served, "user", alice.id, banned=True)
    assert codes(await followed(served, alice.cookie), "error") == ["session-user-banned"]
    await remove(served, "user", _id=alice.id)
    assert codes(await followed(served, alice.cookie), "error") == ["session-user-missing"]


async def test_no_membership_and_an_organization_of_others_are_named(
    served: Edge, alice: Person
) -> None:
    theirs = await add_organization(served.store, "Theirs", {})
    await change(served, "user", alice.id, activeOrganizationId=str(theirs))
    assert "active-organization-refused" in bad(await followed(served, alice.cookie))
    await remove(served, "member", userId=alice.id)
    assert "no-membership" in bad(await followed(served, alice.cookie))


async def test_a_user_whom_no_server_set_up_is_named(served: Edge, mongo: EmbeddedMongo) -> None:
    """In a database that no server follows: the trigger would be quicker than the doctor."""
    name = f"{served.settings.database}_unserved"
    mine = known(served, database=name)
    async with Store.open(mongo.uri, database=name) as store:
        new = await add_person(store, mine, "New", onboardedAt=None)
        findings = await examined_session(mine, served.address, new.cookie)
        await store.client.drop_database(name)
    assert "onboarding-unfinished" in codes(findings, "error")
    assert "server-differs" in codes(findings, "error")


async def test_a_proxy_that_drops_the_cookie_is_told_by_a_bearer(
    served: Edge, alice: Person
) -> None:
    proxy = Proxy(drops=("cookie",), sets={"origin": served.address})
    async with proxied(served.address, proxy) as url:
        findings = await examined_session(known(served, base_url=url), url, alice.cookie)
    assert {"cookie-dropped", "after-unreachable"} == bad(findings)


async def test_a_proxy_that_blocks_the_after_page_is_named(served: Edge, alice: Person) -> None:
    proxy = Proxy(sets={"origin": served.address}, blocks=("/auth/after",))
    async with proxied(served.address, proxy) as url:
        findings = await examined_session(known(served, base_url=url), url, alice.cookie)
    assert bad(findings) == {"after-unreachable"}


async def test_a_proxy_without_the_upgrade_leaves_the_hook_pending(
    served: Edge, alice: Person
) -> None:
    async with proxied(served.address, Proxy(drops=("upgrade", "connection"))) as url:
        findings = await examined_session(known(served, base_url=url), url, alice.cookie)
    assert bad(findings) == {"hook-pending-no-socket"}


async def test_a_proxy_that_swallows_frames_leaves_the_hook_pending(
    served: Edge, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionwire.doctor.looking.live._UPDATE_SECONDS", 0.5)
    proxy = Proxy(sets={"origin": served.address}, swallows=True)
    async with proxied(served.address, proxy) as url:
        findings = await examined_session(known(served, base_url=url), url, alice.cookie)
    assert bad(findings) == {"hook-pending-no-update"}


async def test_a_socket_that_shows_something_else_than_http_is_named(
    served: Edge, alice: Person
) -> None:
    proxy = Proxy(sets={"origin": served.address}, blind=True)
    async with proxied(served.address, proxy) as url:
        findings = await examined_session(known(served, base_url=url), url, alice.cookie)
    assert bad(findings) == {"wires-disagree"}
    assert f"HTTP shows {alice.id}, the live socket null" in only(findings, "wires-disagree").seen


async def test_without_an_address_that_answers_the_chain_ends_at_the_database(
    served: Edge, alice: Person
) -> None:
    findings = await examined_session(known(served), "http://127.0.0.1:1", alice.cookie)
    assert codes(findings, "ok")[:2] == ["session-cookie", "session-document"]
    assert codes(findings, "note") == ["session-not-asked"] and bad(findings) == set()


async def test_a_page_of_an_origin_that_is_not_trusted_is_named(
    served: Edge, alice: Person
) -> None:
    findings = await followed(served, alice.cookie, origin="https://app.other.test")
    assert {"origin-refused", "origin-cross-site"} == bad(findings)


async def test_a_route_that_forwards_nothing_is_named(served: Edge, alice: Person) -> None:
    """The server's read is a route that sees the session, its health check one that does not."""
    sees = await followed(served, alice.cookie, route="/api/auth/get-session")
    assert "route-session" in codes(sees, "ok")
    blind = await followed(served, alice.cookie, route="/api/auth/ok")
    assert "route-sees-no-session" in codes(blind, "error")
    absent = await followed(served, alice.cookie, route="/api/none")
    assert "route-refused" in codes(absent, "error")


async def test_what_the_doctor_says_holds_no_cookie_and_no_token(
    served: Edge, alice: Person
) -> None:
    value = alice.cookie.partition("=")[2]
    for cookie in (alice.cookie, f"{alice.cookie}x", value):
        for each in await followed(served, cookie):
            said = each.seen + each.remedy + each.command
            assert value[:20] not in said
