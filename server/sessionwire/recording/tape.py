"""The format of a recording (docs/recording.md#the-file): lines of JSON, written and read; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, assert_never

import msgspec

from sessionwire.model import Document, Id, Version, format_date, format_version, parse_version
from sessionwire.reactive.change import Change, Delete, DocumentKey, Dropped, Group, Put, Update
from sessionwire.recording.values import decode_value, encode_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["FORMAT", "Header", "Recording", "Unreadable", "end_line", "group_line", "read", "start"]

FORMAT = 1
_MARK = "sessionwire.recording"
_encode = msgspec.json.Encoder().encode


class Unreadable(ValueError):
    """It is no recording, or of a format that is not understood; the message names the line."""


class Header(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The first line: what a replay has to know to show the same."""

    kind: str = _MARK
    format: int = FORMAT
    software: str
    version: str
    """Of the documents at the beginning."""
    wall: str
    """When that was, by the clock of the program that recorded."""
    personal: Literal["pseudonyms", "kept"]
    active_organization: Literal["user", "session"] = "user"
    session_maximum_days: int = 90
    user_fields: tuple[str, ...] = ()
    session_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """What was there at the beginning, and every group after it, in order.

    Session tokens stand in the place of credentials; a tombstone is named by its session's token.
    """

    header: Header
    documents: tuple[tuple[str, Document], ...]
    groups: tuple[Group, ...]
    ended: datetime | None
    """When recording ended; None: it was cut off."""

    @property
    def version(self) -> Version:
        return parse_version(self.header.version)

    @property
    def wall(self) -> datetime:
        return datetime.fromisoformat(self.header.wall)

    @property
    def duration(self) -> timedelta:
        """From the beginning to the end, or to the last group."""
        last = self.ended or max(
            (each.wall for each in self.groups if each.wall), default=self.wall
        )
        return max(last - self.wall, timedelta())

    def shifted(self, seconds: int) -> Recording:
        """As if all of it had happened so much later: every date, and every version."""
        if not seconds:
            return self
        by = timedelta(seconds=seconds)
        header = msgspec.structs.replace(
            self.header,
            version=format_version(_later(self.version, seconds)),
            wall=format_date(self.wall + by),
        )
        return Recording(
            header,
            tuple((name, _moved(document, by)) for name, document in self.documents),
            tuple(_moved_group(each, seconds) for each in self.groups),
            None if self.ended is None else self.ended + by,
        )


def _later(version: Version, seconds: int) -> Version:
    return Version(version + (seconds << 32))


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        try:
            return value + by
        except OverflowError:  # another program's date: the last year there is
            return value
    if isinstance(value, dict):
        return {name: _moved(each, by) for name, each in value.items()}
    return [_moved(each, by) for each in value] if isinstance(value, list) else value


def _moved_group(group: Group, seconds: int) -> Group:
    by = timedelta(seconds=seconds)
    changes: list[Change] = []
    for each in group.changes:
        match each:
            case Put(_, document):
                changes.append(msgspec.structs.replace(each, document=_moved(document, by)))
            case Update(_, updated):
                changes.append(msgspec.structs.replace(each, updated=_moved(updated, by)))
            case _:
                changes.append(each)
    wall = None if group.wall is None else group.wall + by
    return Group(_later(group.version, seconds), tuple(changes), wall)


# Writing


def start(header: Header, documents: Iterable[tuple[str, Document]]) -> Iterator[bytes]:
    """The first lines."""
    yield _line(header)
    for collection, document in documents:
        yield _line({"in": collection, "document": encode_value(dict(document))})


def group_line(group: Group) -> bytes:
    return _line(
        {
            "version": format_version(group.version),
            "wall": None if group.wall is None else format_date(group.wall),
            "changes": [_change(each) for each in group.changes],
        }
    )


def end_line(wall: datetime) -> bytes:
    return _line({"ended": format_date(wall)})


def _line(value: Any) -> bytes:
    return _encode(value) + b"\n"


def _change(change: Change) -> Mapping[str, Any]:
    match change:
        case Put(key, document, inserted):
            kind = "insert" if inserted else "put"
            return {"in": key.collection, kind: encode_value(dict(document))}
        case Update(key, updated, removed):
            said = {"set": {name: encode_value(each) for name, each in updated.items()}}
            return {"in": key.collection, "id": encode_value(key.id), **said, "unset": removed}
        case Delete(key):
            return {"in": key.collection, "delete": encode_value(key.id)}
        case Dropped(collection):
            return {"drop": collection}
        case _:
            assert_never(change)


# Reading


def read(lines: Iterable[bytes]) -> Recording:
    """The recording in these lines. Raises Unreadable.

    A last line that is cut off is left out, as when the program that recorded was killed.
    """
    numbered = iter(enumerate(lines, 1))
    header = _header(next(numbered, (1, b""))[1])
    documents: list[tuple[str, Document]] = []
    groups: list[Group] = []
    ended = None
    for number, line in numbered:
        if not line.endswith(b"\n"):
            break
        try:
            match msgspec.json.decode(line):
                case {"in": str(collection), "document": dict(document)}:
                    documents.append((collection, _document(document)))
                case {"version": str(version), "wall": wall, "changes": list(changes)}:
                    groups.append(
                        Group(
                            parse_version(version),
                            tuple(map(_read_change, changes)),
                            None if wall is None else datetime.fromisoformat(wall),
                        )
                    )
                case {"ended": str(wall)}:
                    ended = datetime.fromisoformat(wall)
                case _:
                    raise ValueError("it is none of the known kinds")
        except (ValueError, TypeError, msgspec.DecodeError) as error:
            raise Unreadable(f"line {number} cannot be read: {error}") from None
    return Recording(header, tuple(documents), tuple(groups), ended)


def _header(line: bytes) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
        parse_version(header.version)
        datetime.fromisoformat(header.wall)
    except (msgspec.DecodeError, ValueError):
        raise Unreadable("it is no recording of sessionwire") from None
    if header.kind != _MARK:
        raise Unreadable("it is no recording of sessionwire")
    if header.format != FORMAT:
        raise Unreadable(
            f"its format is {header.format}, and this program reads {FORMAT}"
            f" (it was written by sessionwire {header.software})"
        )
    return header


def _document(value: Any) -> dict[str, Any]:
    document = decode_value(value)
    if not isinstance(document, dict) or "_id" not in document:
        raise ValueError("a document has an _id")
    return document


def _read_change(value: Any) -> Change:
    match value:
        case {"in": str(collection), "insert": dict(document)}:
            return _put(collection, document, inserted=True)
        case {"in": str(collection), "put": dict(document)}:
            return _put(collection, document, inserted=False)
        case {"in": str(collection), "id": id, "set": dict(updated), "unset": list(removed)}:
            values = {name: decode_value(each) for name, each in updated.items()}
            return Update(_key(collection, id), values, tuple(map(str, removed)))
        case {"in": str(collection), "delete": id}:
            return Delete(_key(collection, id))
        case {"drop": str() | None as collection}:
            return Dropped(collection)
        case _:
            raise ValueError("a change is of no known kind")


def _put(collection: str, value: Any, *, inserted: bool) -> Put:
    document = _document(value)
    return Put(DocumentKey(collection, document["_id"]), document, inserted=inserted)


def _key(collection: str, id: Any) -> DocumentKey:
    decoded: Id = decode_value(id)
    return DocumentKey(collection, decoded)
