"""What does each process say of itself? `/metrics`, `/ready`, `/health`, asked all at once."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

Samples: TypeAlias = dict[str, list[tuple[Mapping[str, str], float]]]


@dataclass(frozen=True, slots=True)
class Report:
    """One process at one moment."""

    answered: bool = False
    waiting_for: tuple[str, ...] = ()
    samples: Samples = field(default_factory=Samples)

    @property
    def ready(self) -> bool:
        """Whether it may be given work."""
        return self.answered and not self.waiting_for

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples with these labels."""
        return sum(
            value
            for found, value in self.samples.get(name, [])
            if labels.items() <= dict(found).items()
        )

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """The samples of a metric by one label."""
        return {found.get(label, ""): value for found, value in self.samples.get(name, [])}


async def reports(
    http: aiohttp.ClientSession, urls: Mapping[str, str], plain: Iterable[str] = ()
) -> dict[str, Report]:
    """A report per process; of those in `plain` the metrics are not asked."""
    without = set(plain)
    found = await asyncio.gather(
        *(_report(http, url, metrics=name not in without) for name, url in urls.items())
    )
    return dict(zip(urls, found, strict=True))


async def _report(http: aiohttp.ClientSession, url: str, *, metrics: bool) -> Report:
    try:
        waiting = (*await _waiting(http, url), *await _standing_still(http, url))
        samples = await _samples(http, url) if metrics else {}
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return Report()
    return Report(answered=True, waiting_for=waiting, samples=samples)


async def _waiting(http: aiohttp.ClientSession, url: str) -> tuple[str, ...]:
    async with http.get(f"{url}/ready") as answer:
        said: dict[str, Any] = await answer.json()
        waiting = said.get("waiting_for")
        return tuple(waiting) if waiting else (() if answer.ok else ("itself",))


async def _standing_still(http: aiohttp.ClientSession, url: str) -> tuple[str, ...]:
    """Loops without a sign of life: the process is ready, and its work does not go on."""
    async with http.get(f"{url}/health") as answer:
        said: dict[str, Any] = await answer.json()
        return tuple(f"its loop {name}" for name in said.get("stale", ()))


async def _samples(http: aiohttp.ClientSession, url: str) -> Samples:
    async with http.get(f"{url}/metrics") as answer:
        text = await answer.text()
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found
