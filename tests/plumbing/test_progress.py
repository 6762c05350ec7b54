"""Lag is the age of what is not done; stuck is who has work and shows no life."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from aiokafka import ConsumerRecord, TopicPartition

from shared.plumbing.kafka.messages import Record
from shared.plumbing.kafka.progress import Progress
from shared.plumbing.metrics import REGISTRY

TOPIC = "test.progress"
ONE, TWO = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)
START = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def _record(partition: int, offset: int, age_seconds: float = 0.0) -> Record:
    at = int((time.time() - age_seconds) * 1000)
    return ConsumerRecord(TOPIC, partition, offset, at, 0, b"k", b"", None, 1, 0, ())


def _lag() -> float | None:
    return REGISTRY.get_sample_value("guiche_consumer_lag_seconds", {"topic": TOPIC})


def test_who_is_caught_up_has_no_lag_however_old_the_last_record_is(
    clock: time_machine.Traveller,
) -> None:
    progress = Progress(TOPIC, seconds=time.time)
    progress.took([_record(0, 0)])
    progress.done([_record(0, 0)])
    clock.shift(timedelta(hours=1))
    progress.looked({ONE: 1, TWO: 0}, {ONE: 1, TWO: 0})
    assert _lag() == 0


def test_the_lag_is_the_age_of_the_oldest_record_in_hand(clock: time_machine.Traveller) -> None:
    progress = Progress(TOPIC, seconds=time.time)
    progress.took([_record(0, 0, age_seconds=90), _record(1, 0, age_seconds=5)])
    clock.shift(timedelta(seconds=10))
    progress.looked({ONE: 1, TWO: 1}, {ONE: 1, TWO: 1})
    assert _lag() == 100


def test_what_was_not_fetched_yet_counts_since_the_partition_was_last_done(
    clock: time_machine.Traveller,
) -> None:
    progress = Progress(TOPIC, seconds=time.time)
    progress.looked({ONE: 5, TWO: 5}, {ONE: 5, TWO: 5})
    clock.shift(timedelta(seconds=30))
    progress.looked({ONE: 5, TWO: 9}, {ONE: 5, TWO: 12})
    assert _lag() == 30
    assert REGISTRY.get_sample_value("guiche_consumer_behind_records", {"topic": TOPIC}) == 3


def test_who_has_nothing_to_do_is_never_stuck(clock: time_machine.Traveller) -> None:
    progress = Progress(TOPIC, seconds=time.time)
    for _ in range(10):
        clock.shift(timedelta(seconds=50))
        progress.looked({ONE: 5}, {ONE: 5})
        assert not progress.stuck


def test_who_does_not_move_for_a_minute_while_records_wait_is_stuck(
    clock: time_machine.Traveller,
) -> None:
    progress = Progress(TOPIC, seconds=time.time)
    progress.looked({ONE: 5}, {ONE: 6})
    clock.shift(timedelta(seconds=59))
    progress.looked({ONE: 5}, {ONE: 60})
    assert not progress.stuck
    clock.shift(timedelta(seconds=2))
    progress.looked({ONE: 5}, {ONE: 60})
    assert progress.stuck
    progress.looked({ONE: 6}, {ONE: 60})
    assert not progress.stuck


def test_a_batch_in_hand_without_a_sign_of_life_is_stuck_and_a_waiting_one_is_not(
    clock: time_machine.Traveller,
) -> None:
    progress = Progress(TOPIC, seconds=time.time)
    progress.took([_record(0, 0)])
    clock.shift(timedelta(seconds=50))
    progress.alive()
    clock.shift(timedelta(seconds=50))
    assert not progress.stuck
    clock.shift(timedelta(seconds=11))
    assert progress.stuck
