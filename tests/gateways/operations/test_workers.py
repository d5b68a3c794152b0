"""Several processes on one port: whoever is asked answers for all."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge

from sessionwire.gateways.operations.workers import Workers
from support.following import stopped
from support.process import serve
from support.scraping import scrape, scraped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

UP = "sessionwire_worker_up"


def counting(number: float) -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("answer", "What there is.", registry=registry).set(number)
    return registry


def by_process(found: Mapping[str, Metric], name: str) -> dict[str, float]:
    samples = found[name].samples if name in found else []
    return {each.labels["process"]: each.value for each in samples}


async def told(workers: Workers) -> Mapping[str, Metric]:
    return {each.name: each for each in (await workers.registry()).collect()}


async def test_alone_it_shows_its_own_numbers_as_they_are() -> None:
    registry = counting(42)
    assert await Workers(registry, None).registry() is registry


async def test_one_that_was_killed_is_forgotten(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "123"))  # and nobody listens there any more
    async with (workers := Workers(counting(42), tmp_path)).telling():
        assert len(by_process(await told(workers), UP)) == 1
        assert "123" not in os.listdir(tmp_path)
    assert os.listdir(tmp_path) == []


async def test_one_that_hangs_is_shown_to_be_down(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "123"))
        listener.listen()
        async with (workers := Workers(counting(42), tmp_path)).telling():
            found = await told(workers)
    assert by_process(found, UP)["123"] == 0
    assert list(by_process(found, "answer").values()) == [42]


async def test_what_is_no_answer_breaks_nothing(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a socket")
    async with (workers := Workers(counting(42), tmp_path)).telling():
        assert list(by_process(await told(workers), "answer").values()) == [42]


async def test_workers_on_one_port_answer_for_each_other(tmp_path: Path) -> None:
    async with serve(tmp_path / "data", "--workers", "2") as served:
        found = await scraped(served.address, lambda found: len(by_process(found, UP)) == 2)
        workers = {str(each.pid): each for each in served.workers()}
        assert by_process(found, UP) == dict.fromkeys(workers, 1.0)
        assert by_process(found, "sessionwire_ready") == dict.fromkeys(workers, 1.0)
        name, one = next(iter(workers.items()))
        with stopped(one.pid):
            found = await scrape(served.address)
            assert by_process(found, UP)[name] == 0
            assert list(by_process(found, "sessionwire_ready")) == [*(workers.keys() - {name})]
        one.kill()
        await scraped(served.address, lambda found: name not in by_process(found, UP))
