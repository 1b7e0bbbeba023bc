"""The view as Prometheus metrics, collected when asked."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from openaisle.web.view import ShopView


class ViewMetrics(Collector):
    """Nothing is counted twice: every figure is read from the view."""

    def __init__(self, view: ShopView) -> None:
        self._view = view

    def collect(self) -> Iterable[Metric]:
        latency = self._view.part("latency")
        edges = [*map(str, latency["edges_ms"]), "+Inf"]
        yield HistogramMetricFamily(
            "openaisle_cart_latency_ms",
            "Weight edge to cart, milliseconds of shop time.",
            buckets=list(zip(edges, accumulate(latency["counts"]), strict=True)),
            sum_value=None,
        )
        status = self._view.part("status")
        yield CounterMetricFamily("openaisle_visits", "Visits opened.", status["visits"])
        yield CounterMetricFamily("openaisle_reviews", "Reviews opened for a person.", status["reviews"])
        rate = status["reviews_per_1000"]
        yield GaugeMetricFamily("openaisle_reviews_per_1000_visits", "How often a person is asked.", rate)
        people = len(self._view.part("floor")["people"])
        yield GaugeMetricFamily("openaisle_people_on_floor", "People tracked now.", people)
        yield GaugeMetricFamily("openaisle_carts_open", "Carts open now.", len(self._view.part("carts")))
        yield GaugeMetricFamily("openaisle_faults", "Sensors degraded now.", len(self._view.part("health")))
