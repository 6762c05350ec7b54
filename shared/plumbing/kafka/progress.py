"""Lag in seconds of a subscription, and whether it still moves."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic, time
from typing import Final

from aiokafka import TopicPartition

from shared.plumbing import metrics
from shared.plumbing.kafka.messages import Record

_lag = metrics.gauge(
    "consumer_lag_seconds", "Age of the oldest record not done yet; 0 when caught up", ["topic"]
)
_behind = metrics.gauge("consumer_behind_records", "Records not done yet", ["topic"])

STUCK_SECONDS: Final = 60.0


class Progress:
    """What one subscription has done. `seen` is fed by the batches, `looked` by the watch."""

    def __init__(self, topic: str, *, seconds: Callable[[], float] = monotonic) -> None:
        self.topic = topic
        self._seconds = seconds
        self._in_hand_since_ms: int | None = None  # oldest record of the batch in hand
        self._done_ms: dict[TopicPartition, int] = {}  # nothing older than this is left to do
        self._positions: Mapping[TopicPartition, int] = {}
        self._moved = self._seconds()
        self._sign = self._seconds()

    def took(self, records: Sequence[Record]) -> None:
        """A batch is in hand."""
        self._in_hand_since_ms = min(record.timestamp for record in records)
        self.alive()
        _lag.labels(topic=self.topic).set(max(0.0, time() - self._in_hand_since_ms / 1000))

    def done(self, records: Sequence[Record]) -> None:
        """The batch is done."""
        self._in_hand_since_ms = None
        self._moved = self._seconds()
        for record in records:
            self._done_ms[TopicPartition(record.topic, record.partition)] = record.timestamp
        self.alive()

    def let_go(self) -> None:
        """The batch was not done; it will come again."""
        self._in_hand_since_ms = None

    def alive(self) -> None:
        """A sign of life from inside a batch: something was done, or is waited for knowingly."""
        self._sign = self._seconds()

    def looked(
        self, positions: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
    ) -> None:
        """Positions and ends of the assigned partitions at this moment."""
        now_ms = int(time() * 1000)
        if positions != self._positions:
            self._moved = self._seconds()
        self._positions = dict(positions)
        late = [part for part, end in ends.items() if positions.get(part, end) < end]
        if not late:
            self._moved = self._seconds()
        for part in ends.keys() - set(late):
            self._done_ms[part] = now_ms
        oldest = min((self._done_ms.get(part, now_ms) for part in late), default=now_ms)
        oldest = min(oldest, self._in_hand_since_ms or oldest)
        _lag.labels(topic=self.topic).set(max(0.0, (now_ms - oldest) / 1000))
        _behind.labels(topic=self.topic).set(sum(ends[part] - positions[part] for part in late))

    @property
    def stuck(self) -> bool:
        """Records wait, but for a minute nothing has moved and nothing gave a sign of life."""
        since = self._sign if self._in_hand_since_ms is not None else max(self._moved, self._sign)
        return self._seconds() - since > STUCK_SECONDS
