"""Meta's API as a process: `python -m deploy.simulator`."""

import logging
import os
import sys

import uvloop
from aiohttp import web

from deploy.simulator.app import build_app
from deploy.simulator.settings import from_environment


def main() -> None:
    """Serve until interrupted."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO)
    settings = from_environment(os.environ)
    web.run_app(
        build_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=None,
        print=None,
        shutdown_timeout=2,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()
