"""How does a customer's message reach the business? Into the ledger, the window and a webhook."""

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.simulator.deliveries import Update
from deploy.simulator.faults import Kind
from deploy.simulator.json_values import Json
from deploy.simulator.person import Person
from deploy.simulator.shapes import Number, contact, message
from deploy.simulator.world import World


@dataclass(frozen=True, slots=True)
class Written:
    """What a customer writes: the type and the keys that belong to it."""

    type: str
    content: Json
    at: float | None = None  # seconds since 1970; none: now


def write(
    world: World, number: Number, person: Person, written: Written, *, copies: int = 1
) -> str:
    """Send one message in a post of its own; answers its wamid."""
    update = _update(world, number, person, written)
    again = world.faults.draw(Kind.WEBHOOK_DUPLICATE, number.phone_number_id) is not None
    late = world.faults.draw(Kind.WEBHOOK_REORDER, number.phone_number_id)
    after = (late.ms or 1000) / 1000 if late else 0
    world.deliveries.post([update], copies=copies, again=again, after=after)
    return update.item.key


def write_together(
    world: World, number: Number, person: Person, lines: Sequence[Written]
) -> list[str]:
    """Send several messages in one post; answers their wamids."""
    updates = [_update(world, number, person, line) for line in lines]
    world.deliveries.post(updates)
    return [update.item.key for update in updates]


def _update(world: World, number: Number, person: Person, written: Written) -> Update:
    at = world.clock.now() if written.at is None else written.at
    wamid = world.mint(person.key, inbound=True)
    where = number.phone_number_id
    world.windows.heard(where, person.key, written.type, at)
    world.pace.number(where, world.behaviour.messages_per_second, world.steady()).drain(
        world.steady()
    )
    item = world.ledger.item("message", wamid, where, person.key, written.type)
    shape = message(person, wamid, at, written.type, written.content)
    return Update(item, number, "messages", shape, contact(person))
