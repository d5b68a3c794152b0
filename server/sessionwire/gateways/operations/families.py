"""Numbers that were counted elsewhere, as families of Prometheus metrics; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from sessionwire.reactive.tally import Histogram

_Values = TypeVar("_Values", bound=tuple[str, ...])

__all__ = ["counter", "counters", "gauge", "histogram", "histograms"]


def gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(f"sessionwire_{name}", said, value=float(value))


def counter(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(f"sessionwire_{name}", said, value=float(value))


def counters(name: str, said: str, label: str, counts: Mapping[str, int]) -> Metric:
    """One for each value of the label that was ever counted."""
    return _labelled(name, said, [label], (([each], n) for each, n in sorted(counts.items())))


def _labelled(
    name: str, said: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]
) -> Metric:
    family = CounterMetricFamily(f"sessionwire_{name}", said, labels=labels)
    for each, value in values:
        family.add_metric(each, value)
    return family


def histogram(name: str, said: str, observed: Histogram) -> Metric:
    return histograms(name, said, [], {(): observed})


def histograms(
    name: str, said: str, labels: Sequence[str], observed: Mapping[_Values, Histogram]
) -> Metric:
    """One for each combination of the labels' values."""
    family = HistogramMetricFamily(f"sessionwire_{name}", said, labels=labels)
    for values, each in sorted(observed.items()):
        family.add_metric(values, _buckets(each), sum_value=each.total)
    return family


def _buckets(observed: Histogram) -> list[tuple[str, float]]:
    reached, buckets = 0, []
    for bound, count in zip((*observed.bounds, "+Inf"), observed.counts, strict=True):
        reached += count
        buckets.append((str(bound), float(reached)))
    return buckets
