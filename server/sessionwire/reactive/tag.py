"""Tags: what a client shows to be told no data twice (docs/decisions/0004-tags.md); pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from sessionwire.reactive.view import Failure

if TYPE_CHECKING:
    from sessionwire.reactive.outbox import Watch
    from sessionwire.reactive.view import Answer

__all__ = ["encode_args", "tag_of"]

encode_args = msgspec.json.Encoder(order="sorted").encode
"""Equal args as equal bytes."""


_KEYED = hashlib.blake2b(digest_size=8, key=b"sessionwire.tag")


def tag_of(watch: Watch, outcome: Answer | Failure) -> str:
    """Names this data for this viewer, query and args; another viewer's has another tag."""
    if isinstance(outcome, Failure):
        return ""
    hashed = _KEYED.copy()
    hashed.update(outcome.encoded)
    hashed.update(f"\0{watch.viewer.credential}\0{watch.query.name}\0".encode())
    hashed.update(encode_args(watch.args))
    return hashed.hexdigest()
