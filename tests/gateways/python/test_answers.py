"""What endpoints of an application answer with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.exceptions import HTTPException

from sessionwire import Refusal, User, secure_error_json, secure_user_json
from sessionwire.auth.api import API, Auth
from sessionwire.model import ObjectId
from sessionwire.policy.headers import api_headers

USER = User(
    id="1",
    name="Alice",
    email="alice@example.com",
    email_verified=True,
    image=None,
    created_at=None,
    updated_at=None,
    active_organization_id=None,
    onboarded=True,
)


@dataclass
class Project:
    name: str


def test_a_user_is_written_as_the_wires_write_it() -> None:
    response = secure_user_json({"user": USER, "project": Project("Rocket")}, 201)
    assert response.status_code == 201
    body = bytes(response.body)
    assert b'"emailVerified":true' in body and b'"activeOrganizationId":null' in body
    assert b'"project":{"name":"Rocket"}' in body
    assert response.headers["content-type"] == "application/json"


def test_documents_are_written_as_queries_write_them() -> None:
    id = ObjectId()
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    body = secure_user_json([{"_id": id, "at": moment}]).body
    assert bytes(body) == b'[{"_id":"%b","at":"2026-01-02T03:04:05.678Z"}]' % str(id).encode()


def test_no_header_of_ours_is_replaced() -> None:
    given = {"Cache-Control": "public, max-age=60", "X-Answer": "42", "Content-Type": "text/html"}
    headers = secure_user_json(None, headers=given).headers
    for name, value in api_headers(secure=False).items():
        assert headers.getlist(name) == [value]
    assert headers["x-answer"] == "42" and headers["content-type"] == "application/json"


def test_an_error_has_a_message_and_a_code() -> None:
    response = secure_error_json("NO_SUCH_PROJECT", "There is no such project.", 404)
    assert response.status_code == 404
    assert response.body == b'{"message":"There is no such project.","code":"NO_SUCH_PROJECT"}'
    assert secure_error_json("GONE").body == b'{"message":"GONE","code":"GONE"}'


def test_only_servers_with_an_https_address_ask_for_https() -> None:
    def asks() -> bool:
        return "strict-transport-security" in secure_user_json(None).headers

    assert not asks()
    api = API.__new__(API)
    object.__setattr__(api, "secure", True)
    with Auth().serving(api):
        assert asks()


def test_a_refusal_is_an_http_exception_that_knows_its_code() -> None:
    refusal = Refusal(403, "INVALID_ORIGIN", "Invalid origin")
    assert isinstance(refusal, HTTPException)
    assert (refusal.status_code, refusal.code) == (403, "INVALID_ORIGIN")
    response = refusal.response()
    assert response.body == b'{"message":"Invalid origin","code":"INVALID_ORIGIN"}'
    assert response.headers["cache-control"] == "no-store"
