"""Serve a service's app by uvicorn; open streams are cut 2 seconds after SIGTERM."""

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn
from fastapi import FastAPI

from shared.plumbing import gc_tuning, logs, tracing
from shared.plumbing.settings import CommonSettings

_GRACE_SECONDS: Final = 2
_FAILED: Final = 1


class Failure:
    """`app.state.failure`: whether the app cannot run, and who ends the process then."""

    def __init__(self) -> None:
        self.happened = False
        self._on_failure: Callable[[], None] | None = None

    def then(self, on_failure: Callable[[], None]) -> None:
        """Call `on_failure` when it happens, at once when it has."""
        self._on_failure = on_failure
        if self.happened:
            on_failure()

    def happen(self) -> None:
        """The app cannot run."""
        self.happened = True
        if self._on_failure is not None:
            self._on_failure()


def run(app: FastAPI, settings: CommonSettings, service: str) -> None:
    """Serve until SIGTERM or SIGINT; exits with code 1 when the app cannot run.

    Writes nothing but logs, to stderr.
    """
    logs.setup(service, settings.instance)
    gc_tuning.calm()
    tracing.setup(settings, service)
    server = uvicorn.Server(_config(app, settings))
    failure = _failure_of(app)
    failure.then(lambda: setattr(server, "should_exit", True))
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    finally:
        tracing.end()
    if failure.happened or not server.started:
        sys.exit(_FAILED)


def _config(app: FastAPI, settings: CommonSettings) -> uvicorn.Config:
    return uvicorn.Config(
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


def _failure_of(app: FastAPI) -> Failure:
    found = getattr(app.state, "failure", None)
    return found if isinstance(found, Failure) else Failure()
