"""Signed-in people, written into a database as the servers under test expect them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bson import ObjectId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pymongo.synchronous.database import Database

__all__ = ["COLD", "FROZEN", "SITE", "Person", "add_people", "token_in"]

COOKIE = "sessionwire.session_token"
SITE = "https://bench.example"
"""Where our server is served in production, behind a proxy that the benchmarks leave out."""
COLD = "cold"
"""The bucket of users whom nobody watches."""
FROZEN = "frozen"
"""The bucket of those who will stop reading."""

_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Person:
    """One user with one session; `cookie` is what their browser sends."""

    user_id: str
    email: str
    organization_id: str
    bucket: str
    cookie: str


def add_people(database: Database[dict[str, Any]], secret: str, **wanted: int) -> list[Person]:
    """What `make_people` makes, written into the database with the indexes that are needed."""
    people, written = make_people(secret, **wanted)
    for name, documents in written.items():
        for part in _parts(documents, 5_000):
            database[name].insert_many(part, ordered=False)
    database["user"].create_index("bucket")
    database["member"].create_index("userId")
    database["session"].create_index("token", unique=True, name="session_token_uidx")
    return people


def make_people(
    secret: str, *, count: int, cold: int, organizations: int, buckets: int, frozen: int
) -> tuple[list[Person], dict[str, list[dict[str, Any]]]]:
    """`count` people in so many organizations, and `cold` users who never sign in.

    Each is in a bucket, so that one write can change many of them; the last `frozen` ones have a
    bucket of their own. Beside them the documents of each collection.
    """
    chance = random.Random(count)
    now = datetime.now(UTC).replace(microsecond=0)
    dates = {"createdAt": now, "updatedAt": now}
    places: list[dict[str, Any]] = [
        {"_id": ObjectId(), "name": f"Place {n}", "slug": f"place-{n}", "logo": None, **dates}
        for n in range(organizations)
    ]
    people: list[Person] = []
    users, sessions, members = [], [], []
    for n in range(count):
        token = "".join(chance.choices(_ALPHABET, k=32))
        user_id, place = ObjectId(), places[n % organizations]
        at = now - timedelta(seconds=n, milliseconds=n % 1_000)
        dates = {"createdAt": at, "updatedAt": at}
        bucket = FROZEN if n >= count - frozen else f"b{n % buckets}"
        users.append(_user(user_id, f"Person {n}", bucket, place["_id"], dates))
        sessions.append(_session(user_id, token, place["_id"], dates))
        role = "owner" if n < organizations else "member"
        members.append(
            {
                "_id": ObjectId(),
                "organizationId": place["_id"],
                "userId": user_id,
                "role": role,
                **dates,
            }
        )
        people.append(
            Person(
                str(user_id),
                users[-1]["email"],
                str(place["_id"]),
                bucket,
                f"{COOKIE}={signed(token, secret)}",
            )
        )
    users += [_user(ObjectId(), f"Nobody {n}", COLD, None, dates) for n in range(cold)]
    written = {"user": users, "session": sessions, "member": members, "organization": places}
    return people, written


def _user(
    id: ObjectId, name: str, bucket: str, organization: ObjectId | None, dates: dict[str, datetime]
) -> dict[str, Any]:
    return {
        "_id": id,
        "name": name,
        "email": f"{name.lower().replace(' ', '.')}@example.com",
        "emailVerified": True,
        "image": f"https://images.example.com/{id}.png",
        "activeOrganizationId": organization,
        "onboardedAt": dates["createdAt"],
        "bucket": bucket,
        **dates,
    }


def _session(
    user_id: ObjectId, token: str, organization: ObjectId, dates: dict[str, datetime]
) -> dict[str, Any]:
    return {
        "_id": ObjectId(),
        "userId": user_id,
        "token": hashlib.sha256(token.encode()).hexdigest(),
        "expiresAt": dates["createdAt"] + timedelta(days=7),
        "ipAddress": "203.0.113.7",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "activeOrganizationId": organization,
        **dates,
    }


def signed(token: str, secret: str) -> str:
    """The value of the session cookie (docs/session.md): the token, and who vouches for it."""
    key = hmac.digest(secret.encode(), b"sessionwire.session_token", "sha256")
    signature = hmac.digest(key, token.encode(), "sha256")
    return f"{token}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def token_in(header: str, secret: str) -> str | None:
    """The token of a well-signed session cookie in a `Cookie` header."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        token = value.partition(".")[0]
        if name == COOKIE and secrets.compare_digest(signed(token, secret), value):
            return token
    return None


def _parts(items: list[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
