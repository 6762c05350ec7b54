"""What does a body made elsewhere tell the simulator? Who wrote, and that their window is open."""

from collections.abc import Iterator

from deploy.simulator.json_values import Json, as_list, as_object, as_text
from deploy.simulator.ledger import Item
from deploy.simulator.person import Person
from deploy.simulator.world import World


def learn(world: World, body: Json) -> list[Item]:
    """Note each readable message as if its customer had written it here."""
    return [
        item
        for value in _values(body)
        for message in _objects(value.get("messages"))
        if (item := _note(world, value, message))
    ]


def _values(body: Json) -> Iterator[Json]:
    for entry in _objects(body.get("entry")):
        for change in _objects(entry.get("changes")):
            value = as_object(change.get("value"))
            if value:
                yield value


def _objects(value: object) -> list[Json]:
    return [shape for each in as_list(value) or () if (shape := as_object(each))]


def _note(world: World, value: Json, message: Json) -> Item | None:
    wamid, kind = as_text(message.get("id")), as_text(message.get("type"))
    number = as_text((as_object(value.get("metadata")) or {}).get("phone_number_id"))
    person = _person(world, value, message)
    if not (wamid and kind and number and person):
        return None
    at = as_text(message.get("timestamp")) or ""
    moment = float(at) if at.isdecimal() else world.clock.now()
    world.windows.heard(number, person.key, kind, moment)
    return world.ledger.item("message", wamid, number, person.key, kind)


def _person(world: World, value: Json, message: Json) -> Person | None:
    phone, user_id = as_text(message.get("from")), as_text(message.get("from_user_id"))
    known = world.people.find(user_id or "") or world.people.find(phone or "")
    if known or not (phone or user_id):
        return known
    contact = next(iter(_objects(value.get("contacts"))), Json())
    name = as_text((as_object(contact.get("profile")) or {}).get("name"))
    return world.people.add(Person(name or "Cliente", phone, user_id))
