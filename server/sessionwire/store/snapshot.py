"""Answers a query straight from the database as of one version: no stream, no replica kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessionwire.errors import Unavailable
from sessionwire.reactive.replica import Replica
from sessionwire.reactive.view import Answer, Failure, Query, evaluate
from sessionwire.store.load import Loader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Protocol

    from sessionwire.model import Version, Viewer
    from sessionwire.reactive.change import Key
    from sessionwire.reactive.replica import Load
    from sessionwire.store.mongo import Store

    class Loading(Protocol):
        async def load(self, keys: Iterable[Key], *, version: Version, epoch: int = 0) -> Load: ...


__all__ = ["evaluate_at", "evaluate_with"]

_ROUNDS = 32


async def evaluate_at(
    store: Store, query: Query, viewer: Viewer, args: Mapping[str, Any], *, version: Version
) -> Answer | Failure:
    """What the query says of the database as of `version` (P1's definition of right).

    Raises Unavailable.
    """
    return await evaluate_with(Loader(store), query, viewer, args, version=version)


async def evaluate_with(
    loader: Loading, query: Query, viewer: Viewer, args: Mapping[str, Any], *, version: Version
) -> Answer | Failure:
    """`evaluate_at`, read by this loader. HTTP reads use it while the change stream is silent."""
    replica = Replica(idle_limit=100_000)
    replica.restart(version)
    for _ in range(_ROUNDS):
        evaluation = evaluate(query, viewer, args, replica)
        if evaluation.outcome is not None:
            return evaluation.outcome
        replica.want(evaluation.missing)
        keys = replica.take_needs(len(evaluation.missing))
        load = await loader.load(keys, version=version, epoch=replica.epoch)
        if not replica.supply(load) >= set(keys):
            raise Unavailable(f"the query {query.name} reads what cannot be read")
    raise Unavailable(f"the query {query.name} never ends reading")
