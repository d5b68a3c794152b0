"""Data: nothing that is stored beside what is shown ever leaves (DB of docs/security.md)."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import sessionwire
from sessionwire.gateways.auth.routes import ENDPOINTS

if TYPE_CHECKING:
    import httpx
    import pytest

    from sessionwire.store.mongo import Store
    from support.server import Running

COLLECTIONS = ("user", "session", "account", "organization", "member", "invitation")
QUERIES = ("session", "user", "organizations", "organization", "devices")


async def plant(store: Store) -> list[str]:
    """A secret beside the fields of every document; what must never be seen again."""
    planted = []
    async with store.writing() as writing:
        for name in COLLECTIONS:
            for each in await store.find(name, {}):
                secret = f"canary{secrets.token_hex(8)}"
                hidden = {
                    "passwordHash": secret,
                    "accessToken": secret,
                    "internal": {"flags": [secret]},
                    "notes": secret,
                }
                await writing.update_one(name, {"_id": each["_id"]}, {"$set": hidden})
                planted.append(secret)
    planted += [str(each["password"]) for each in await store.find("account", {})]
    planted += [str(each["token"]) for each in await store.find("session", {})]
    return planted


async def everything_said(http: httpx.AsyncClient, organization: str) -> str:
    said = []
    for endpoint in ENDPOINTS:
        if endpoint.method == "GET" and not endpoint.writes and "{" not in endpoint.path:
            for query in ("", f"?organizationId={organization}"):
                response = await http.get(f"/api/auth{endpoint.path}{query}")
                said.append(response.text + repr(response.headers))
    for path, body in (
        ("/update-user", {"name": "Alice B"}),
        ("/organization/set-active", {"organizationId": organization}),
        ("/organization/update", {"data": {"name": "Acme B"}}),
        ("/organization/invite-member", {"email": "new@example.com", "role": "member"}),
        ("/sign-in/email", {"email": "alice@example.com", "password": "wrong password"}),
    ):
        response = await http.post(f"/api/auth{path}", json=body)
        said.append(response.text + repr(response.headers))
    return "\n".join(said)


async def test_db_03_nothing_stored_beside_what_is_shown_ever_leaves(
    server: Running, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    http = await server.sign_up("Alice")
    body = {"name": "Acme", "slug": "acme"}
    made = (await http.post("/api/auth/organization/create", json=body)).json()
    invited = {"email": "bob@example.com", "role": "member"}
    await http.post("/api/auth/organization/invite-member", json=invited)
    planted = await plant(store)
    assert len(planted) > 8
    live = await server.live(http)
    for id, query in enumerate(QUERIES, start=1):
        await live.subscribe(id, query)
    for id in range(1, len(QUERIES) + 1):
        await live.until_shown(id, bool)
    said = await everything_said(http, made["id"])
    await live.until_shown(2, lambda user: user["name"] == "Alice B")
    said += "\n".join(map(repr, live.frames)) + caplog.text
    assert "Alice B" in said and "Acme B" in said
    for secret in planted:
        assert secret not in said


def test_db_04_no_pattern_of_mongodb_is_made_of_what_somebody_sent() -> None:
    """Where a regular expression reaches MongoDB at all, it is written in the source."""
    package = Path(sessionwire.__file__).parent
    written = re.compile(r'"\$(?:regex|where|function)": (.+)')
    constant = re.compile(r'r?"[^"{]*"|f"\^\{_[A-Z]+\}"')
    found = [
        match[1] for path in package.rglob("*.py") for match in written.finditer(path.read_text())
    ]
    assert found
    assert [each for each in found if not constant.match(each)] == []
