"""The simulator's buckets judge ours: what we let through, Meta takes."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from deploy.simulator.pace import Pace as MetaPace
from services.outbound.domain.pace import Pace


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=150))
def test_a_pair_is_never_faster_than_meta_allows(pauses: list[float]) -> None:
    ours, meta, conversation, now = Pace(number_per_second=64), MetaPace(), uuid4(), 0.0
    for pause in pauses:
        now += pause
        if ours.pair_waits(conversation, now) == 0:
            assert meta.pair("number", "person", now).take(now)


def test_a_burst_of_45_passes_and_the_next_waits_six_seconds() -> None:
    pace, conversation = Pace(number_per_second=64), uuid4()
    assert [pace.pair_waits(conversation, 1.0) for _ in range(45)] == [0.0] * 45
    assert 5.9 < pace.pair_waits(conversation, 1.0) <= 6.0
    assert pace.pair_waits(conversation, 7.01) == 0.0
    assert pace.pair_waits(uuid4(), 1.0) == 0.0


def test_a_number_has_its_rate_and_half_a_second_of_burst() -> None:
    pace, number = Pace(number_per_second=64), uuid4()
    for _ in range(pace.number_allows(number, 1.0)):
        pace.number_sends(number, 1.0)
    assert pace.number_allows(number, 1.0) == 0
    assert pace.number_allows(number, 1.25) == 16
    assert pace.number_allows(uuid4(), 1.0) == 32
