"""What an answer to `getMore` says: cut at once when it is as always, decoded when it is not."""

from __future__ import annotations

from typing import Any

import bson
import pytest
from bson import Int64, Timestamp
from bson.errors import InvalidBSON
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import OperationFailure

from sessionwire.store.reply import Batch, read_batch

TOKEN = {"_data": "82AB12"}
EVENTS = [bson.encode({"_id": {"_data": "82"}, "n": n, "t": "x" * n}) for n in range(120)]


def answer(events: list[bytes] = EVENTS, cursor: int = 7, **more: Any) -> bytes:
    """An answer's bytes, its fields in MongoDB's order."""
    batch = [bson.decode(each) for each in events]
    said = {"nextBatch": batch, "postBatchResumeToken": TOKEN, "id": Int64(cursor), "ns": "d.$cmd"}
    time = {"clusterTime": Timestamp(5, 1), "signature": {"hash": b"h" * 20, "keyId": Int64(0)}}
    fields = {"cursor": said, "ok": 1.0, "$clusterTime": time, "operationTime": Timestamp(5, 1)}
    return bson.encode({**fields, **more})


@pytest.mark.parametrize("count", [0, 1, 2, 11, 120])
def test_an_answer_is_its_events_its_token_and_its_cursor(count: int) -> None:
    assert read_batch(answer(EVENTS[:count])) == Batch(Int64(7), TOKEN, EVENTS[:count])


@pytest.mark.parametrize("cursor", [0, 1, 2**62, -5])
def test_the_cursor_is_read_as_it_is(cursor: int) -> None:
    read = read_batch(answer([], cursor)).cursor
    assert read == cursor and isinstance(read, Int64), "MongoDB takes nothing else for a cursor"


def test_an_answer_of_another_order_is_decoded() -> None:
    said = bson.decode(answer(EVENTS[:3]))
    said["cursor"] = dict(sorted(said["cursor"].items(), reverse=True))
    turned = bson.encode(dict(sorted(said.items(), reverse=True)))
    assert read_batch(turned) == Batch(Int64(7), TOKEN, EVENTS[:3])


def test_a_token_of_another_shape_is_kept_as_it_is() -> None:
    said = bson.decode(answer(EVENTS[:1]))
    said["cursor"]["postBatchResumeToken"] = {"_data": b"82", "more": 1}
    assert read_batch(bson.encode(said)).token == {"_data": b"82", "more": 1}


def test_a_refusal_is_the_drivers_error_with_its_code() -> None:
    said = {"ok": 0.0, "errmsg": "cursor id 7 not found", "code": 43, "codeName": "CursorNotFound"}
    with pytest.raises(OperationFailure, match="not found") as refused:
        read_batch(bson.encode(said))
    assert refused.value.code == 43


def test_a_failure_that_comes_with_a_cursor_is_one() -> None:
    with pytest.raises(OperationFailure):
        read_batch(answer(ok=0.0))


@pytest.mark.parametrize("said", [b"", b"\x05\0\0\0", bson.encode({"ok": 1.0}), b"\0" * 40])
def test_what_is_no_answer_is_an_error(said: bytes) -> None:
    with pytest.raises((InvalidBSON, OperationFailure)):
        read_batch(said)


def test_an_answer_that_was_cut_off_is_an_error() -> None:
    whole = answer(EVENTS[:3])
    for length in range(len(whole)):
        with pytest.raises((InvalidBSON, OperationFailure)):
            read_batch(whole[:length])


@given(st.data())
def test_a_damaged_answer_is_an_error_or_another_answer(data: Any) -> None:
    damaged = bytearray(answer(EVENTS[:4]))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = read_batch(bytes(damaged))
    except (InvalidBSON, OperationFailure):
        return
    assert isinstance(found.cursor, int)
    assert all(len(each) >= 5 for each in found.events)
