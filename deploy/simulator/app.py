"""What is the simulator made of? Its routes and its loops, wired in one place."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Final

from aiohttp import web

from deploy.simulator import media
from deploy.simulator.control import customers, ledger, steering, taps
from deploy.simulator.customers.live import Crowd
from deploy.simulator.graph import WORLD, messages
from deploy.simulator.handshake import until_shaken
from deploy.simulator.history import message_history
from deploy.simulator.settings import Settings
from deploy.simulator.world import World

_log = logging.getLogger(__name__)
_SAVE_EACH_SECONDS: Final = 2.0


def build_app(settings: Settings) -> web.Application:
    """The whole simulator; its loops run while the application does."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app[WORLD] = World(settings)
    app.add_routes(_ROUTES)
    app.cleanup_ctx.append(_loops)
    return app


_GRAPH: Final = r"/{version:v\d+\.\d+}/{phone_number_id}"
_MEDIA: Final = r"/{version:v\d+\.\d+}/{media_id:\d+}"
_ROUTES: Final = (
    web.post(f"{_GRAPH}/messages", messages),
    web.get(f"{_GRAPH}/message_history", message_history),
    web.post(f"{_GRAPH}/media", media.upload),
    web.get(_MEDIA, media.describe),
    web.delete(_MEDIA, media.delete),
    web.get("/attachments", media.download),
    web.get("/health", steering.state),
    web.get("/ready", steering.ready),
    web.get("/control/faults", steering.faults),
    web.post("/control/faults", steering.add_fault),
    web.delete("/control/faults", steering.clear_faults),
    web.get("/control/behaviour", steering.behaviour),
    web.post("/control/behaviour", steering.set_behaviour),
    web.post("/control/reset", steering.reset),
    web.post("/control/clock", steering.set_clock),
    web.post("/control/pause", steering.pause),
    web.post("/control/resume", steering.resume),
    web.post("/control/numbers", steering.add_number),
    web.get("/control/ledger", ledger.ledger),
    web.get("/control/customers/{customer}", customers.customer),
    web.post("/control/customers/{customer}/messages", customers.customer_writes),
    web.post("/control/customers/{customer}/taps", taps.customer_taps),
    web.post("/control/webhooks", customers.raw_webhooks),
)


async def _loops(app: web.Application) -> AsyncIterator[None]:
    world = app[WORLD]
    state = Path(world.settings.state_file) if world.settings.state_file else None
    if state:
        world.windows.load(state)
    tasks = [asyncio.create_task(body) for body in _bodies(world, state)]
    for task in tasks:
        task.add_done_callback(_report)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if state:
        world.windows.save(state, world.clock.now())


def _bodies(world: World, state: Path | None) -> Iterator[Coroutine[None, None, None]]:
    yield world.deliveries.run()
    if world.settings.webhooks:
        yield _open(world)
    if state:
        yield _keep(world, state)
    if world.settings.simulate:
        yield Crowd(world).run()


async def _open(world: World) -> None:
    await until_shaken(world.doors, world.settings.verify_token)
    _log.info("the receiver answered the handshake")
    world.deliveries.open()


async def _keep(world: World, state: Path) -> None:
    while True:
        await asyncio.sleep(_SAVE_EACH_SECONDS)
        world.windows.save(state, world.clock.now())


def _report(task: asyncio.Task[None]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        if error := task.exception():
            _log.error("a loop of the simulator ended", exc_info=error)
            raise web.GracefulExit  # the supervisor starts a whole one
