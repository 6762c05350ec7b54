"""The simulator's buckets judge ours: what we let through, Meta takes."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.simulator.pace import Pace as MetaPace
from services.outbound.domain.pace import (
    NEVER_USED,
    PAIR_BURST,
    PAIR_FULL_SECONDS,
    Level,
    Turn,
    number_rate,
)

NUMBER, OTHER, CONVERSATION = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = 1_790_000_000.0


def a_turn(level: Level = NEVER_USED, *, now: float = NOW, per_second: float = 10) -> Turn:
    return Turn(number_rate(per_second), now, {NUMBER: level, OTHER: NEVER_USED})


def test_a_number_begins_with_a_burst_and_then_keeps_its_rate() -> None:
    turn = a_turn()
    assert turn.allows(100) == {NUMBER: 5, OTHER: 5}
    for _ in range(5):
        turn.sends(NUMBER, None)
    assert turn.allows(100) == {OTHER: 5}
    assert turn.numbers == {NUMBER: Level(0.0, NOW)}
    assert a_turn(turn.numbers[NUMBER], now=NOW + 0.11).allows(100)[NUMBER] == 1
    assert a_turn(turn.numbers[NUMBER], now=NOW + 60).allows(3)[NUMBER] == 3


def test_a_number_slower_than_one_per_second_still_sends() -> None:
    assert a_turn(per_second=0.5).allows(100)[NUMBER] == 1


def test_a_clock_that_was_set_back_stops_no_number() -> None:
    assert a_turn(Level(0.0, NOW + 3600)).allows(100)[NUMBER] == 5


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=150))
def test_a_pair_is_never_faster_than_meta_allows(pauses: list[float]) -> None:
    meta, now, pairs = MetaPace(), NOW, dict[UUID, Level]()
    for pause in pauses:
        now += pause
        turn = a_turn(now=now)
        turn.meet(pairs)
        if turn.pair_waits(CONVERSATION) == 0:
            assert meta.pair("number", "person", now).take(now)
            turn.sends(NUMBER, CONVERSATION)
            pairs = turn.pairs


def test_a_pair_has_a_burst_then_one_each_six_seconds() -> None:
    turn = a_turn(per_second=1000)
    for _ in range(int(PAIR_BURST)):
        assert turn.pair_waits(CONVERSATION) == 0
        turn.sends(NUMBER, CONVERSATION)
    assert turn.pair_waits(CONVERSATION) == pytest.approx(6.0)
    later = a_turn(now=NOW + 6.1)
    later.meet(turn.pairs)
    assert later.pair_waits(CONVERSATION) == 0
    later.sends(NUMBER, CONVERSATION)
    assert later.pair_waits(CONVERSATION) == pytest.approx(5.9)


def test_a_pair_that_rested_is_like_one_that_was_never_used() -> None:
    rested, fresh = a_turn(now=NOW + PAIR_FULL_SECONDS), a_turn(now=NOW + PAIR_FULL_SECONDS)
    rested.meet({CONVERSATION: Level(0.0, NOW)})
    for turn in (rested, fresh):
        turn.sends(NUMBER, CONVERSATION)
    assert rested.pairs == fresh.pairs
