"""How does one write as a customer, or see what a customer sees?"""

from dataclasses import asdict

from aiohttp import web

from deploy.simulator.control.bodies import (
    Line,
    RawWebhook,
    Writing,
    read_body,
    unprocessable,
)
from deploy.simulator.control.raw import send_raw
from deploy.simulator.graph import WORLD
from deploy.simulator.person import is_user_id
from deploy.simulator.shapes import Number
from deploy.simulator.world import World
from deploy.simulator.writing import Written, write, write_together


async def customer(request: web.Request) -> web.Response:
    """What this customer sees: the messages in order, and what was marked as read."""
    world = request.app[WORLD]
    person = world.people.find(request.match_info["customer"])
    if person is None:
        raise web.HTTPNotFound(text='{"error": "unknown"}', content_type="application/json")
    screen = world.screen(person.key)
    seen = [asdict(message) for message in screen.seen]
    return web.json_response({**asdict(person), "messages": seen, "read": list(screen.read)})


async def customer_writes(request: web.Request) -> web.Response:
    """Write as a customer."""
    world, writing = request.app[WORLD], await read_body(request, Writing)
    name = request.match_info["customer"]
    if not is_user_id(name) and not name.lstrip("+").isdigit():
        raise unprocessable(reason="the customer is a phone number or a user id such as BR.8f21")
    person = world.people.find(name) or world.people.meet(name, writing.name)
    number = _number(world, writing.phone_number_id)
    lines = [_written(world, line) for line in writing.lines()]
    if writing.together:
        wamids = write_together(world, number, person, lines)
    else:
        wamids = [write(world, number, person, line, copies=writing.copies) for line in lines]
    return web.json_response({"wamids": wamids}, status=202)


def _written(world: World, line: Line) -> Written:
    token = str(world.chance.getrandbits(64))
    return Written(line.kind(), line.keys(token), line.moment())


def _number(world: World, wanted: str | None) -> Number:
    number = world.numbers.get(wanted or next(iter(world.numbers)))
    if number is None:
        raise unprocessable(reason="unknown phone_number_id")
    return number


async def raw_webhooks(request: web.Request) -> web.Response:
    """Deliver any body; answers the HTTP code of each copy."""
    codes = await send_raw(request.app[WORLD], await read_body(request, RawWebhook))
    return web.json_response({"codes": codes})
