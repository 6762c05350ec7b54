"""How is a service's app served? By uvicorn; open streams are cut 2 seconds after SIGTERM."""

from typing import Final

import uvicorn
from fastapi import FastAPI

from shared.plumbing import collector, logs, tracing
from shared.plumbing.settings import CommonSettings

_GRACE_SECONDS: Final = 2


def run(app: FastAPI, settings: CommonSettings, service: str) -> None:
    """Serve until SIGTERM or SIGINT; writes nothing but logs, to stderr."""
    logs.setup(service, settings.instance)
    collector.calm()
    tracing.setup(settings, service)
    try:
        uvicorn.run(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    finally:
        tracing.end()
