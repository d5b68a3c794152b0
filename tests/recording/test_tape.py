"""The file: what is written is read again, and what is no recording is refused with its line."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sessionwire.errors import StartupError
from sessionwire.model import ObjectId, Version
from sessionwire.reactive.change import Delete, DocumentKey, Dropped, Group, Put, Update
from sessionwire.recording.file import create, load
from sessionwire.recording.tape import (
    Header,
    Recording,
    Unreadable,
    end_line,
    group_line,
    read,
    start,
)

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = datetime(2026, 11, 28, 10, tzinfo=UTC)
HEADER = Header(
    software="0.1.0",
    version="6b0ab1a800000008",
    wall="2026-11-28T10:00:00.000Z",
    personal="pseudonyms",
    user_fields=("plan",),
)
KEY = DocumentKey("user", ObjectId(b"a" * 12))
ALICE = {"_id": KEY.id, "name": "Person 1", "createdAt": BEGAN}
GROUPS = (
    Group(
        Version(0x6B0AB1B000000001),
        (
            Put(KEY, ALICE, inserted=True),
            Update(KEY, {"name": "Person 2", "createdAt": BEGAN}, ("image",)),
            Delete(DocumentKey("member", "m")),
            Dropped("session"),
            Dropped(None),
        ),
        BEGAN + timedelta(seconds=1),
    ),
    Group(Version(0x6B0AB1B100000001), (Put(KEY, ALICE),), None),
)


def lines(*, ended: bool = True) -> list[bytes]:
    written = [*start(HEADER, [("user", ALICE)]), *map(group_line, GROUPS)]
    return [*written, end_line(BEGAN + timedelta(seconds=9))] if ended else written


def test_what_is_written_is_read() -> None:
    recording = read(lines())
    assert recording == Recording(HEADER, (("user", ALICE),), GROUPS, BEGAN + timedelta(seconds=9))
    assert recording.duration == timedelta(seconds=9)


def test_a_recording_that_was_killed_is_read_as_far_as_it_goes() -> None:
    whole = b"".join(lines(ended=False))
    recording = read(io.BytesIO(whole + b'{"version":"6b0a'))
    assert recording.groups == GROUPS and recording.ended is None
    assert recording.duration == timedelta(seconds=1)


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"nonsense\n",
        b'{"in":"user","document":{"name":"no id"}}\n',
        b'{"version":"6b0a","wall":null,"changes":[]}\n',
        b'{"version":"6b0ab1b000000001","wall":null,"changes":[{"in":"user"}]}\n',
        b'{"version":"6b0ab1b000000001","wall":null,"changes":[{"in":"u","delete":{"$x":1}}]}\n',
    ],
)
def test_a_line_that_is_not_understood_is_named(line: bytes) -> None:
    with pytest.raises(Unreadable, match="line 2 cannot be read"):
        read([lines()[0], line])


def test_another_format_is_refused_and_says_who_wrote_it() -> None:
    with pytest.raises(Unreadable, match=r"its format is 2.*0\.1\.0"):
        read([lines()[0].replace(b'"format":1', b'"format":2')])


@pytest.mark.parametrize("text", ["", "{}\n", "nonsense", '{"kind":"other"}\n'])
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(StartupError, match="no recording of sessionwire"):
        load(path)


def test_a_recording_is_its_owners_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    with create(path, replace=False) as file:
        file.write(b"".join(lines()))
    assert path.stat().st_mode & 0o777 == 0o600
    assert load(path).groups == GROUPS
    with pytest.raises(StartupError, match="exists"):
        create(path, replace=False)
    create(path, replace=True).close()
    assert path.read_bytes() == b""


def test_moved_in_time_everything_moves_alike() -> None:
    moved = read(lines()).shifted(60)
    assert moved.header.wall == "2026-11-28T10:01:00.000Z"
    assert moved.groups[0].version - GROUPS[0].version == 60 << 32
    assert moved.documents[0][1]["createdAt"] == BEGAN + timedelta(seconds=60)
    put, update = moved.groups[0].changes[:2]
    assert isinstance(put, Put) and put.document["createdAt"] == BEGAN + timedelta(seconds=60)
    assert isinstance(update, Update)
    assert update.updated == {"name": "Person 2", "createdAt": BEGAN + timedelta(seconds=60)}
