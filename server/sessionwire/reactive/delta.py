"""Applies the paths of an update event to a document, or says that it cannot be sure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessionwire.model import Document
    from sessionwire.reactive.change import Update

__all__ = ["apply_update"]


class _Doubt(Exception):
    """The path does not fit the document that we hold."""


def apply_update(document: Document, update: Update) -> Document | None:
    """The document after the update, sharing what did not change; None means: load it anew.

    Fields that are set as a whole, as most are, leave no doubt. In doubt are: paths through a field
    that is not there, list indexes beyond the end, and fields whose names contain a dot, which make
    paths ambiguous (MongoDB's "Change Events", updateDescription).
    """
    if update.is_flat:
        return {**document, **update.updated}
    changed: Any = document
    try:
        for path in update.removed:
            changed = _edit(changed, path.split("."), _remove)
        for path, length in update.truncated:
            changed = _edit(changed, path.split("."), _Cut(length))
        for path, value in update.updated.items():
            changed = _edit(changed, path.split("."), _Set(value))
    except _Doubt:
        return None
    return changed  # type: ignore[no-any-return]


class _Set:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, holder: dict[str, Any] | list[Any], name: str) -> None:
        if isinstance(holder, dict):
            holder[name] = self.value
            return
        index = _index(name)
        if index == len(holder):
            holder.append(self.value)
        elif index < len(holder):
            holder[index] = self.value
        else:
            raise _Doubt


class _Cut:
    def __init__(self, length: int) -> None:
        self.length = length

    def __call__(self, holder: dict[str, Any] | list[Any], name: str) -> None:
        value = _child(holder, name)
        if not isinstance(value, list) or len(value) < self.length:
            raise _Doubt
        _Set(value[: self.length])(holder, name)


def _remove(holder: dict[str, Any] | list[Any], name: str) -> None:
    if not isinstance(holder, dict) or name not in holder:
        raise _Doubt
    del holder[name]


def _edit(node: Any, path: list[str], edit: Any) -> Any:
    """A copy of `node` in which `edit` was done at the end of `path`; siblings are shared."""
    copy = _copy(node)
    if len(path) == 1:
        edit(copy, path[0])
        return copy
    child = _edit(_child(copy, path[0]), path[1:], edit)
    if isinstance(copy, dict):
        copy[path[0]] = child
    else:
        copy[_index(path[0])] = child
    return copy


def _copy(node: Any) -> dict[str, Any] | list[Any]:
    if isinstance(node, Mapping):
        if "." in "".join(node):
            raise _Doubt
        return dict(node)
    if isinstance(node, list):
        return list(node)
    raise _Doubt


def _child(holder: dict[str, Any] | list[Any], name: str) -> Any:
    if isinstance(holder, dict):
        if name not in holder:
            raise _Doubt
        return holder[name]
    index = _index(name)
    if index >= len(holder):
        raise _Doubt
    return holder[index]


def _index(name: str) -> int:
    if not name.isascii() or not name.isdigit():
        raise _Doubt
    return int(name)
