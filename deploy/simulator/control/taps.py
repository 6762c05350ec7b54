"""How does one tap as a customer? On a button or a row of what is on their screen."""

from collections.abc import Iterator

from aiohttp import web

from deploy.simulator.choices import Choice, Menu, tap
from deploy.simulator.control.bodies import Tap, read_body, unprocessable
from deploy.simulator.graph import WORLD
from deploy.simulator.person import Person
from deploy.simulator.shapes import Number
from deploy.simulator.world import Seen, World
from deploy.simulator.writing import Written, write


async def customer_taps(request: web.Request) -> web.Response:
    """Tap on the newest message with choices that this customer got, or on an older one."""
    world, wanted = request.app[WORLD], await read_body(request, Tap)
    person = world.people.find(request.match_info["customer"])
    seen = None if person is None else next(_tappable(world, person, wanted), None)
    if person is None or seen is None:
        raise unprocessable(reason="this customer has no message with choices")
    number = world.numbers[seen.phone_number_id]
    content = tap(Menu(seen.wamid, number.display_phone, seen.choices), _choice(seen, wanted))
    wamid = _write(world, number, person, content, wanted)
    return web.json_response({"wamids": [wamid]}, status=202)


def _write(
    world: World, number: Number, person: Person, content: dict[str, object], wanted: Tap
) -> str:
    return write(world, number, person, Written("interactive", content), copies=wanted.copies)


def _tappable(world: World, person: Person, wanted: Tap) -> Iterator[Seen]:
    """The newest first."""
    return (
        seen
        for seen in reversed(world.screen(person.key).seen)
        if seen.choices
        and wanted.wamid in {None, seen.wamid}
        and wanted.phone_number_id in {None, seen.phone_number_id}
    )


def _choice(seen: Seen, wanted: Tap) -> Choice:
    for position, choice in enumerate(seen.choices, 1):
        if wanted.fits(position, choice):
            return choice
    offered = ", ".join(choice.id for choice in seen.choices)
    raise unprocessable(reason=f"the message offers only: {offered}")
