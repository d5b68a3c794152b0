"""Which documents a filter of ours means, in memory; pure. Only what reads of the server use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.model import ObjectId

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sessionwire.model import Document

__all__ = ["selected"]


def selected(
    documents: Iterable[Document], filter: Mapping[str, Any], *, sort: Sequence[tuple[str, int]]
) -> list[Document]:
    """Raises NotImplementedError for an operator that is none of equality, `$in`, `$ne`, `$nin`."""
    found = [each for each in documents if _matches(each, filter)]
    for field, direction in reversed(sort):
        found.sort(key=lambda each, name=field: _order(each.get(name)), reverse=direction < 0)  # type: ignore[misc]
    return found


def _matches(document: Document, filter: Mapping[str, Any]) -> bool:
    return all(_holds(document.get(name), name, wanted) for name, wanted in filter.items())


def _holds(value: Any, name: str, wanted: Any) -> bool:
    if name.startswith("$") or "." in name:
        raise NotImplementedError(f"a filter with {name} is not answered from memory")
    if not isinstance(wanted, dict):
        return bool(value == wanted)
    for operator, operand in wanted.items():
        match operator:
            case "$in":
                holds = value in operand
            case "$nin":
                holds = value not in operand
            case "$ne":
                holds = value != operand
            case _:
                raise NotImplementedError(f"a filter with {operator} is not answered from memory")
        if not holds:
            return False
    return True


def _order(value: Any) -> tuple[str, Any]:
    """Values of one kind among each other, as `$sort` keeps them apart."""
    return ("", "") if value is None else (type(value).__name__, _plain(value))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, ObjectId | dict | list) else value
