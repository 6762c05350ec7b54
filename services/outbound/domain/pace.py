"""Token buckets per number and per pair (Cloud API 12).

The levels of the buckets stand in the database, because several processes send for one number: who
has a number's lock takes its tokens. What we cannot know, Meta's refusals tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

PAIR_BURST: Final = 45.0
PAIR_PER_SECOND: Final = 1 / 6
PAIR_FULL_SECONDS: Final = PAIR_BURST / PAIR_PER_SECOND  # then it is like one that was never used
_BURST_SECONDS: Final = 0.5  # of a number's rate: Meta counts messages per second
_CLOCK_SET_BACK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Level:
    """The tokens of a bucket at an instant, in seconds since 1970 by the database's clock."""

    tokens: float
    at: float


NEVER_USED: Final = Level(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket of `capacity` tokens, refilled by `per_second`."""

    capacity: float
    per_second: float

    def refilled(self, level: Level, now: float) -> Level:
        """The level as it is now; one of an instant to come is of a clock that was set back."""
        if level.at > now + _CLOCK_SET_BACK_SECONDS:
            return Level(self.capacity, now)
        gained = max(0.0, now - level.at) * self.per_second
        return Level(min(self.capacity, level.tokens + gained), now)

    def wait_seconds(self, level: Level) -> float:
        """Until there is a whole token."""
        return max(0.0, (1.0 - level.tokens) / self.per_second)


_PAIR: Final = Rate(PAIR_BURST, PAIR_PER_SECOND)


def number_rate(per_second: float) -> Rate:
    """The bucket of a number that sends so many messages per second."""
    return Rate(max(1.0, per_second * _BURST_SECONDS), per_second)


class Turn:
    """What may leave at the instant `now`; `numbers` are locked until the turn is stored."""

    def __init__(self, rate: Rate, now: float, numbers: Mapping[UUID, Level]) -> None:
        self._now = now
        self._numbers = {id_: rate.refilled(level, now) for id_, level in numbers.items()}
        self._pairs: dict[UUID, Level] = {}
        self.numbers: dict[UUID, Level] = {}  # those that changed
        self.pairs: dict[UUID, Level] = {}

    def allows(self, most: int) -> Mapping[UUID, int]:
        """How many messages each number may send at once, at least one and at most `most`."""
        found = {id_: min(most, int(level.tokens)) for id_, level in self._numbers.items()}
        return {id_: many for id_, many in found.items() if many > 0}

    def meet(self, pairs: Mapping[UUID, Level]) -> None:
        """The levels of the conversations in which something is due; the others are full."""
        self._pairs.update(pairs)

    def pair_waits(self, conversation_id: UUID) -> float:
        """Seconds until the next message to this customer may leave."""
        return _PAIR.wait_seconds(self._pair(conversation_id))

    def sends(self, connection_id: UUID, conversation_id: UUID | None) -> None:
        """One message leaves; a receipt is in no conversation, and counts for its number only."""
        self._numbers[connection_id] = _less(self._numbers[connection_id])
        self.numbers[connection_id] = self._numbers[connection_id]
        if conversation_id is not None:
            self._pairs[conversation_id] = _less(self._pair(conversation_id))
            self.pairs[conversation_id] = self._pairs[conversation_id]

    def _pair(self, conversation_id: UUID) -> Level:
        return _PAIR.refilled(self._pairs.get(conversation_id, NEVER_USED), self._now)


def _less(level: Level) -> Level:
    return replace(level, tokens=level.tokens - 1)
