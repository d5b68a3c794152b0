"""Queries: pure functions from documents and a viewer to a value, and what one evaluation read."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from sessionwire.errors import PeerError, ProtocolError
from sessionwire.model import (
    Document,
    Id,
    ObjectId,
    OpaqueId,
    Viewer,
    format_date,
    format_id,
)
from sessionwire.reactive.change import DocumentKey, Fields, Key, SetKey, comparable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Set

__all__ = [
    "UNHELD",
    "Answer",
    "Context",
    "Edit",
    "Evaluation",
    "Failure",
    "Queries",
    "Query",
    "Source",
    "Unheld",
    "amended",
    "evaluate",
    "plain",
]


class Unheld(Enum):
    """Says that a source does not know a key (as opposed to knowing that nothing is there)."""

    UNHELD = "unheld"


UNHELD: Final = Unheld.UNHELD


class Source(Protocol):
    """Where an evaluation reads: a replica, or a snapshot of the database."""

    def document(self, key: DocumentKey) -> Document | None | Unheld: ...

    def ids(self, key: SetKey) -> Set[Id] | Unheld: ...


class NotHeld(BaseException):
    """Ends an evaluation that met an unheld key; not an Exception, so that no query swallows it."""


class Context:
    """What a query sees: the viewer, and the documents of one moment.

    It is not a database handle: reads are by id and by equality only, because only these can be
    kept current from a change stream.
    """

    __slots__ = ("_source", "missing", "reads", "viewer")

    def __init__(self, viewer: Viewer, source: Source) -> None:
        self.viewer = viewer
        self._source = source
        self.reads: set[Key] = set()
        self.missing: set[Key] = set()

    def get(self, collection: str, id: Id) -> Document | None:
        """The document, or None when there is none."""
        found = self._document(DocumentKey(collection, id))
        if found is UNHELD:
            raise NotHeld
        return found

    def get_many(self, collection: str, ids: Iterable[Id]) -> list[Document]:
        """Those of the documents that exist, in the order asked for."""
        found, whole = [], True
        for id in ids:  # all of them, so that what is not held is loaded together
            document = self._document(DocumentKey(collection, id))
            if document is UNHELD:
                whole = False
            elif document is not None:
                found.append(document)
        if not whole:
            raise NotHeld
        return found

    def where(self, collection: str, **equals: object) -> list[Document]:
        """All documents whose one top-level field equals the value, ordered by `_id`.

        Raises ValueError for more than one field, or a value of a kind that cannot be watched
        (null, arrays, objects, fractions).
        """
        ids = self._ids(_set_key(collection, equals))
        if ids is UNHELD:
            raise NotHeld
        return self.get_many(collection, ids if len(ids) < 2 else sorted(ids, key=_order))

    def expect(self, collection: str, id: Id | None = None, **equals: object) -> None:
        """Say early what will be read, so that it is loaded together with what comes before."""
        if id is not None:
            self._document(DocumentKey(collection, id))
        if equals:
            self._ids(_set_key(collection, equals))

    def _document(self, key: DocumentKey) -> Document | None | Unheld:
        self.reads.add(key)
        found = self._source.document(key)
        if found is UNHELD:
            self.missing.add(key)
        return found

    def _ids(self, key: SetKey) -> Set[Id] | Unheld:
        self.reads.add(key)
        found = self._source.ids(key)
        if found is UNHELD:
            self.missing.add(key)
        return found


def _set_key(collection: str, equals: Mapping[str, object]) -> SetKey:
    if len(equals) != 1:
        raise ValueError("where() takes exactly one field=value")
    ((field, value),) = equals.items()
    if "." in field or field.startswith("$"):
        raise ValueError("where() takes a top-level field")
    value = comparable(value)
    if value is None:
        raise ValueError("where() takes a text, whole number, bool, date, ObjectId or UUID")
    return SetKey(collection, field, value)


def _order(id: Id) -> tuple[str, Any]:
    return (type(id).__name__, id.bson if isinstance(id, OpaqueId) else id)


class Edit(msgspec.Struct, frozen=True, gc=False):
    """One document changed, in these fields only; it is in the same sets as before."""

    key: DocumentKey
    fields: Fields

    def followed_by(self, other: Edit) -> Edit | None:
        """Both as one; None when they are of two documents."""
        return Edit(self.key, self.fields | other.fields) if other.key == self.key else None


@dataclass(frozen=True, slots=True)
class Query:
    """A named function `(ctx, **args) -> value`; the value is what msgspec can encode as JSON."""

    name: str
    function: Callable[..., Any]
    context: Callable[[Viewer, Source], Context]
    args: Mapping[str, type]
    required: frozenset[str]
    looks: Mapping[str, Fields]
    """Of these collections' documents it looks at these fields only, and whether they exist."""
    amend: Callable[[Any, Edit, Document], Any] | None = None
    """What a value becomes by an edit, without reading anything else; NotImplemented: see anew."""

    def looks_at(self, key: Key, fields: Fields) -> bool:
        """Whether a change of these fields could change what it finds."""
        seen = self.looks.get(key.collection) if isinstance(key, DocumentKey) else None
        return seen is None or not seen.isdisjoint(fields)

    def parse(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """The args, checked by the function's annotations. Raises ProtocolError `invalid_args`."""
        for name in args.keys() - self.args.keys():
            raise ProtocolError(f"{self.name} takes no {name[:64]}", code="invalid_args")
        for name in self.required - args.keys():
            raise ProtocolError(f"{self.name} needs {name}", code="invalid_args")
        try:
            return {
                name: msgspec.convert(value, self.args[name], strict=True)
                for name, value in args.items()
                if value is not None or name in self.required
            }
        except msgspec.ValidationError as error:
            raise ProtocolError(f"{self.name}: {error}", code="invalid_args") from None


class Queries:
    """The queries of one application, by name; `context` makes what they are called with."""

    def __init__(self, context: Callable[[Viewer, Source], Context] = Context) -> None:
        self._context = context
        self._named: dict[str, Query] = {}

    def add(
        self,
        name: str,
        function: Callable[..., Any],
        *,
        looks: Mapping[str, Fields] = MappingProxyType({}),
        amend: Callable[[Any, Edit, Document], Any] | None = None,
    ) -> None:
        """Register it. Its parameters after `ctx` are its args, checked by their annotations.

        It is recomputed when a document that it read has changed; `looks` names collections of
        whose documents it reads certain fields only, and `amend(value, edit, document)` is a
        shorter way to the same value, from the one before, where it knows one.

        Raises ValueError for a taken name or a function that has no such shape.
        """
        if name in self._named:
            raise ValueError(f"the query {name!r} exists")
        if inspect.iscoroutinefunction(function):
            raise ValueError("a query is a plain function: it reads nothing but ctx")
        parameters = list(inspect.signature(function).parameters.values())[1:]
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
            raise ValueError("a query names its args one by one")
        self._named[name] = Query(
            name,
            function,
            self._context,
            {p.name: _annotation(p, function) for p in parameters},
            frozenset(p.name for p in parameters if p.default is p.empty),
            looks,
            amend,
        )

    def named(self, name: str) -> Query:
        """Raises ProtocolError `unknown_query`."""
        try:
            return self._named[name]
        except KeyError:
            raise ProtocolError(f"no query is named {name[:128]!r}", code="unknown_query") from None

    def __iter__(self) -> Iterator[Query]:
        return iter(self._named.values())


def _annotation(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    """The parameter's type; `ctx` may be annotated for type checkers alone."""
    if parameter.annotation is parameter.empty:
        return Any
    if isinstance(parameter.annotation, str):
        return eval(parameter.annotation, function.__globals__)
    return parameter.annotation


class Answer(msgspec.Struct, frozen=True):
    """The query's value; `encoded` is its JSON."""

    value: Any
    encoded: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """The query refused (`code` from a PeerError), or raised (`query_failed`, with `cause`)."""

    code: str
    message: str
    cause: Exception | None = None


class Evaluation(msgspec.Struct, frozen=True):
    """`outcome` is None while keys are missing; `reads` is everything that it looked at."""

    outcome: Answer | Failure | None
    reads: set[Key]
    missing: set[Key]


_encoder = msgspec.json.Encoder()


def plain(value: Any) -> Any:
    """Documents as JSON can write them: ids as texts, dates as the wire writes dates."""
    match value:
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case ObjectId():
            return format_id(value)
        case datetime():
            return format_date(value)
        case _:
            return value


def evaluate(query: Query, viewer: Viewer, args: Mapping[str, Any], source: Source) -> Evaluation:
    """Run the query once against what the source holds."""
    context = query.context(viewer, source)
    outcome: Answer | Failure | None = None
    try:
        value = query.function(context, **args)
        if not context.missing:
            outcome = _answer(value)
    except NotHeld:
        pass
    except PeerError as error:
        outcome = Failure(error.code, error.message)
    except Exception as error:  # the developer's code: its failure is this query's result, not ours
        outcome = Failure("query_failed", f"the query {query.name} failed", error)
    if context.missing:
        outcome = None
    return Evaluation(outcome, context.reads, context.missing)


def amended(query: Query, before: Answer | Failure, edit: Edit, source: Source) -> Answer | None:
    """What the answer became by the edit; None when the query has to be run again."""
    if query.amend is None or not isinstance(before, Answer) or before.value is None:
        return None
    document = source.document(edit.key)
    if document is None or document is UNHELD:
        return None
    value = query.amend(before.value, edit, document)
    return None if value is NotImplemented else _answer(value)


def _answer(value: Any) -> Answer:
    shaped = value if isinstance(value, msgspec.Struct) else plain(value)
    return Answer(value, _encoder.encode(shaped))
