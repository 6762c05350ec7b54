"""Commit offsets of a subscription: now and then, and before it ends.

Telling costs a question to the broker, and the next batch waits for the answer. What is done and
not told comes again after a crash, as everything on Kafka may.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.plumbing import metrics
from shared.plumbing.kafka.messages import Record

EACH_SECONDS: Final = 0.25

_errors = metrics.counter("consumer_commit_errors", "Offsets not committed", ["topic"])


class Commits:
    """The offsets of one subscription that are done and not told yet."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._done: dict[TopicPartition, int] = {}
        self._told_at = 0.0

    async def done(
        self, consumer: AIOKafkaConsumer, records: Sequence[Record], *, at_once: bool
    ) -> None:
        """These are done; the group hears of it now when it is time, or `at_once`."""
        for record in records:
            part = TopicPartition(record.topic, record.partition)
            self._done[part] = max(record.offset + 1, self._done.get(part, 0))
        if at_once or monotonic() - self._told_at >= EACH_SECONDS:
            await self.tell(consumer)

    async def tell(self, consumer: AIOKafkaConsumer) -> None:
        """Tell what is not told; partitions that went to another member are theirs to tell."""
        done, self._done = self._done, {}
        self._told_at = monotonic()
        mine = consumer.assignment()
        offsets = {part: offset for part, offset in done.items() if part in mine}
        if not offsets:
            return
        try:
            await consumer.commit(offsets)
        except (KafkaError, OSError):  # given away meanwhile, or Kafka is away: it comes again
            _errors.labels(topic=self._topic).inc()
