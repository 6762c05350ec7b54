"""Which processes are there to ask? As the environment says, on one machine or on a cluster."""

import os
from collections.abc import Iterator

from shared.plumbing.settings import CommonSettings

_WEBHOOK_PATH = "/webhooks/whatsapp"


def processes() -> dict[str, str]:
    """Names and addresses; a service with several replicas is numbered."""
    return dict(_named())


def _named() -> Iterator[tuple[str, str]]:
    settings = CommonSettings()
    fronts = {
        "ingest": os.environ.get("GUICHE_WEBHOOK", "").removesuffix(_WEBHOOK_PATH),
        "gateway": os.environ.get("GUICHE_API", ""),
    }
    yield from ((name, url) for name, url in fronts.items() if url)
    for service, urls in (
        ("directory", settings.directory_urls),
        ("tickets", settings.tickets_urls),
        ("outbound", settings.outbound_urls),
        ("bot", settings.bot_urls),
        ("projections", settings.projections_urls),
    ):
        for number, url in enumerate(urls, start=1):
            yield service if len(urls) == 1 else f"{service}-{number}", url
