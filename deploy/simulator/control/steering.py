"""How is the simulator steered? State, faults, switches, clock, pause, numbers."""

from dataclasses import asdict

from aiohttp import web

from deploy.simulator.behaviour import Behaviour
from deploy.simulator.control.bodies import ClockChange, NewNumber, read_body
from deploy.simulator.faults import Fault
from deploy.simulator.graph import WORLD
from deploy.simulator.shapes import Number


async def state(request: web.Request) -> web.Response:
    """Whether the receiver answered the handshake, and how much still waits."""
    world = request.app[WORLD]
    return web.json_response(
        {
            "status": "ok",
            "receiver": "ready" if world.deliveries.is_open else "waiting",
            "paused": world.deliveries.is_paused,
            "pending": world.deliveries.pending,
            "clock_offset_seconds": world.clock.offset_seconds,
            "numbers": list(world.numbers),
        }
    )


async def ready(request: web.Request) -> web.Response:
    """503 until the receiver has answered the handshake."""
    is_open = request.app[WORLD].deliveries.is_open
    waiting = [] if is_open else ["receiver"]
    return web.json_response({"waiting_for": waiting}, status=200 if is_open else 503)


async def add_fault(request: web.Request) -> web.Response:
    """From now on something goes wrong."""
    request.app[WORLD].faults.add(await read_body(request, Fault))
    return await faults(request)


async def faults(request: web.Request) -> web.Response:
    """What goes wrong at present."""
    current = request.app[WORLD].faults.all()
    return web.json_response({"faults": [fault.model_dump(mode="json") for fault in current]})


async def clear_faults(request: web.Request) -> web.Response:
    """Nothing goes wrong any more."""
    request.app[WORLD].faults.clear()
    return web.Response(status=204)


async def behaviour(request: web.Request) -> web.Response:
    """The switches."""
    return web.json_response(request.app[WORLD].behaviour.model_dump(mode="json"))


async def set_behaviour(request: web.Request) -> web.Response:
    """Change the switches that the body names."""
    world = request.app[WORLD]
    given = await read_body(request, Behaviour)
    world.behaviour = world.behaviour.model_copy(update=given.model_dump(exclude_unset=True))
    return await behaviour(request)


async def reset(request: web.Request) -> web.Response:
    """Forget everything but the numbers and the handshake."""
    request.app[WORLD].reset()
    return web.Response(status=204)


async def set_clock(request: web.Request) -> web.Response:
    """Move Meta's clock: windows and timestamps, not pauses."""
    change = await read_body(request, ClockChange)
    request.app[WORLD].clock.offset_seconds = change.offset_seconds
    return web.json_response({"now": request.app[WORLD].clock.now()})


async def pause(request: web.Request) -> web.Response:
    """Hold the deliveries."""
    request.app[WORLD].deliveries.pause()
    return web.Response(status=204)


async def resume(request: web.Request) -> web.Response:
    """Let the deliveries flow again."""
    request.app[WORLD].deliveries.resume()
    return web.Response(status=204)


async def add_number(request: web.Request) -> web.Response:
    """One more business number."""
    world, new = request.app[WORLD], await read_body(request, NewNumber)
    waba = new.waba_id or next(iter(world.numbers.values())).waba_id
    world.numbers[new.phone_number_id] = Number(new.phone_number_id, new.display_phone, waba)
    return web.json_response(asdict(world.numbers[new.phone_number_id]), status=201)
