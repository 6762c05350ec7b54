"""How does the system do? Tickets per view, messages per second, lag, restarts; one look."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import aiohttp

from deploy.local.installation import SIMULATOR, Installation
from deploy.local.reports import Report, reports

WATCHED_TOPICS: Final = ("inbound.events", "tickets.events", "outbound.commands")
_PUBLISHED: Final = "guiche_published_total"
_LAGS: Final = {
    "guiche_consumer_lag_seconds": "topic",
    "guiche_projection_lag_seconds": "",
    "guiche_relay_oldest_unpublished_seconds": "",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw; rates are since the look before."""

    tickets: Mapping[str, int]  # per view
    per_second: Mapping[str, float]  # messages published, per topic
    lags: Mapping[str, float]  # "consumer topic": seconds
    waiting: Mapping[str, str]  # process: what it waits for


@dataclass(slots=True)
class Observer:
    """Looks at an installation again and again."""

    http: aiohttp.ClientSession
    installation: Installation
    _totals: dict[str, float] = field(default_factory=dict)
    _at: float = 0.0
    _token: str = ""

    async def look(self) -> Look:
        """One look; what does not answer is named in `waiting`."""
        names = (*self.installation.topology.instances, SIMULATOR)
        urls = {name: self.installation.url(name) for name in names}
        found = await reports(self.http, urls, plain=(SIMULATOR,))
        return Look(
            tickets=await self._tickets() if found["gateway"].ready else {},
            per_second=self._rates(found),
            lags=_lags(found),
            waiting={
                name: ", ".join(report.waiting_for) or "its start"
                for name, report in found.items()
                if not report.ready
            },
        )

    def _rates(self, found: Mapping[str, Report]) -> dict[str, float]:
        now, before, then = monotonic(), self._totals, self._at
        self._totals = {
            topic: sum(report.total(_PUBLISHED, topic=topic) for report in found.values())
            for topic in WATCHED_TOPICS
        }
        self._at = now
        if not before:
            return {}
        seconds = max(now - then, 0.001)
        return {
            topic: max(0.0, total - before[topic]) / seconds
            for topic, total in self._totals.items()
        }

    async def _tickets(self) -> dict[str, int]:
        try:
            self._token = self._token or await self._sign_in()
            headers = {"Authorization": f"Bearer {self._token}"}
            async with self.http.get(self._api("/v1/counts"), headers=headers) as answer:
                if answer.ok:
                    return (await answer.json())["views"]
        except (aiohttp.ClientError, TimeoutError, KeyError):
            pass
        self._token = ""
        return {}

    async def _sign_in(self) -> str:
        public = self.installation.public()
        body = {"login": public["GUICHE_ADMIN_LOGIN"], "password": public["GUICHE_PASSWORD"]}
        async with self.http.post(self._api("/v1/sessions"), json=body) as answer:
            return (await answer.json())["access_token"]

    def _api(self, path: str) -> str:
        return self.installation.url("gateway") + path


def _lags(found: Mapping[str, Report]) -> dict[str, float]:
    worst: dict[str, float] = {}
    for process, report in found.items():
        service = process.partition("-")[0]
        for metric, label in _LAGS.items():
            for value_of, seconds in report.by_label(metric, label).items():
                name = f"{service} {value_of}".strip()
                worst[name] = max(worst.get(name, 0.0), seconds)
    return worst
