"""Prometheus metrics; `/metrics` names the service on each sample."""

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Final

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import Metric as Family
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REGISTRY: Final = CollectorRegistry()
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

ProcessCollector(registry=REGISTRY)


def counter(name: str, documentation: str, labels: Sequence[str] = ()) -> Counter:
    """`guiche_<name>_total`; labels never carry a phone number, wamid or contact id."""
    return Counter(f"guiche_{name}", documentation, labels, registry=REGISTRY)


def gauge(name: str, documentation: str, labels: Sequence[str] = ()) -> Gauge:
    """`guiche_<name>`."""
    return Gauge(f"guiche_{name}", documentation, labels, registry=REGISTRY)


def histogram(
    name: str,
    documentation: str,
    labels: Sequence[str] = (),
    buckets: Sequence[float] = _SECONDS,
) -> Histogram:
    """`guiche_<name>`; buckets are seconds unless others are given."""
    return Histogram(f"guiche_{name}", documentation, labels, registry=REGISTRY, buckets=buckets)


_http = histogram("http_seconds", "From a request to the head of its answer", ["route", "status"])


class _Timed:
    """Middleware: how long an answer takes to begin; a stream that stays open counts as begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", "other")  # never the path: it has ids
                status = f"{message['status'] // 100}xx"
                _http.labels(route=route, status=status).observe(perf_counter() - started)
            await send(message)

        await self._app(scope, receive, timed)


class _Named(Collector):
    """Every sample with the label `service`."""

    def __init__(self, service: str) -> None:
        self._label = {"service": service}

    def collect(self) -> Iterator[Family]:
        for family in REGISTRY.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, **self._label})
                for sample in family.samples
            ]
            yield family


def mount(app: FastAPI, service: str) -> None:
    """Serve `/metrics`, and measure how long every answer takes."""
    app.add_middleware(_Timed)
    named = CollectorRegistry()
    named.register(_Named(service))

    async def metrics() -> Response:
        return Response(generate_latest(named), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.add_api_route("/metrics", metrics, include_in_schema=False)
