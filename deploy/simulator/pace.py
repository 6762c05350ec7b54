"""How fast may a number send? Token buckets for throughput and for pairs (Cloud API 12)."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

PAIR_BURST: Final = 45.0
PAIR_PER_SECOND: Final = 1 / 6
_PAIRS_KEPT: Final = 50_000  # a forgotten pair has a full bucket, as a rested one would


@dataclass(slots=True)
class Bucket:
    """`capacity` tokens, refilled by `per_second`; times are seconds of any steady clock."""

    capacity: float
    per_second: float
    tokens: float
    at: float

    def take(self, now: float) -> bool:
        """One token, if there is one."""
        self._refill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def drain(self, now: float) -> None:
        """Use up one token if there is one: what came in counts, but is never refused."""
        self._refill(now)
        self.tokens = max(0.0, self.tokens - 1)

    def _refill(self, now: float) -> None:
        gained = (now - self.at) * self.per_second
        self.tokens, self.at = min(self.capacity, self.tokens + gained), now


class Pace:
    """The buckets of all numbers and of all pairs of number and person."""

    def __init__(self) -> None:
        self._numbers: dict[str, Bucket] = {}
        self._pairs: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def number(self, number: str, level: float, now: float) -> Bucket:
        """The throughput of a number, at `level` messages per second."""
        bucket = self._numbers.get(number)
        if bucket is None or bucket.capacity != level:
            bucket = self._numbers[number] = Bucket(level, level, level, now)
        return bucket

    def pair(self, number: str, person: str, now: float) -> Bucket:
        """What one number may send to one person."""
        bucket = self._pairs.pop((number, person), None)
        bucket = bucket or Bucket(PAIR_BURST, PAIR_PER_SECOND, PAIR_BURST, now)
        self._pairs[(number, person)] = bucket
        while len(self._pairs) > _PAIRS_KEPT:
            self._pairs.popitem(last=False)
        return bucket

    def clear(self) -> None:
        """Fill all buckets."""
        self._numbers.clear()
        self._pairs.clear()
