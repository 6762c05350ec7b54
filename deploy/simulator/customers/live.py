"""Who writes while the demo runs? A crowd that comes for ever, at a gentle rate, and answers."""

import asyncio
import heapq
from dataclasses import dataclass, field
from typing import Final

from deploy.simulator.choices import Menu
from deploy.simulator.customers.lines import Line
from deploy.simulator.customers.people import crowd
from deploy.simulator.customers.playing import Intended, Role, enter, hear
from deploy.simulator.person import Person
from deploy.simulator.shapes import Number
from deploy.simulator.world import Seen, World
from deploy.simulator.writing import Written, write

_WAITING_LIMIT: Final = 5_000  # nobody writes more while the receiver is so far behind
_CATCH_UP_SECONDS: Final = 0.5  # of a delay; what was missed before that stays unwritten
_BOTH: Final = 7  # each so-manieth customer writes to all numbers


@dataclass(order=True, slots=True)
class Due:
    """What somebody will write, and when (steady seconds)."""

    at: float
    order: int
    person: Person = field(compare=False)
    number: Number = field(compare=False)
    line: Line = field(compare=False)


class Crowd:
    """The customers of the demo; `run` writes `settings.rate` messages per second."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people = crowd(world.settings.seed, world.settings.customers)
        self._roles: dict[tuple[str, str], Role] = {}
        self._due: list[Due] = []
        self._turn = 0
        self._order = 0
        world.listener = self.heard

    async def run(self) -> None:
        """Write one message after the other: answers that are due, else somebody new."""
        pause = 1 / max(self._world.settings.rate, 0.001)
        at = self._world.steady()
        while True:
            now = self._world.steady()
            at = max(at + pause, now - _CATCH_UP_SECONDS)
            await asyncio.sleep(max(0.0, at - now))
            if self._world.deliveries.pending < _WAITING_LIMIT:
                self.write_next()

    def write_next(self) -> None:
        """Write what is due, or let the next customer come in."""
        now = self._world.steady()
        if not self._due or self._due[0].at > now:
            self._let_in(now)
        due = heapq.heappop(self._due)
        self._write(due)
        # An album leaves at one instant, so that its webhooks race.
        while self._due and self._due[0].person is due.person and self._due[0].at == due.at:
            self._write(heapq.heappop(self._due))

    def due(self) -> tuple[Due, ...]:
        """What is intended and not yet written."""
        return tuple(self._due)

    def heard(self, person: Person, number: Number, seen: Seen) -> None:
        """Something was said to one of ours: they will answer."""
        where = (person.key, number.phone_number_id)
        if where in self._roles:
            shown = Menu(seen.wamid, number.display_phone, seen.choices) if seen.choices else None
            self._roles[where], intended = hear(self._roles[where], seen.wamid, shown)
            self._intend(person, number, intended, self._world.steady())

    def _let_in(self, now: float) -> None:
        index, numbers = (
            self._turn % len(self._people),
            list(self._world.numbers.values()),
        )
        person, visit = self._people[index], self._turn // len(self._people)
        self._turn += 1
        self._world.people.add(person)
        chosen = numbers if index % _BOTH == _BOTH - 1 else [numbers[index % len(numbers)]]
        for number in chosen:
            name = f"{person.key} {number.phone_number_id}"
            settings = self._world.settings
            of_the_bot = number.phone_number_id == settings.bot_number
            role, intended = enter(settings.seed, name, visit, of_the_bot=of_the_bot)
            self._roles[(person.key, number.phone_number_id)] = role
            self._intend(person, number, intended, now)

    def _intend(
        self, person: Person, number: Number, intended: tuple[Intended, ...], now: float
    ) -> None:
        for each in intended:
            self._order += 1
            due = Due(now + each.after, self._order, person, number, each.line)
            heapq.heappush(self._due, due)

    def _write(self, due: Due) -> None:
        written = Written(due.line.type, due.line.content)
        write(self._world, due.number, due.person, written)
