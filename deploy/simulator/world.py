"""What does Meta know? Everything that changes while the simulator runs, in one place."""

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from deploy.simulator.behaviour import Behaviour
from deploy.simulator.chance import seeded
from deploy.simulator.choices import Choice
from deploy.simulator.clock import Clock
from deploy.simulator.deliveries import Deliveries
from deploy.simulator.doors import Doors
from deploy.simulator.faults import Faults
from deploy.simulator.ledger import Ledger
from deploy.simulator.pace import Pace
from deploy.simulator.person import People, Person
from deploy.simulator.settings import Settings
from deploy.simulator.shapes import Number, Sent
from deploy.simulator.uploads import Uploads
from deploy.simulator.wamids import person_of, wamid
from deploy.simulator.windows import Windows

T = TypeVar("T")
_KEPT: Final = 20_000  # screens of customers, and messages for `message_history`
_SEEN_KEPT: Final = 1_000  # messages on a customer's screen


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the business as it stands on the customer's screen."""

    phone_number_id: str
    wamid: str
    type: str
    text: str | None
    at: float
    opaque: str | None
    choices: tuple[Choice, ...] = ()  # what can be tapped on it
    media_id: str | None = None  # of its file


@dataclass(slots=True)
class Screen:
    """What a customer sees: what was said to them, and what was marked as read."""

    seen: deque[Seen] = field(default_factory=lambda: deque[Seen](maxlen=_SEEN_KEPT))
    read: deque[str] = field(default_factory=lambda: deque[str](maxlen=_SEEN_KEPT))  # wamids


@dataclass(slots=True)
class History:
    """A message of the business and the statuses that it had so far."""

    sent: Sent
    events: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])


class World:
    """Built once by `app.py` and handed to everybody."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.chance = seeded(settings.seed, "world")
        self.behaviour = Behaviour()
        self.faults = Faults(seeded(settings.seed, "faults"))
        self.ledger = Ledger(settings.ledger_cap)
        self.windows = Windows()
        self.pace = Pace()
        self.people = People()
        self.uploads = Uploads()
        self.media_key = secrets.token_bytes(32)  # signs the addresses of files
        self.numbers: dict[str, Number] = {n.phone_number_id: n for n in settings.numbers}
        self.doors = Doors(settings.webhooks)
        self.deliveries = Deliveries(self.doors, settings.app_secret, lambda: self.behaviour)
        self._screens: OrderedDict[str, Screen] = OrderedDict()
        self._history: OrderedDict[str, History] = OrderedDict()
        self.generation = 0  # raised by reset: statuses of before it are not sent any more
        self.listener: Callable[[Person, Number, Seen], None] | None = None
        self._run = secrets.token_hex(6)  # a restart must not repeat wamids
        self._minted = 0

    def mint(self, person: str, *, inbound: bool) -> str:
        """A wamid that no other message has, not even after a restart."""
        self._minted += 1
        return wamid(person, f"{self._run}{self._minted:08x}", inbound=inbound)

    def screen(self, person: str) -> Screen:
        """What this customer sees."""
        screen = self._screens.pop(person, None) or Screen()
        return self._kept(self._screens, person, screen)

    def remember(self, sent: Sent) -> History:
        """Keep a message of the business for `message_history`."""
        return self._kept(self._history, sent.wamid, History(sent))

    def history(self, wamid: str) -> History | None:
        """A message of the business that is still remembered."""
        return self._history.get(wamid)

    def _kept(self, kept: OrderedDict[str, T], key: str, value: T) -> T:
        kept[key] = value
        while len(kept) > _KEPT:
            kept.popitem(last=False)
        return value

    def mark_read(self, wamid: str) -> str | None:
        """The business has read up to this message; answers whose it was, if that is known."""
        owner = person_of(wamid)
        if owner:
            self.screen(owner).read.append(wamid)
        return owner

    def heard(self, person: Person, number: Number, seen: Seen) -> None:
        """Tell whoever plays this customer that something was said to them."""
        if self.listener:
            self.listener(person, number, seen)

    def steady(self) -> float:
        """Seconds of a clock that nobody moves: for pauses and buckets."""
        return time.monotonic()

    def reset(self) -> None:
        """As after a start, but for the handshake and the numbers."""
        self.generation += 1
        self.clock.offset_seconds = 0.0
        self.chance = seeded(self.settings.seed, "world")
        self.behaviour = Behaviour()
        self.faults = Faults(seeded(self.settings.seed, "faults"))
        self.deliveries.clear()
        self.deliveries.resume()
        self._screens.clear()
        self._history.clear()
        for part in (self.ledger, self.windows, self.pace, self.people, self.uploads):
            part.clear()
