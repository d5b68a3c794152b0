"""Coverage-guided fuzzing of what decodes bytes of others: frames, polls, change events, cookies.

`scripts/chaos fuzz` runs it, a minute for each target; it needs atheris (`pip install atheris`).
A target may refuse its input in the one way that it documents; whatever else it raises is found.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TARGETS"]

SECONDS = int(os.environ.get("SESSIONWIRE_CHAOS_SECONDS", "60"))


def frame(data: bytes) -> None:
    from sessionwire.errors import ProtocolError
    from sessionwire.gateways.live.frames import decode

    with contextlib.suppress(ProtocolError):
        decode(data.decode("utf-8", "replace"))


def poll(data: bytes) -> None:
    from sessionwire.errors import ProtocolError
    from sessionwire.gateways.live.frames import decode_poll

    with contextlib.suppress(ProtocolError):
        decode_poll(data.decode("utf-8", "replace"))


def event(data: bytes) -> None:
    """Any BSON document as an event of the stream, and what it does to a replica."""
    import bson

    from sessionwire.reactive.change import DocumentKey, Group
    from sessionwire.reactive.replica import Load, Replica
    from sessionwire.store.codec import CODEC
    from sessionwire.store.decode import decode_event

    try:
        decoded = bson.decode(data, codec_options=CODEC)
    except Exception:  # the driver refuses it; the feed then begins anew
        return
    changes = decode_event(decoded)
    replica = Replica(idle_limit=10)
    replica.restart(1)  # type: ignore[arg-type]
    key = DocumentKey("user", 1)
    replica.want([key])
    replica.supply(Load(1, replica.epoch, {key: {"_id": 1, "a": [1, {"b": 2}]}}, {}))  # type: ignore[arg-type]
    with contextlib.suppress(Exception):  # whatever it is, the relay begins anew
        replica.apply(Group(2, changes))  # type: ignore[arg-type]


def cookie(data: bytes) -> None:
    from sessionwire.policy.cookies import PurposeSigner

    signer = PurposeSigner(["kX2v9QmZt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"])
    assert signer.verify(data.decode("latin-1"), purpose="session_token") is None


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (frame, poll, event, cookie)
}


def _seeds() -> dict[str, list[bytes]]:
    """What is taken: from there the fuzzer finds its way."""
    import bson

    subscribe = b'{"op":"subscribe","id":1,"query":"session","args":{},"since":"0000000000000001"}'
    update = {
        "operationType": "update",
        "ns": {"db": "d", "coll": "user"},
        "documentKey": {"_id": 1},
        "updateDescription": {
            "updatedFields": {"a.1.b": 3, "n": 1},
            "removedFields": ["x"],
            "truncatedArrays": [{"field": "a", "newSize": 1}],
        },
    }
    insert = {**update, "operationType": "insert", "fullDocument": {"_id": 1, "a": [1]}}
    rename = {**update, "operationType": "rename", "to": {"db": "d", "coll": "member"}}
    return {
        "frame": [subscribe, b'{"op":"unsubscribe","id":1}', b'{"op":"ping"}'],
        "poll": [b'{"subscriptions":[{"id":1,"query":"user","args":{}}],"wait":1}'],
        "event": [bson.encode(each) for each in (update, insert, rename)],
        "cookie": [b"abc.def", b"v1.abc.def"],
    }


def _fuzz(name: str) -> int:
    atheris = importlib.import_module("atheris")

    with atheris.instrument_imports(include=["sessionwire"]):
        for each in TARGETS.values():
            with contextlib.suppress(Exception):
                each(b"{}")
    corpus = tempfile.mkdtemp()
    for number, seed in enumerate(_seeds()[name]):
        Path(corpus, str(number)).write_bytes(seed)
    options = [f"-max_total_time={SECONDS}", "-max_len=4096", f"-artifact_prefix={corpus}/"]
    atheris.Setup([sys.argv[0], corpus, *options], TARGETS[name])
    atheris.Fuzz()
    return 0


def main() -> int:
    """Each target in a process of its own, which libFuzzer ends."""
    codes = {}
    for name in TARGETS:
        print(f"--- {name}", flush=True)  # noqa: T201
        codes[name] = subprocess.run([sys.executable, __file__, name]).returncode
    print({name: "ok" if code == 0 else f"ended with {code}" for name, code in codes.items()})  # noqa: T201
    return int(any(codes.values()))


if __name__ == "__main__":
    sys.exit(_fuzz(sys.argv[1]) if len(sys.argv) > 1 else main())
