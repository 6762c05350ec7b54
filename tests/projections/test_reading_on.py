"""Where Kafka is read on after the feed: nothing that arrives meanwhile is skipped."""

from collections.abc import Iterable
from datetime import UTC, datetime

from aiokafka import TopicPartition

from services.projections.adapters.kafka import read_on_from
from services.projections.domain.positions import Checkpoint

PART = TopicPartition("tickets.events", 0)
NOON = datetime(2026, 11, 23, 15, tzinfo=UTC)


class BusyTopic:
    """A partition that gets a record after each question, and has none of the asked instant."""

    def __init__(self, records: int) -> None:
        self.records = records

    async def beginning_offsets(self, parts: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        self.records += 1
        return dict.fromkeys(parts, 0)

    async def end_offsets(self, parts: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        ends = dict.fromkeys(parts, self.records)
        self.records += 1
        return ends

    async def offsets_for_times(
        self, instants: dict[TopicPartition, int]
    ) -> dict[TopicPartition, None]:
        self.records += 1
        return dict.fromkeys(instants)


async def test_what_arrives_between_the_questions_is_read() -> None:
    topic = BusyTopic(records=0)
    before_the_first_question_about_time = 1
    checkpoint = Checkpoint(0, 1, 0, follow_from=NOON)
    offsets, behind = await read_on_from(topic, [PART], {0: checkpoint})
    assert offsets[PART] <= before_the_first_question_about_time
    assert not behind


async def test_a_kept_offset_wins_and_one_that_kafka_has_forgotten_is_behind() -> None:
    kept = Checkpoint(0, 1, 9, kafka_offset=5)
    assert await read_on_from(BusyTopic(9), [PART], {0: kept}) == ({PART: 5}, False)
    forgotten = Checkpoint(0, 1, 9, kafka_offset=-3)
    assert await read_on_from(BusyTopic(9), [PART], {0: forgotten}) == ({PART: 0}, True)


async def test_a_kept_offset_that_kafka_does_not_have_yet_is_of_records_that_it_lost() -> None:
    """Restored from a backup, or made anew: what it lost comes from the feed."""
    ahead = Checkpoint(0, 1, 9, kafka_offset=50)
    assert await read_on_from(BusyTopic(9), [PART], {0: ahead}) == ({PART: 10}, True)
