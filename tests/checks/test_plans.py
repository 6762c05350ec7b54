"""Is a storm the same again with the same seed, and does it reach everything?"""

import random
from itertools import islice
from pathlib import Path

import pytest

from deploy.local.topology import Topology
from deploy.simulator.faults import Fault
from tests.checks.faults import META_SECONDS, STILL_SECONDS, STRIKES, Kind, planned
from tests.checks.storm import CHECKS, rounds

SMALL, LARGE = Topology(), Topology(brokers=3, replicas=2)
SEEDS = range(200)
MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_a_seed_repeats_its_plan_and_another_seed_has_another(shape: Topology) -> None:
    assert planned(7, shape) == planned(7, shape)
    assert len(planned(7, shape)) == STRIKES
    assert planned(7, shape) != planned(8, shape)


@pytest.mark.parametrize("shape", [SMALL, LARGE])
def test_seeds_reach_every_process_in_every_way(shape: Topology) -> None:
    strikes = [strike for seed in SEEDS for strike in planned(seed, shape)]
    everything = {*shape.instances, *shape.broker_names, "postgres"}
    for kind in (Kind.KILL, Kind.RESTART, Kind.STOP):
        assert {strike.target for strike in strikes if strike.kind is kind} == everything


def test_who_stands_still_comes_back_and_faults_at_meta_end() -> None:
    for seed in SEEDS:
        for strike in planned(seed, LARGE):
            if strike.kind is Kind.STOP:
                assert STILL_SECONDS[0] <= strike.seconds <= STILL_SECONDS[1]
            elif strike.kind is Kind.META:
                assert META_SECONDS[0] <= strike.seconds <= META_SECONDS[1]
            else:
                assert strike.seconds == 0


def test_the_simulator_knows_the_faults_and_what_is_never_told_is_allowed_for() -> None:
    strikes = [strike for seed in SEEDS for strike in planned(seed, LARGE)]
    at_meta = [strike for strike in strikes if strike.kind is Kind.META]
    for strike in at_meta:
        assert Fault.model_validate(strike.fault).kind == strike.target
    unknown = {strike.target: strike.unknown for strike in at_meta}
    assert unknown["cut_before_accept"] == 3
    assert unknown["cut_after_accept"] == unknown["slow"] == 0
    assert all(strike.unknown == 0 for strike in strikes if strike.kind is not Kind.META)


def test_every_check_comes_in_turn_with_a_seed_that_a_storm_repeats() -> None:
    chances = (random.Random(3), random.Random(3))  # noqa: S311  to be repeated, not to be secret
    first, again = (list(islice(rounds(chance), 2 * len(CHECKS))) for chance in chances)
    assert first == again
    assert [each.check for each in first] == [*CHECKS, *CHECKS]
    assert len({each.seed for each in first}) == len(first)


def test_every_check_of_the_makefile_that_takes_a_seed_is_in_the_storm() -> None:
    targets = [
        line.partition(":")[0].removeprefix("check-")
        for line in MAKEFILE.read_text().splitlines()
        if line.startswith("check-") and "SEED" in line
    ]
    assert sorted(targets) == sorted(CHECKS)
