"""A request that says which organization it is about: acted on there, or refused (P8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from auth.rig import settings_with, unique_address
from gateways.auth.browser import Browser, Server
from sessionwire.gateways.auth.routes import ENDPOINTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sessionwire.store.mongo import Store

STRANGER = "USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION"


class Tab:
    """Somebody with an active organization and `other`, which this tab is pinned to."""

    def __init__(self, browser: Browser, active: str, other: str) -> None:
        self.browser = browser
        self.active = active
        self.other = other

    @classmethod
    async def of(cls, server: Server) -> Tab:
        browser = server.browser()
        await browser.sign_up(unique_address())
        body = {"name": "Other", "slug": unique_address().partition("@")[0]}
        body["keepCurrentActiveOrganization"] = True  # type: ignore[assignment]
        made = await browser.post("/organization/create", body)
        assert made.status_code == 200, made.text
        shown = await browser.session()
        assert shown is not None
        return cls(browser, shown["organization"]["id"], made.json()["id"])

    async def get(self, path: str, *, pin: str | None = None, **headers: str) -> Any:
        headers["sessionwire-organization"] = self.other if pin is None else pin
        return await self.browser.get(path, **headers)

    async def post(self, path: str, body: object = None, *, pin: str | None = None) -> Any:
        header = self.other if pin is None else pin
        return await self.browser.post(path, body, **{"sessionwire-organization": header})


@pytest.fixture(params=["user", "session"])
def server(store: Store, request: pytest.FixtureRequest) -> Server:
    return Server(store, settings_with(active_organization=request.param))


@pytest.fixture
async def tab(server: Server) -> Tab:
    return await Tab.of(server)


async def test_a_session_read_is_of_that_organization(tab: Tab) -> None:
    shown = (await tab.get("/get-session")).json()
    assert shown["organization"]["id"] == shown["session"]["activeOrganizationId"] == tab.other
    assert shown["role"] == "owner"
    plain = await tab.browser.session()
    assert plain is not None
    assert plain["organization"]["id"] == tab.active
    assert plain["scope"] != shown["scope"]


async def test_its_etag_is_of_that_organization(tab: Tab) -> None:
    plain, pinned = await tab.browser.get("/get-session"), await tab.get("/get-session")
    etag = pinned.headers["etag"]
    assert etag != plain.headers["etag"]
    assert (await tab.get("/get-session", **{"if-none-match": etag})).status_code == 304
    again = await tab.browser.get("/get-session", **{"if-none-match": etag})
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/organization/get-full-organization", None),
        ("/organization/get-organization", None),
        ("/organization/update", {"data": {"name": "Renamed"}}),
    ],
)
async def test_what_names_no_organization_is_done_there(
    tab: Tab, path: str, body: Mapping[str, Any] | None
) -> None:
    answer = await (tab.get(path) if body is None else tab.post(path, body))
    assert answer.status_code == 200 and answer.json()["id"] == tab.other


async def test_members_invitations_and_permissions_are_of_there(tab: Tab) -> None:
    members = (await tab.get("/organization/list-members")).json()["members"]
    assert {each["organizationId"] for each in members} == {tab.other}
    mine = await tab.get("/organization/get-active-member")
    assert mine.json()["organizationId"] == tab.other
    invited = await tab.post(
        "/organization/invite-member", {"email": unique_address(), "role": "member"}
    )
    assert invited.json()["organizationId"] == tab.other
    assert (await tab.get("/organization/list-invitations")).json()[0]["id"] == invited.json()["id"]
    may = await tab.post("/organization/has-permission", {"permissions": {"member": ["create"]}})
    assert may.json()["success"] is True


async def test_what_names_an_organization_is_done_in_that_one(tab: Tab) -> None:
    answer = await tab.get(f"/organization/get-organization?organizationId={tab.active}")
    assert answer.json()["id"] == tab.active


async def test_no_organization_is_a_choice_for_the_user_not_for_the_tab(tab: Tab) -> None:
    answer = await tab.post("/organization/set-active", {"organizationId": None})
    assert answer.status_code == 200
    plain = await tab.browser.session()
    assert plain is not None and plain["organization"] is None
    assert (await tab.get("/get-session")).json()["organization"]["id"] == tab.other


async def test_whose_membership_is_gone_is_refused_at_once(server: Server, tab: Tab) -> None:
    guest = server.browser()
    email = unique_address()
    await guest.sign_up(email)
    body = {"email": email, "role": "member"}
    invited = (await tab.post("/organization/invite-member", body)).json()
    pin = {"sessionwire-organization": tab.other}
    refused = await guest.get("/get-session", **pin)
    assert (refused.status_code, refused.json()["code"]) == (403, STRANGER)
    accepted = await guest.post("/organization/accept-invitation", {"invitationId": invited["id"]})
    assert accepted.status_code == 200
    assert (await guest.get("/get-session", **pin)).json()["role"] == "member"
    assert (await tab.post("/organization/remove-member", {"memberIdOrEmail": email})).is_success
    refused = await guest.get("/get-session", **pin)
    assert (refused.status_code, refused.json()["code"]) == (403, STRANGER)
    assert await guest.session() is not None


@pytest.mark.parametrize("pin", ["", "x" * 200, "000000000000000000000000", '{"$ne":null}', '"'])
async def test_an_organization_that_is_not_theirs_is_refused_everywhere(
    tab: Tab, store: Store, pin: str
) -> None:
    """Whatever would ask who speaks, and before it does anything."""
    refused = await tab.get("/get-session", pin=pin)
    assert (refused.status_code, refused.json()["code"]) == (403, STRANGER)
    before = [await store.find(name, {}) for name in ("organization", "member", "invitation")]
    for endpoint in ENDPOINTS:
        if endpoint.session and endpoint.method == "GET" and not endpoint.query.fields:
            refused = await tab.get(endpoint.path, pin=pin)
            assert (refused.status_code, refused.json()["code"]) == (403, STRANGER), endpoint.path
    refused = await tab.post("/organization/update", {"data": {"name": "Renamed"}}, pin=pin)
    assert (refused.status_code, refused.json()["code"]) == (403, STRANGER)
    assert [
        await store.find(name, {}) for name in ("organization", "member", "invitation")
    ] == before
    assert (await tab.post("/sign-out", pin=pin)).status_code == 200
    assert await tab.browser.session() is None


async def test_two_organizations_in_one_request_are_none(tab: Tab) -> None:
    pin = f"{tab.other}, {tab.other}"
    assert (await tab.get("/get-session", pin=pin)).status_code == 403


async def test_nobody_is_nobody_in_every_organization(server: Server, tab: Tab) -> None:
    answer = await server.browser().get("/get-session", **{"sessionwire-organization": tab.other})
    assert (answer.status_code, answer.json()) == (200, None)
