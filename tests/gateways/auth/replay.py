"""Sends recorded requests in order, with what this server answered in place of then's."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from gateways.auth.deviations import DEVIATIONS, EXTRA_FIELDS
from sessionwire.auth.sessions import credential_of
from sessionwire.model import parse_id

if TYPE_CHECKING:
    from httpx import Response

    from gateways.auth.browser import Server

__all__ = ["Replay"]

_PLACEHOLDER = re.compile(r"\{\{([^{}|]+)(?:\|([a-z]+))?\}\}")
_DELETED = ("session_token", "session_data", "dont_remember")


class Replay:
    """One recorded conversation; the database is written to where the recorder wrote to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.compat = server.settings.compat == "better-auth"
        self.shield = ""
        if server.settings.secure:
            self.shield = "__Secure-" if self.compat else "__Host-"
        self.prefix = self.shield + ("better-auth" if self.compat else "sessionwire")
        self.bodies: dict[str, Any] = {}
        self.cookies: dict[str, dict[str, str]] = {}

    # What stands for what was recorded

    def filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self.filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        return _PLACEHOLDER.sub(self._known, value) if isinstance(value, str) else value

    def _known(self, found: re.Match[str]) -> str:
        named, how = found.groups()
        if how == "letter":
            return self._token_in_letter(named)
        if how == "signed":
            signer = self.server.backing.cookies._signer
            return signer.sign(named, purpose="session_token")
        step, _, what = named.rpartition(":")
        value = self._pointed(step, what) if what.startswith("/") else self.cookies[step][what]
        return {
            None: value,
            "raw": unquote(value),
            "tail": value[1:],
            "token": unquote(value).rpartition(".")[0],
        }[how]

    def _pointed(self, step: str, pointer: str) -> str:
        path, _, parameter = pointer.partition("?")
        value = self.bodies[step]
        for part in path[1:].split("/"):
            value = value[int(part)] if isinstance(value, list) else value[part]
        return parse_qs(urlsplit(value).query)[parameter][0] if parameter else str(value)

    def _token_in_letter(self, kind: str) -> str:
        link = [each.url for each in self.server.letters if each.kind == kind][-1]
        assert link is not None
        url = urlsplit(link)
        given = parse_qs(url.query).get("token")
        return given[0] if given else url.path.rpartition("/")[2]

    # What the recorder did behind the server's back

    async def set_up(self, step: dict[str, Any]) -> None:
        server = self.server
        async with server.store.writing() as writing:
            match step["setup"]:
                case "session":
                    moment = server.now() + timedelta(seconds=step["seconds"])
                    change = {"$set": {step["field"]: moment}}
                    assert await writing.update_one("session", self._session(step), change)
                case "ended":
                    assert await writing.delete_one("session", self._session(step))
                case "user":
                    named = {"email": step["email"]}
                    assert await writing.update_one("user", named, {"$set": step["set"]})
                case "gone":
                    assert await writing.delete_one("user", {"email": step["email"]})
                case "invitation":
                    id = parse_id(self.filled(step["invitation"]))
                    moment = server.now() + timedelta(seconds=step["seconds"])
                    change = {"$set": {"expiresAt": moment}}
                    assert await writing.update_one("invitation", {"_id": id}, change)
                case unknown:
                    raise AssertionError(unknown)

    def _session(self, step: dict[str, Any]) -> dict[str, str]:
        token = unquote(self.filled(step["session"])).rpartition(".")[0]
        return {"token": credential_of(token, compat=self.server.settings.compat)}

    # The exchanges

    async def run(self, step: dict[str, Any]) -> None:
        expected = {**step, **DEVIATIONS.get(step["name"], ("", {}))[1]}
        response = await self._send(step)
        assert response.status_code == expected["status"], response.text
        self._compare_cookies(response, expected)
        self._compare_location(response, expected.get("location"))
        if expected["response"] == "<empty>":
            assert response.content == b""
            assert "content-type" not in response.headers
        elif expected["response"] == "<html>":
            assert response.headers["content-type"].startswith("text/html")
        else:
            assert response.headers["content-type"] == "application/json"
            self.bodies[step["name"]] = response.json()
            self.compare(response.json(), expected["response"], "")

    async def _send(self, step: dict[str, Any]) -> Response:
        headers = {k: self.filled(v) for k, v in step.get("headers", {}).items() if v is not None}
        if "cookie" in headers:
            recorded = "__Secure-" if self.shield else ""
            pattern = rf"{recorded}(session_token|dont_remember|state)="
            headers["cookie"] = re.sub(pattern, rf"{self.prefix}.\1=", headers["cookie"])
        unnamed = step.get("headers", {}).get("origin", "") is None
        browser = self.server.bare() if unnamed else self.server.browser()
        more: dict[str, Any] = {"content": step["text"]} if "text" in step else {}
        if "body" in step:
            more = {"json": self.filled(step["body"])}
        peer = headers.pop("x-forwarded-for", "127.0.0.1").partition(",")[0]
        return await browser.send(
            step["method"], self.filled(step["path"]), headers=headers, peer=peer, **more
        )

    def _compare_cookies(self, response: Response, expected: dict[str, Any]) -> None:
        lines, kept = [], self.cookies.setdefault(expected["name"], {})
        for line in response.headers.get_list("set-cookie"):
            name, _, rest = line.removeprefix(f"{self.prefix}.").partition("=")
            value, _, attributes = rest.partition("; ")
            kept[name] = value
            if name != "version":
                lines.append(f"{name}={'<value>' if value else ''}; {attributes}")
        wanted = expected.get("cookies", [])
        if wanted == "<deletion>":
            attributes = "Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
            wanted = [f"{name}=; {attributes}" for name in _DELETED]
        wanted = [each.removeprefix("__Secure-") for each in wanted]
        if not self.compat:
            wanted = [each for each in wanted if not each.startswith("session_data")]
            wanted = [each.replace("Max-Age=300", "Max-Age=600") for each in wanted]
        assert lines == list(dict.fromkeys(wanted))

    def _compare_location(self, response: Response, wanted: str | None) -> None:
        actual = response.headers.get("location")
        if wanted == "<url>":
            assert actual is None or actual.startswith("https://accounts.google.com/")
        elif wanted is None:
            assert actual is None
        else:
            wanted = self.filled(wanted)
            own = self.server.settings.base_url
            assert actual in (wanted, wanted.removeprefix(own), own + wanted)

    def compare(self, actual: Any, wanted: Any, where: str) -> None:
        if wanted == "<session>":
            assert actual["session"]["id"], where
        elif wanted == "<object>":
            assert isinstance(actual, dict), where
        elif isinstance(wanted, dict):
            assert isinstance(actual, dict), where
            assert actual.keys() - wanted.keys() <= EXTRA_FIELDS, where
            for name, value in wanted.items():
                self.compare(actual[name], value, f"{where}/{name}")
        elif isinstance(wanted, list):
            assert len(actual) == len(wanted), where
            for index, value in enumerate(wanted):
                self.compare(actual[index], value, f"{where}/{index}")
        elif wanted == "<date>":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", actual), where
        elif wanted in ("<id>", "<token>", "<url>"):
            assert isinstance(actual, str) and actual, where
        elif isinstance(wanted, str) and where.endswith(("/ipAddress", "/userAgent")):
            assert isinstance(actual, str), where
        else:
            assert actual == self.filled(wanted), (where, actual)
