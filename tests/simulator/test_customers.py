"""Do the scripted customers write for ever, answer what they hear, and repeat with the seed?"""

from deploy.simulator.customers.live import Crowd
from deploy.simulator.customers.people import crowd
from deploy.simulator.customers.personas import PERSONAS
from deploy.simulator.customers.playing import Intended, Role, enter, hear
from deploy.simulator.settings import Settings
from deploy.simulator.world import World
from tests.simulator.conftest import FIRST, SECOND, Simulator, a_text
from tests.simulator.receiver import Receiver


def a_visit(seed: str, customer: str) -> list[tuple[Intended, ...]]:
    """The opening and the answers to five messages."""
    role, opening = enter(seed, customer, 0)
    said = [opening]
    for turn in range(5):
        role, answer = hear(role, f"wamid.{turn}")
        said.append(answer)
    return said


def test_a_visit_repeats_with_the_seed_and_the_same_messages() -> None:
    customers = [person.key for person in crowd("7", 50)]
    first = [a_visit("7", customer) for customer in customers]
    assert [a_visit("7", customer) for customer in customers] == first
    assert [a_visit("8", customer) for customer in customers] != first


def test_every_kind_of_customer_and_message_occurs() -> None:
    roles = [enter("7", person.key, 0)[0] for person in crowd("7", 300)]
    assert {role.persona.name for role in roles} == {each.name for each in PERSONAS}
    lines = [
        intended.line.type
        for person in crowd("7", 300)
        for said in a_visit("7", person.key)
        for intended in said
    ]
    assert set(lines) == {
        *("text", "image", "video", "audio", "document", "sticker"),
        *("location", "contacts", "order", "unsupported", "reaction"),
    }


def test_a_reaction_is_about_the_message_that_was_heard() -> None:
    nature = next(each for each in PERSONAS if each.name == "reacting")
    _, answer = hear(Role("7", "x", 0, nature), "wamid.heard")
    reaction = answer[0].line.content["reaction"]
    assert isinstance(reaction, dict)
    assert reaction["message_id"] == "wamid.heard"
    assert answer[0].after >= nature.pause_seconds[0]


def test_an_album_is_written_at_one_instant() -> None:
    album = next(each for each in PERSONAS if each.name == "album")
    person = next(p for p in crowd("7", 300) if enter("7", p.key, 0)[0].persona is album)
    _, opening = enter("7", person.key, 0)
    assert [intended.after for intended in opening] == [0.0] * 4


def test_a_silent_customer_does_not_answer() -> None:
    silent = next(each for each in PERSONAS if each.name == "silent")
    assert hear(Role("7", "x", 0, silent), "wamid.a")[1] == ()


async def test_the_crowd_writes_to_both_numbers_and_comes_again() -> None:
    world = World(Settings(numbers=(FIRST, SECOND), seed="7", customers=20))
    customers = Crowd(world)
    for _ in range(400):
        customers.write_next()
    items = list(world.ledger.items())
    assert len(items) >= 400
    assert {item.phone_number_id for item in items} == {
        FIRST.phone_number_id,
        SECOND.phone_number_id,
    }
    assert {item.person for item in items} == {person.key for person in crowd("7", 20)}


async def test_a_customer_of_the_crowd_answers_an_agent(
    receiver: Receiver, simulator: Simulator
) -> None:
    world = simulator.world
    customers = Crowd(world)
    answering = None
    while answering is None:
        customers.write_next()
        item = list(world.ledger.items())[-1]
        where = f"{item.person} {item.phone_number_id}"
        nature = enter("7", where, 0)[0].persona
        answering = item if nature.turns and item.person and item.person.isdigit() else None
    assert answering.person
    before = receiver.bodies.copy()
    status, answer = await simulator.post(a_text(answering.person), answering.phone_number_id)
    assert status == 200, answer
    due = [each for each in customers.due() if each.person.key == answering.person]
    assert due, "an answer is planned, after a human pause"
    assert min(each.at for each in due) > world.steady()
    assert receiver.bodies[: len(before)] == before
