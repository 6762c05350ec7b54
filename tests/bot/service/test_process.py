"""The whole process on Kafka and PostgreSQL, killed at each step: no command lost or doubled."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from deploy.local.ports import free_port
from tests.bot.service.stand import Stand, a_stand
from tests.support.jumping import AHEAD, BACK
from tests.support.stack import Kafka, Postgres
from tests.support.waiting import until

SAY = "QueueAutomaticMessage"
WHOLE_TALK = [SAY, SAY, "AssignSector", SAY, SAY, "HandOff"]
CUSTOMERS = 4


@pytest.fixture
async def stand(
    postgres: Postgres, kafka: Kafka, kafka_prefix: str, keys_dir: Path, tmp_path: Path
) -> AsyncIterator[Stand]:
    async with a_stand(postgres, kafka, kafka_prefix, keys_dir, tmp_path) as made:
        yield made


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "failpoint",
    [
        "bot.before_commit:kill@6",
        "bot.after_commit:kill@6",
        "outbox.after_produce:kill@2",
        "bot.timer_leased:kill@1",
    ],
)
async def test_killed_at_any_step_each_command_is_one_command(stand: Stand, failpoint: str) -> None:
    await stand.tickets.arrive(*range(1, CUSTOMERS + 1))
    process = await stand.process(failpoint)
    assert await asyncio.wait_for(process.wait(), 90) == -signal.SIGKILL
    again = await stand.process()
    try:
        await stand.ready()
        await stand.tickets.arrive(CUSTOMERS + 1)
        await until(stand.ended, lambda found: found == CUSTOMERS + 1)
        for number in range(1, CUSTOMERS + 2):
            assert stand.tickets.of(number) == WHOLE_TALK
    finally:
        await stand.stop(again)
    for canary in (b"quebrou", b"Cliente 1", b"Suporte"):
        assert canary not in stand.log.read_bytes()


@pytest.mark.timeout(240)
async def test_of_two_processes_one_is_killed_and_the_other_goes_on(stand: Stand) -> None:
    first = await stand.process()
    second = await stand.process(BOT_INSTANCE="bot-2", BOT_PORT=str(free_port()))
    try:
        await stand.ready()
        await stand.tickets.arrive(*range(1, 13))
        await until(stand.ended, lambda found: found >= 3)
        first.kill()
        await first.wait()
        await stand.tickets.arrive(*range(13, 17))
        await until(stand.ended, lambda found: found == 16)
        for number in range(1, 17):
            assert stand.tickets.of(number) == WHOLE_TALK
    finally:
        await stand.stop(second)


@pytest.mark.timeout(240)
async def test_a_clock_that_jumps_fires_no_timer_early_late_or_never(stand: Stand) -> None:
    """Each talk pauses for a second, and its questions wait for minutes."""
    process = await stand.process(jumping=True)
    arrived: list[int] = []
    try:
        await stand.ready()
        for way, ahead in ((BACK, -600), (AHEAD, 0), (AHEAD, 600)):
            new = range(len(arrived) + 1, len(arrived) + CUSTOMERS + 1)
            arrived.extend(new)
            await stand.tickets.arrive(*new)
            await until(stand.pausing, bool)
            process.send_signal(way)
            await until(lambda: stand.get("/metrics"), partial(_is_ahead, ahead))
            await until(stand.ended, lambda found: found == len(arrived))
        for number in arrived:
            assert stand.tickets.of(number) == WHOLE_TALK, "a question was given up"
        assert stand.tickets.repeats == 0
    finally:
        await stand.stop(process)


def _is_ahead(seconds: int, found: tuple[int, str]) -> bool:
    told = re.search(r"^guiche_clock_offset_seconds\S* (\S+)$", found[1], re.MULTILINE)
    return told is not None and abs(float(told[1]) - seconds) < 60


@pytest.mark.timeout(240)
async def test_the_past_is_read_from_the_feed_without_effects(stand: Stand) -> None:
    await stand.tickets.arrive(1)
    (ended,) = stand.tickets.customers.values()
    await stand.tickets.tell([ended.ends("bot_silent")])
    await stand.tickets.arrive(2)
    process = await stand.process()
    try:
        await until(stand.ended, lambda found: found == 2)
        assert stand.tickets.of(1) == []
        assert stand.tickets.of(2) == WHOLE_TALK
    finally:
        await stand.stop(process)


@pytest.mark.timeout(240)
async def test_a_broken_file_is_noted_and_the_version_before_it_stays(stand: Stand) -> None:
    process = await stand.process()
    try:
        await stand.ready()
        file = stand.flows / "recepcao.yaml"
        file.write_text(file.read_text().replace("entry: boas_vindas", "entry: nowhere"))
        status, text = await until(
            lambda: stand.get("/ready"), lambda found: "entry: there is no node nowhere" in found[1]
        )
        assert status == 200, text
        await stand.tickets.arrive(1)
        await until(stand.ended, lambda found: found == 1)
        assert stand.tickets.of(1) == WHOLE_TALK
        found = await stand.get("/metrics")
        assert 'guiche_bot_steps_total{service="bot"} 7.0' in found[1]
    finally:
        await stand.stop(process)
