"""What do the customers of a check write? A pure function of the seed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from deploy.simulator.chance import seeded
from deploy.simulator.customers.lines import Line, line
from deploy.simulator.customers.people import crowd
from deploy.simulator.customers.plan import Conversation, Plan, Webhook
from deploy.simulator.json_values import Json
from deploy.simulator.person import Person
from deploy.simulator.shapes import Number, contact, envelope, message, value
from deploy.simulator.wamids import wamid

_INTENTS: Final = {  # with weights; an album is several pictures in one burst
    "question": 30,
    "answer": 30,
    "greeting": 12,
    "album": 6,
    "voice": 5,
    "sticker": 3,
    "location": 2,
    "contacts": 2,
    "document": 3,
    "order": 2,
    "unsupported": 2,
    "reaction": 3,
}
_ALBUM: Final = (2, 6)
_SECOND: Final = 0.15  # of the webhooks of a customer: to another connection


@dataclass(frozen=True, slots=True)
class _Draft:
    person: Person
    number: Number
    burst: int
    line: Line


def script(
    seed: object,
    connections: Sequence[Number],
    *,
    customers: int = 60,
    webhooks: int = 1000,
    twice: float = 0.05,
    three_times: float = 0.02,
    start: int = 1_790_000_000,
    run: str = "",
) -> Plan:
    """The same arguments give the same plan.

    `start`: seconds since 1970 of the first message. `run`: another word gives other phones and
    wamids for the same story, so that a check can be repeated on one store.
    """
    people = crowd(seed, customers, run)
    chance = seeded(seed, "script")
    drafts = list(_drafts(chance, people, connections, webhooks))
    written = [
        _webhook(draft, _token(seed, run, index), start + index // 20)
        for index, draft in enumerate(drafts)
    ]
    return Plan(
        people,
        _repeated(chance, written, twice, three_times),
        _after_closing(seed, run, drafts, start + len(drafts) // 20 + 60),
    )


def _drafts(
    chance: Random, people: Sequence[Person], numbers: Sequence[Number], count: int
) -> Iterator[_Draft]:
    """Exactly `count` messages; everybody writes at least once when there are enough."""
    bursts: dict[Conversation, int] = {}
    left, visited = count, 0
    while left:
        index = visited if visited < len(people) else chance.randrange(len(people))
        visited += 1
        home = index % len(numbers)
        place = home if chance.random() > _SECOND else (home + 1) % len(numbers)
        where = (people[index].key, numbers[place].phone_number_id)
        bursts[where] = burst = bursts.get(where, -1) + 1
        for each in _burst(chance, count - left, left, first=burst == 0):
            left -= 1
            yield _Draft(people[index], numbers[place], burst, each)


def _burst(chance: Random, written: int, room: int, *, first: bool) -> list[Line]:
    """One message or an album; a conversation never begins with a reaction."""
    intent = chance.choices(list(_INTENTS), list(_INTENTS.values()))[0]
    if intent == "reaction" and first:
        intent = "greeting"
    size = min(room, chance.randint(*_ALBUM)) if intent == "album" else 1
    name = "image" if intent == "album" else intent
    # The number at the end makes each text one of a kind, so that a check can tell them apart.
    return [line(name, chance, _some_wamid(chance), f" [{written + n}]") for n in range(size)]


def _some_wamid(chance: Random) -> str:
    """A message of the business that nobody has heard of: reactions may come first."""
    return wamid("5511940000001", f"{chance.getrandbits(80):020x}", inbound=False)


def _token(seed: object, run: str, index: object) -> str:
    return f"{seeded(seed, run, 'wamid', index).getrandbits(80):020x}"


def _webhook(draft: _Draft, token: str, at: int) -> Webhook:
    person, number, said = draft.person, draft.number, draft.line
    name = wamid(person.key, token, inbound=True)
    shape = message(person, name, at, said.type, said.content)
    body = _enveloped(number, person, shape)
    return Webhook((person.key, number.phone_number_id), draft.burst, name, said, body)


def _enveloped(number: Number, person: Person, shape: Json) -> Json:
    inside = value(number, [contact(person)], "messages", [shape])
    return envelope([(number.waba_id, [inside])])


def _repeated(
    chance: Random, webhooks: Sequence[Webhook], twice: float, three_times: float
) -> tuple[Webhook, ...]:
    """Exactly these shares come two and three times."""
    doubles, triples = round(len(webhooks) * twice), round(len(webhooks) * three_times)
    chosen = chance.sample(range(len(webhooks)), doubles + triples)
    copies = dict.fromkeys(chosen[:doubles], 2) | dict.fromkeys(chosen[doubles:], 3)
    return tuple(replace(each, copies=copies.get(i, 1)) for i, each in enumerate(webhooks))


def _after_closing(
    seed: object, run: str, drafts: Sequence[_Draft], at: int
) -> tuple[Webhook, ...]:
    """For each conversation one message after the end: a courtesy or a new question."""
    last = {(draft.person.key, draft.number.phone_number_id): draft for draft in drafts}
    replies: list[Webhook] = []
    for index, (where, draft) in enumerate(last.items()):
        chance = seeded(seed, "after closing", index)
        polite = chance.random() < 0.4  # noqa: PLR2004
        body = chance.choice(("obrigado", "🙏"))
        said = line("later", chance, mark=f" [z{index}]")
        if polite:
            said = Line("text", {"text": {"body": body}}, body)
        reply = replace(draft, burst=draft.burst + 1, line=said)
        replies.append(_webhook(reply, _token(seed, run, f"after {where}"), at))
    return tuple(replies)
