"""Which processes are there to ask? As the environment says, on one machine or on a cluster."""

import os
from collections.abc import Iterator
from typing import Final

from shared.plumbing.settings import CommonSettings

_WEBHOOK_PATH: Final = "/webhooks/whatsapp"
FRONTS: Final = {"ingest": "GUICHE_WEBHOOK", "gateway": "GUICHE_API"}
"""Who is called from outside, and where: no service has their addresses in its settings."""


def processes() -> dict[str, str]:
    """Names and addresses; a service with several replicas is numbered."""
    return dict(_named())


def _named() -> Iterator[tuple[str, str]]:
    settings = CommonSettings()
    for service, urls in (
        *((front, _of_front(front)) for front in FRONTS),
        ("directory", settings.directory_urls),
        ("tickets", settings.tickets_urls),
        ("outbound", settings.outbound_urls),
        ("bot", settings.bot_urls),
        ("projections", settings.projections_urls),
    ):
        for number, url in enumerate(urls, start=1):
            yield service if len(urls) == 1 else f"{service}-{number}", url


def _of_front(service: str) -> tuple[str, ...]:
    """`INGEST_URLS` or `GATEWAY_URLS`, by comma; else the one address that everybody knows."""
    known = os.environ.get(FRONTS[service], "").removesuffix(_WEBHOOK_PATH)
    given = os.environ.get(f"{service.upper()}_URLS", known)
    return tuple(filter(None, (url.strip() for url in given.split(","))))
