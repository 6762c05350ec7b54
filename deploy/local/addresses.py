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
    single = {
        "directory": settings.directory_url,
        "outbound": settings.outbound_url,
        "ingest": os.environ.get("GUICHE_WEBHOOK", "").removesuffix(_WEBHOOK_PATH),
        "gateway": os.environ.get("GUICHE_API", ""),
    }
    yield from ((name, url) for name, url in single.items() if url)
    for service, urls in (
        ("tickets", settings.tickets_urls),
        ("projections", settings.projections_urls),
    ):
        for number, url in enumerate(urls, start=1):
            yield f"{service}-{number}", url
