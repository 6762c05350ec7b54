"""Checkpoints: how far each partition of the log is folded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a partition is folded, and where to read on in Kafka."""

    partition: int
    epoch: int
    log_id: int
    kafka_offset: int | None = None
    follow_from: datetime | None = None  # after a feed: read Kafka from this instant on
    last_event: int = 0  # of the partition; the feed of all partitions moves only `log_id`

    @property
    def followed(self) -> bool:
        """Whether Kafka is read on from here; false while the feed is being read."""
        return self.kafka_offset is not None or self.follow_from is not None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one delivery brings its partition, whether it was folded or parked."""

    partition: int
    epoch: int
    log_id: int
    offset: int | None  # in Kafka; None from the feed


def behind(new: Mapping[int, Checkpoint], old: Mapping[int, Checkpoint]) -> list[int]:
    """The partitions of which one has not folded every event that the other has."""
    return [
        partition
        for partition, checkpoint in old.items()
        if partition not in new
        or (new[partition].epoch, new[partition].log_id) < (checkpoint.epoch, checkpoint.last_event)
    ]
