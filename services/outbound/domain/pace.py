"""How fast may we send? Token buckets per number and per pair (Cloud API 12)."""

from dataclasses import dataclass, replace
from typing import Final, Self
from uuid import UUID

PAIR_BURST: Final = 45.0
PAIR_PER_SECOND: Final = 1 / 6
_BURST_SECONDS: Final = 0.5  # of a number's rate: Meta counts messages per second
_PAIRS_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """`capacity` tokens, refilled by `per_second`; `at` is an instant of a steady clock."""

    capacity: float
    per_second: float
    tokens: float
    at: float

    def refilled(self, now: float) -> Self:
        """The bucket as it is now."""
        gained = max(0.0, now - self.at) * self.per_second
        return replace(self, tokens=min(self.capacity, self.tokens + gained), at=now)

    def less(self, tokens: float) -> Self:
        """With so many taken."""
        return replace(self, tokens=self.tokens - tokens)

    @property
    def wait_seconds(self) -> float:
        """Until there is a whole token."""
        return max(0.0, (1.0 - self.tokens) / self.per_second)

    @property
    def full(self) -> bool:
        """Like one that was never used."""
        return self.tokens >= self.capacity


class Pace:
    """The buckets of one process; what they cannot know, Meta's refusals tell."""

    def __init__(self, *, number_per_second: float) -> None:
        burst = max(1.0, number_per_second * _BURST_SECONDS)
        self._number = Bucket(burst, number_per_second, burst, 0.0)
        self._pair = Bucket(PAIR_BURST, PAIR_PER_SECOND, PAIR_BURST, 0.0)
        self._numbers: dict[UUID, Bucket] = {}
        self._pairs: dict[UUID, Bucket] = {}

    def number_allows(self, connection_id: UUID, now: float) -> int:
        """How many messages the number may send at once."""
        return int(self._numbers.get(connection_id, self._number).refilled(now).tokens)

    def number_sends(self, connection_id: UUID, now: float) -> None:
        """One message of the number leaves."""
        bucket = self._numbers.get(connection_id, self._number).refilled(now)
        self._numbers[connection_id] = bucket.less(1)

    def pair_waits(self, conversation_id: UUID, now: float) -> float:
        """Seconds until the next message to this customer; 0: it leaves now, and is counted."""
        bucket = self._pairs.get(conversation_id, self._pair).refilled(now)
        if bucket.wait_seconds > 0:
            return bucket.wait_seconds
        self._pairs[conversation_id] = bucket.less(1)
        if len(self._pairs) > _PAIRS_KEPT:
            self._forget_full(now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        self._pairs = {
            key: bucket for key, bucket in self._pairs.items() if not bucket.refilled(now).full
        }
