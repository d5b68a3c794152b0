"""Replays exchanges recorded from better-auth, and compares every answer with the recorded one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from auth.rig import opened_store, settings_with
from gateways.auth.browser import Server
from sessionwire.auth.memberships import member_id
from sessionwire.auth.sessions import credential_of
from sessionwire.model import parse_id

STEPS = json.loads((Path(__file__).parent / "contract.json").read_text(encoding="utf-8"))

NO_ORIGIN = {"message": "Invalid origin", "code": "INVALID_ORIGIN"}
NAME_TYPE = "[body.name] Invalid input: expected string, received"

# Where we answer otherwise on purpose: why, and what then.
DEVIATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "update-user.empty": (
        "every error has a code",
        {"response": {"message": "No fields to update", "code": "NO_FIELDS_TO_UPDATE"}},
    ),
    "update-user.unknown-field": (
        "every error has a code",
        {"response": {"message": "No fields to update", "code": "NO_FIELDS_TO_UPDATE"}},
    ),
    "update-user.emailVerified-attempt": (
        "every error has a code",
        {"response": {"message": "No fields to update", "code": "NO_FIELDS_TO_UPDATE"}},
    ),
    "update-user.name-number": (
        "a name is a text",
        {
            "status": 400,
            "cookies": [],
            "response": {"message": f"{NAME_TYPE} number", "code": "VALIDATION_ERROR"},
        },
    ),
    "odd.update-user.name-object": (
        "a name is a text",
        {
            "status": 400,
            "cookies": [],
            "response": {"message": f"{NAME_TYPE} object", "code": "VALIDATION_ERROR"},
        },
    ),
    "change-password.other-device-still-in": (
        "a changed password ends every other session",
        {"response": None, "cookies": "<deletion>"},
    ),
    "org.create.unauthenticated": (
        "every error has a body with a code",
        {"response": {"message": "Unauthorized", "code": "UNAUTHORIZED"}},
    ),
    "get-session.stranger-after-non-member-get-full(active nulled)": (
        "a refused GET changes nothing",
        {"response": "<session>"},
    ),
    "org.update-member-role.empty-role": (
        "every error has a body with a code",
        {"response": {"message": "ROLE_NOT_FOUND: ", "code": "ROLE_NOT_FOUND"}},
    ),
    "get-session.removed-member(active NOT cleared)": (
        "a removed member's active organization is unset at once",
        {"response": "<session>"},
    ),
    "org.get-full.removed-member": (
        "a removed member's active organization is unset at once",
        {"status": 200, "response": None},
    ),
    "csrf.no-cookie.update-user.bad-origin": (
        "an untrusted origin is refused with or without a cookie",
        {"status": 403, "response": NO_ORIGIN},
    ),
    "csrf.no-cookie.sign-out.bad-origin": (
        "an untrusted origin is refused with or without a cookie",
        {"status": 403, "response": NO_ORIGIN, "cookies": []},
    ),
}

# Fields that we show where better-auth shows none.
MORE = {
    "organization", "role", "scope", "refreshAt", "onboarded", "activeOrganizationId",
    "image", "logo", "metadata",
}  # fmt: skip

_PLACEHOLDER = re.compile(r"\{\{([^{}]+):([^{}:]+)\}\}")


class Replay:
    """Sends the recorded requests in order, with what this server answered in place of then's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.compat = server.settings.compat == "better-auth"
        self.prefix = "better-auth" if self.compat else "sessionwire"
        self.bodies: dict[str, Any] = {}
        self.cookies: dict[str, dict[str, str]] = {}

    def filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        return _PLACEHOLDER.sub(self._known, value) if isinstance(value, str) else value

    def _known(self, found: re.Match[str]) -> str:
        step, what = found.groups()
        if not what.startswith("/"):
            return self.cookies[step][what]
        value = self.bodies[step]
        for part in what[1:].split("/"):
            value = value[int(part)] if isinstance(value, list) else value[part]
        return str(value)

    async def set_up(self, step: dict[str, Any]) -> None:
        """A membership as an accepted invitation made it, with the active organization it set."""
        store = self.server.store
        organization = parse_id(self.filled(step["organization"]))
        user = await store.find_one("user", {"email": step["email"]})
        assert user is not None
        id = member_id(organization, user["_id"])
        session_token = self.filled(step["session"]).partition(".")[0]
        credential = credential_of(session_token, compat=self.server.settings.compat)
        active = {"$set": {"activeOrganizationId": str(organization)}}
        async with store.writing() as writing:
            await writing.insert_one(
                "member",
                {
                    "_id": id,
                    "organizationId": organization,
                    "userId": user["_id"],
                    "role": step["role"],
                    "createdAt": self.server.now(),
                },
            )
            await writing.update_one("session", {"token": credential}, active)
            await writing.update_one("user", {"_id": user["_id"]}, active)
        self.bodies[step["name"]] = {"id": str(id)}

    async def run(self, step: dict[str, Any]) -> None:
        headers = {k: self.filled(v) for k, v in step.get("headers", {}).items() if v is not None}
        if "cookie" in headers:
            named = re.sub(
                r"(session_token|dont_remember)=", rf"{self.prefix}.\1=", headers["cookie"]
            )
            headers["cookie"] = named
        unnamed = step.get("headers", {}).get("origin", "") is None
        browser = self.server.bare() if unnamed else self.server.browser()
        more = {"content": step["text"]} if "text" in step else {}
        if "body" in step:
            more = {"json": self.filled(step["body"])}
        response = await browser.send(
            step["method"], self.filled(step["path"]), headers=headers, **more
        )
        expected = {**step, **DEVIATIONS.get(step["name"], ("", {}))[1]}
        assert response.status_code == expected["status"], response.text
        self._compare_cookies(response, expected)
        assert response.headers.get("location") == expected.get("location")
        if expected["response"] == "<empty>":
            assert response.content == b""
            assert "content-type" not in response.headers
            return
        assert response.headers["content-type"] == "application/json"
        self.bodies[step["name"]] = response.json()
        self.compare(response.json(), expected["response"], "")

    def _compare_cookies(self, response: Any, expected: dict[str, Any]) -> None:
        lines, kept = [], self.cookies.setdefault(expected["name"], {})
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.removeprefix(f"{self.prefix}.").partition("=")
            value, _, attributes = rest.partition("; ")
            kept[name] = value
            if name != "version":
                lines.append(f"{name}={'<value>' if value else ''}; {attributes}")
        wanted = expected.get("cookies", [])
        if wanted == "<deletion>":
            wanted = [
                f"{name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
                for name in ("session_token", "session_data", "dont_remember")
            ]
        if not self.compat:
            wanted = [each for each in wanted if not each.startswith("session_data")]
        assert lines == wanted

    def compare(self, actual: Any, wanted: Any, where: str) -> None:
        if wanted == "<session>":
            assert actual["session"]["id"], where
        elif isinstance(wanted, dict):
            assert isinstance(actual, dict), where
            assert actual.keys() - wanted.keys() <= MORE, where
            for name, value in wanted.items():
                self.compare(actual[name], value, f"{where}/{name}")
        elif isinstance(wanted, list):
            assert len(actual) == len(wanted), where
            for index, value in enumerate(wanted):
                self.compare(actual[index], value, f"{where}/{index}")
        elif wanted == "<date>":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", actual), where
        elif wanted in ("<id>", "<token>"):
            assert isinstance(actual, str) and actual, where
        elif isinstance(wanted, str) and where.endswith(("/ipAddress", "/userAgent")):
            assert isinstance(actual, str), where
        else:
            assert actual == self.filled(wanted), where


@pytest.mark.parametrize(
    ("compat", "active_organization"), [("better-auth", "session"), ("none", "user")]
)
async def test_recorded_exchanges_are_answered_as_recorded(
    mongodb_uri: str, compat: str, active_organization: str
) -> None:
    settings = settings_with(
        compat=compat, active_organization=active_organization, personal_workspace=False
    )
    async with opened_store(mongodb_uri) as store:
        replay = Replay(Server(store, settings))
        wrong = []
        for step in STEPS:
            if "setup" in step:
                await replay.set_up(step)
                continue
            try:
                await replay.run(step)
            except (AssertionError, LookupError) as error:
                wrong.append(
                    f"{step['name']}: {str(error).splitlines()[0] if str(error) else error!r}"
                )
        assert not wrong, "\n".join(wrong)


def test_deviations_name_recorded_exchanges() -> None:
    assert DEVIATIONS.keys() <= {step["name"] for step in STEPS}
