"""What is settled is forgotten in time; what may still come or be asked for is kept."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from services.outbound.handlers.retention import Forget
from services.outbound.settings import Settings
from shared.contracts.inbound import Status, StatusSent
from shared.plumbing import clock
from shared.plumbing.loops import Heartbeat
from shared.plumbing.postgres import Pool
from tests.outbound.meta import Meta
from tests.outbound.running import Numbers, Outbound
from tests.outbound.samples import a_send, a_status, a_text_received

WEEK = timedelta(days=8)
_STATE = """
UPDATE queue SET state = %s, settled_at = now() - make_interval(days => %s), session = NULL
WHERE message_id = %s RETURNING 1
"""
_MANY = """
INSERT INTO queue (message_id, kind, key, account_id, contact_id, connection_id, conversation_id,
    ticket_id, identities, state, queued_at, next_attempt_at, settled_at)
SELECT gen_random_uuid(), 'send', 'k', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(),
    gen_random_uuid(), gen_random_uuid(), '{}', 'accepted', now(), now(), now() - interval '9 days'
FROM generate_series(1, 1201) RETURNING 1
"""


@pytest.fixture
def idle(pool: Pool) -> Outbound:
    """A database on which nobody sends."""
    return Outbound(pool, Numbers())


async def forget(outbound: Outbound) -> None:
    await Forget(outbound.store, retention=WEEK, now=clock.now).turn(Heartbeat())


async def test_old_settled_rows_go_and_open_and_unknown_ones_stay(idle: Outbound) -> None:
    stays = {"queued": 30, "sending": 30, "unknown": 30, "accepted": 7, "refused": 7}
    goes = ("accepted", "refused", "cancelled", "dead")
    commands = [a_send(n, at=clock.now()) for n in range(len(stays) + len(goes))]
    await idle.queue(*commands)
    cases = [*stays.items(), *((state, 9) for state in goes)]
    for command, (state, days) in zip(commands, cases, strict=True):
        await idle.rows(_STATE, state, days, command.message_id)
    await forget(idle)
    assert sorted((await idle.states()).values()) == sorted(stays)
    assert list(await idle.states()) == [command.message_id for command in commands[: len(stays)]]


async def test_many_batches_are_forgotten_in_one_turn(idle: Outbound) -> None:
    await idle.rows(_MANY)
    await forget(idle)
    assert await idle.states() == {}


async def test_attempts_go_with_their_row(
    outbound: Outbound, whatsapp: tuple[Meta, list[Status]]
) -> None:
    await whatsapp[0].customers_write(2)
    old, young = a_send(0, at=clock.now()), a_send(1, at=clock.now())
    await outbound.queue(old, young)
    await outbound.until("accepted")
    await outbound.rows(_STATE, "accepted", 9, old.message_id)
    await forget(outbound)
    assert await outbound.rows("SELECT message_id FROM attempt") == [(young.message_id,)]


async def test_what_stands_beside_the_queue_is_forgotten_too(idle: Outbound) -> None:
    await idle.hear(a_text_received(0, at=clock.now() - timedelta(days=3)))
    await idle.hear(a_text_received(1, at=clock.now()))
    orphans = [a_send(n, at=clock.now()).message_id for n in range(2)]
    await idle.hear(*(a_status(StatusSent, id_, "wamid.X") for id_ in orphans))
    late = "UPDATE orphan_status SET kept_at = now() - interval '9 days' WHERE message_id = %s"
    await idle.rows("UPDATE orphan_status SET kept_at = now() RETURNING 1")
    await idle.rows(late + " RETURNING 1", orphans[0])
    pair = "INSERT INTO pair_pace VALUES (%s, 0, extract(epoch FROM clock_timestamp()) - %s)"
    for seconds in (300, 200):
        await idle.rows(pair + " RETURNING 1", a_send().message_id, seconds)
    worker = "INSERT INTO worker VALUES (%s, gen_random_uuid(), now() - make_interval(hours => %s))"
    for hours in (25, 1):
        await idle.rows(worker + " RETURNING 1", f"outbound-{hours}", hours)
    await forget(idle)
    assert len(await idle.rows("SELECT FROM last_inbound")) == 1
    assert await idle.rows("SELECT message_id FROM orphan_status") == [(orphans[1],)]
    assert len(await idle.rows("SELECT FROM pair_pace")) == 1
    assert await idle.rows("SELECT instance FROM worker") == [("outbound-1",)]


def test_a_row_outlives_the_command_that_kafka_may_still_repeat() -> None:
    with pytest.raises(ValidationError):
        Settings(retention_days=3)
