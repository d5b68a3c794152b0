"""What is shipped for Grafana and Prometheus asks only for what `/metrics` shows."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import SecretStr

from support.edge import edge
from support.scraping import scrape

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from prometheus_client.metrics_core import Metric

    from sessionwire.store.embedded import EmbeddedMongo

ROOT = Path(__file__).parents[3]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/sessionwire.json").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
RULES: list[dict[str, Any]] = [each for group in ALERTS["groups"] for each in group["rules"]]
PANELS: list[dict[str, Any]] = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
PAGE = ROOT / "docs" / "observing.md"
METRIC = re.compile(r"\b(?:sessionwire|process|python)_[a-z_]+")
LABELLED = re.compile(r"\b((?:sessionwire|process)_[a-z_]+)\{([^}]*)\}")
LABEL = re.compile(r"([a-z_]+)\s*[=!]~?")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
TARGETS = {"job", "instance", "process", "le"}
"""Labels that Prometheus adds, or every metric may have."""


@pytest.fixture(scope="module")
async def shown(
    mongo: EmbeddedMongo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, Metric]]:
    """All families: of a worker, with a webhook, after every kind of answer."""
    webhook = {
        "webhook_url": "http://127.0.0.1:9/",
        "webhook_secret": SecretStr("W3bh00k-Zt7Lr4PwYc8BnJd5HsGf3aEuV6iRo1TzN"),
        "metrics_dir": tmp_path_factory.mktemp("metrics"),
    }
    async with edge(mongo, **webhook) as running:
        yield await scrape(running.address)


def samples_of(family: Metric) -> set[str]:
    """The names that a query may use."""
    endings = {
        "counter": ("_total",),
        "info": ("_info",),
        "histogram": ("_bucket", "_sum", "_count"),
    }
    return {family.name + ending for ending in endings.get(family.type, ("",))}


def queries() -> Iterable[tuple[str, str]]:
    for panel in PANELS:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        yield variable["name"], variable.get("definition", "")
    for annotation in DASHBOARD["annotations"]["list"]:
        yield annotation["name"], annotation.get("expr", "")
    for rule in RULES:
        yield rule["alert"], rule["expr"]


def test_every_metric_that_is_asked_for_is_shown(shown: Mapping[str, Metric]) -> None:
    known = {name for family in shown.values() for name in samples_of(family)}
    asked = {name: where for where, query in queries() for name in METRIC.findall(query)}
    assert asked.keys() <= known, asked.keys() - known
    assert len(asked) > 30


def test_every_label_that_is_asked_for_is_one_of_its_metric(shown: Mapping[str, Metric]) -> None:
    known = {name: family for family in shown.values() for name in samples_of(family)}
    labels = documented_labels()
    for where, query in queries():
        allowed = set(TARGETS)
        for metric in METRIC.findall(query):
            allowed |= labels.get(known[metric].name, set())
        for metric, matchers in LABELLED.findall(query):
            wanted = set(LABEL.findall(matchers)) - TARGETS
            assert wanted <= labels.get(known[metric].name, set()), (where, metric, wanted)
        for group in GROUPED.findall(query):
            assert {each.strip() for each in group.split(",")} <= allowed, (where, group)


@pytest.mark.parametrize("query", [query for _, query in queries()], ids=lambda query: query[:60])
def test_a_query_closes_what_it_opens(query: str) -> None:
    """No parser of PromQL is at hand; what a slip of the pen breaks first are the brackets."""
    closing = {")": "(", "}": "{", "]": "["}
    waiting: list[str] = []
    for character in re.sub(r'"[^"]*"', '""', query):
        if character in closing.values():
            waiting.append(character)
        elif character in closing:
            assert waiting and waiting.pop() == closing[character]
    assert not waiting and query.count('"') % 2 == 0


def test_counters_are_asked_for_rates_and_gauges_for_values(shown: Mapping[str, Metric]) -> None:
    kinds = {name: family.type for family in shown.values() for name in samples_of(family)}
    grown = re.compile(r"\b(?:rate|increase)\((\w+)")
    for where, query in queries():
        of_rates = set(grown.findall(query))
        for metric in set(METRIC.findall(query)):
            cumulative = kinds[metric] in ("counter", "histogram")
            assert (metric in of_rates) == cumulative, (where, metric)


def test_panels_say_what_they_show_in_a_unit_and_do_not_overlap() -> None:
    assert DASHBOARD["schemaVersion"] >= 39 and DASHBOARD["uid"] == "sessionwire"
    (source, *_) = DASHBOARD["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["title"] and panel["description"].endswith("."), panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["type"] == "heatmap" or panel["fieldConfig"]["defaults"]["unit"]
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
        values = [each["value"] for each in steps[1:]]
        assert all(low < high for low, high in pairwise(values)), panel["title"]


def test_alerts_say_what_is_wrong_and_how_bad_it_is() -> None:
    names = [each["alert"] for each in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert rule["alert"].startswith("Sessionwire")
        assert re.fullmatch(r"\d+[sm]", rule["for"])
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]


# docs/observing.md


def documented() -> dict[str, tuple[str, set[str]]]:
    """Name → kind and labels, from the table of the page."""
    rows = re.findall(r"^\| `(sessionwire_\w+)` \| (\w+) \|([^|]*)\|", PAGE.read_text(), re.M)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def documented_labels() -> dict[str, set[str]]:
    return {name.removesuffix("_total"): labels for name, (_, labels) in documented().items()}


def test_the_page_names_every_metric_and_no_other(shown: Mapping[str, Metric]) -> None:
    ours = {}
    for family in shown.values():
        if family.name.startswith("sessionwire"):
            ending = {"counter": "_total", "info": "_info"}.get(family.type, "")
            ours[family.name + ending] = family.type
    assert {name: kind for name, (kind, _) in documented().items()} == ours


def test_the_page_names_the_labels_of_each(shown: Mapping[str, Metric]) -> None:
    labels = documented_labels()
    for family in shown.values():
        if family.name.startswith("sessionwire_"):
            given = {name for sample in family.samples for name in sample.labels}
            assert given - {"le", "process"} <= labels[family.name], family.name
