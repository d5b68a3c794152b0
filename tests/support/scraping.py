"""Reads `/metrics` as Prometheus does, in both of its formats."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prometheus_client.metrics_core import Metric

__all__ = ["OPENMETRICS", "number", "parsed", "scrape", "scraped"]

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


async def scrape(address: str, *, accept: str = OPENMETRICS) -> Mapping[str, Metric]:
    """The families by name; a counter's is without `_total`."""
    async with httpx.AsyncClient(base_url=address, timeout=10) as http:
        answer = await http.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200, answer.text
    return {each.name: each for each in parsed(answer)}


async def scraped(
    address: str, wanted: Callable[[Mapping[str, Metric]], bool], *, within: float = 20.0
) -> Mapping[str, Metric]:
    """The first families that are as wanted. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not wanted(found := await scrape(address)):  # noqa: ASYNC110 (it is elsewhere)
            await asyncio.sleep(0.05)
    return found


def parsed(answer: httpx.Response) -> Iterable[Metric]:
    """Raises ValueError for what Prometheus would refuse."""
    if answer.headers["content-type"].startswith("application/openmetrics-text"):
        return list(openmetrics.text_string_to_metric_families(answer.text))  # type: ignore[no-untyped-call]
    return list(parse_text(answer.text))


def number(families: Mapping[str, Metric], sample: str, **labels: str) -> float:
    """The value of the one sample with these labels and no others; 0 when there is none."""
    found = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and each.labels == labels
    ]
    assert len(found) <= 1, found
    return found[0] if found else 0.0
