"""The numbers in the documentation are those of the server."""

from __future__ import annotations

import re
from typing import Any

import pytest

from docs.pages import read
from sessionwire.policy.cookies import VERSION_AGE
from sessionwire.policy.lifetime import (
    FRESH_AGE,
    LIFETIME,
    MAXIMUM,
    REFRESH_AFTER,
    UNREMEMBERED_LIFETIME,
)
from sessionwire.policy.limits import Limits
from sessionwire.serving import uvicorn_config
from sessionwire.settings import Settings
from sessionwire.store.indexes import INDEXES

LIMITS = Limits()


def rows(page: str, heading: str) -> dict[str, str]:
    """The rest of each row of the first table below a heading, by its first cell."""
    below = read(page).partition(f"{heading}\n")[2]
    table = re.search(r"(?:^\|.*\|\n)+", below, re.MULTILINE)
    assert table is not None, heading
    cells = [line.strip("|").partition("|") for line in table[0].splitlines()[2:]]
    return {first.strip(): rest.strip() for first, _, rest in cells}


def hours(span: Any) -> int:
    return int(span.total_seconds() // 3600)


def test_the_life_of_a_session_has_its_numbers() -> None:
    said = rows("docs/session.md", "# The life of a session")
    kept = next(each[2]["expireAfterSeconds"] for each in INDEXES if each[0] == "sessionEnd")
    assert {name: re.findall(r"\b\d+\b", text) for name, text in said.items()} == {
        "Token": ["32", "9", "190", "256"],
        "Cookie": [],
        "Idle end": [str(LIFETIME.days)],
        "Refresh": [str(hours(REFRESH_AFTER)), str(LIFETIME.days)],
        "Absolute end": [str(MAXIMUM.days)],
        "Not to be remembered": [],
        "Recent sign-in": [str(hours(FRESH_AGE))],
        "Why it ended": [str(kept // 86_400)],
        "Version cookie": [str(VERSION_AGE)],
        "Without MongoDB": [
            f"{LIMITS.max_staleness:.0f}",
            f"{LIMITS.unverifiable_after:.0f}",
            "503",
            f"{LIMITS.read_deadline:.0f}",
        ],
    }
    assert "one day" in said["Not to be remembered"] and UNREMEMBERED_LIFETIME.days == 1
    assert Settings.model_fields["session_maximum_days"].default == MAXIMUM.days


def in_words(bytes_: int) -> str:
    return f"{bytes_ // 1024} KiB"


def count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def test_the_limits_of_the_wire_are_those_that_hold() -> None:
    said = {name: text.partition("|")[0].strip() for name, text in rows(
        "docs/protocol.md", "## Limits"
    ).items()}  # fmt: skip
    assert said == {
        "frame from the client": in_words(LIMITS.frame),
        "subscriptions of a connection": count(LIMITS.subscriptions),
        "connections of a user": count(LIMITS.connections_per_user),
        "connections of an address": count(LIMITS.connections_per_address),
        "connections in all": count(LIMITS.connections),
        "headers of a request or a handshake": (
            f"{in_words(LIMITS.head)}, {LIMITS.header_fields} fields, {LIMITS.head_deadline:.0f} s"
        ),
        "path and query of a request": in_words(LIMITS.url),
        "body of a request": f"{in_words(LIMITS.body)}, {LIMITS.body_deadline:.0f} s",
        "unsent bytes of a connection": f"{in_words(LIMITS.unsent)} and one frame",
        "time that unsent bytes may stand": f"{LIMITS.write_deadline:.0f} s",
    }


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("docs/operating.md", f"`limits.connections` ({count(LIMITS.connections)})"),
        ("docs/operating.md", f"`limits.idle_documents` ({count(LIMITS.idle_documents)})"),
        ("docs/operating.md", f"`limits.idle_watches` ({count(LIMITS.idle_watches)})"),
        ("docs/operating.md", f"within `limits.shutdown` ({LIMITS.shutdown:.0f} s)"),
        ("docs/operating.md", f"Stale after {LIMITS.max_staleness:.0f} s"),
        ("docs/operating.md", f"After {LIMITS.unverifiable_after:.0f} s signed-in sockets end"),
        ("docs/operating.md", f"within {LIMITS.read_deadline:.0f} s. Never 200"),
        ("docs/operating.md", f"cut after {LIMITS.write_deadline:.0f} s"),
        ("docs/operating.md", f"then, {LIFETIME.days} days later, take the old one out"),
        ("docs/proxies.md", f"a poll waits for up to {LIMITS.heartbeat}"),
        ("docs/protocol.md", f"More than {LIMITS.frames_per_second:.0f} frames in a second"),
        ("docs/protocol.md", f"after a burst of {LIMITS.frames_burst}"),
        ("docs/protocol.md", f"After {LIMITS.refused_frames} refused frames"),
        ("docs/protocol.md", f"`since` within {LIMITS.version_wait:.0f} seconds"),
        ("docs/semantics.md", f"marked stale after {LIMITS.max_staleness:.0f} seconds"),
        ("docs/semantics.md", f"\nafter {LIMITS.unverifiable_after:.0f} (`unverifiable`)"),
        ("docs/semantics.md", f"a browser does so by itself for {VERSION_AGE} seconds"),
    ],
)
def test_a_sentence_has_the_number_that_holds(page: str, sentence: str) -> None:
    assert sentence in read(page)


def test_what_proxies_have_to_know_is_how_the_server_is_served(settings: Settings) -> None:
    config = uvicorn_config(lambda: None, settings)
    page = read("docs/proxies.md")
    assert f"pings every socket each {config.ws_ping_interval:.0f} seconds" in page
    assert f"less than {config.timeout_keep_alive} seconds" in page
    assert f"`net.core.somaxconn` {count(config.backlog)}" in read("docs/operating.md")
