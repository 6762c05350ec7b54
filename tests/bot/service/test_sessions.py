"""Sessions on a real database: what a step stores, what comes twice, what is missing, timers."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid5

import pytest

from services.bot.domain.inputs import TimerDue
from services.bot.domain.session import rebuilt
from shared.contracts import bot as told
from shared.contracts.ticket_commands import (
    AssignSector,
    CancelMessage,
    HandOff,
    QueueAutomaticMessage,
)
from shared.contracts.topics import TICKETS_REPLIES
from shared.plumbing import failpoints
from shared.plumbing.failpoints import FailpointError
from shared.plumbing.kafka import UnprocessableError
from shared.plumbing.parked_versions import VersionMissingError
from tests.bot.service.office import (
    ACCOUNT,
    NOON,
    SECTORS,
    Customer,
    Office,
    received,
    reply_to,
)

BREAK = r"UPDATE session_event SET sealed = sealed || '\x00' WHERE session_id = 'ID' RETURNING 1"
MEND = """
UPDATE session_event SET sealed = substring(sealed FOR length(sealed) - 1)
WHERE session_id = 'ID' RETURNING 1
"""
FAILED = """
SELECT session_id, attempts, last_error, next_attempt_at > clock_timestamp() FROM timer
"""


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


async def test_a_customer_is_led_through_the_demo_flow_to_people(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    await office.takes(customer.says("financeiro"))
    await office.answers()
    await office.takes(customer.says("preciso da segunda via"))
    await office.answers()
    assert await office.path(customer.session_id) == [
        "boas_vindas",
        "escolher_setor",
        "setor_financeiro",
        "assunto",
        "ate_logo",
        "pessoa",
    ]
    assert (await office.said())[0].startswith("Olá, Cliente 1! ")
    assert "20261123-000001" in (await office.said())[0]
    commands = await office.commands()
    (assigned,) = [each for each in commands if isinstance(each, AssignSector)]
    assert assigned.sector_id == SECTORS["Financeiro"]
    (handed,) = [each for each in commands if isinstance(each, HandOff)]
    assert "- Assunto: preciso da segunda via" in (handed.summary or "")
    assert await office.rows("SELECT state, ended_by FROM session") == [("ended", "handoff")]
    assert await office.rows("SELECT * FROM timer") == []
    assert await office.rows("SELECT * FROM unsent_message") == []
    finished = [each for each in await office.facts() if isinstance(each, told.FlowSessionFinished)]
    assert [(each.reason, each.version) for each in finished] == [("handoff", 1)]


async def test_a_flow_that_starts_again_knows_the_protocol(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives(), customer.ends("human_takeover"))
    before = len(await office.said())
    await office.takes(customer.starts_again())
    await office.answers()
    assert "20261123-000001" in (await office.said())[before]


async def test_what_a_customer_answered_is_sealed_and_not_published(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    await office.takes(customer.says("1"))
    await office.answers()
    await office.takes(customer.says("segredo"))
    stored = await office.rows("SELECT sealed FROM session_event")
    assert not [row for row in stored if b"segredo" in bytes(row[0])]
    names = await office.rows("SELECT sealed_name FROM contact")
    assert not [row for row in names if b"Cliente" in bytes(row[0])]
    facts = [each.body() for each in await office.facts()]
    assert not [body for body in facts if b"segredo" in body]


async def test_the_stored_events_give_the_same_session(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives(), customer.says("1"), customer.says("?"))
    await office.answers()
    async with office.pool.connection() as conn:
        events = await office.store.stream(conn, customer.session_id)
    assert rebuilt(events) == await office.session(customer.session_id)


async def test_what_comes_twice_has_no_second_effect(office: Office) -> None:
    customer = Customer(office.log)
    arrived = [*customer.arrives(), customer.says("?")]
    await office.takes(*arrived)
    before, facts = await office.commands(), await office.facts()
    await office.takes(*arrived)
    await office.ticket_events.handle_batch(arrived)
    assert await office.commands() == before
    assert await office.facts() == facts
    assert len((await office.session(customer.session_id)).queue) == 1
    reply = received(TICKETS_REPLIES.name, reply_to(before[0]), account=ACCOUNT)
    await office.replies.handle(reply)
    before = await office.commands()
    await office.replies.handle(reply)
    assert await office.commands() == before


async def test_a_missing_version_is_fetched_from_the_feed(office: Office) -> None:
    customer = Customer(office.log)
    arrived = customer.arrives()
    await office.takes(arrived[0], arrived[2])  # the feed tells that the ticket was opened
    assert office.log.asked == [(customer.ticket_id, 1)]
    assert "20261123-000001" in (await office.said())[0]


async def test_a_version_that_nobody_has_holds_its_key(office: Office) -> None:
    customer = Customer(office.log)
    arrived = customer.arrives()
    office.log.messages.remove(arrived[1])
    with pytest.raises(VersionMissingError):
        await office.takes(arrived[2])
    assert await office.rows("SELECT * FROM session") == []


async def test_a_batch_is_taken_whole(office: Office) -> None:
    customers = [Customer(office.log, number) for number in range(1, 6)]
    batch = [message for customer in customers for message in customer.arrives()]
    await office.ticket_events.handle_batch(batch)
    assert await office.rows("SELECT count(*) FROM session") == [(5,)]
    assert len(await office.said()) == 5


async def test_a_batch_with_a_hole_stores_nothing(office: Office) -> None:
    first, second = Customer(office.log, 1), Customer(office.log, 2)
    batch = [*first.arrives(), *second.arrives()[2:]]
    with pytest.raises(Exception):  # noqa: B017, PT011  whatever it is, the consumer goes one by one
        await office.ticket_events.handle_batch(batch)
    assert await office.rows("SELECT * FROM session") == []


async def test_what_cannot_be_read_is_parked_at_once(office: Office) -> None:
    bad = received("tickets.events", reply_to(_a_command()), account=ACCOUNT)
    with pytest.raises(UnprocessableError):
        await office.ticket_events.handle(bad)


async def test_an_unknown_flow_is_handed_off_at_once(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives(flow=UUID(int=404)))
    (command,) = await office.commands()
    assert isinstance(command, HandOff)
    assert (command.reason, command.sector_id) == ("error", None)
    await office.answers()
    assert await office.rows("SELECT state, version FROM session") == [("ended", 0)]


async def test_an_accept_takes_back_what_was_not_sent(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    greeting, menu = [c for c in await office.commands() if isinstance(c, QueueAutomaticMessage)]
    await office.takes(customer.sent(uuid5(greeting.command_id, "message")))
    await office.takes(customer.ends("human_takeover"))
    cancelled = [c.message_id for c in await office.commands() if isinstance(c, CancelMessage)]
    assert cancelled == [uuid5(menu.command_id, "message")]
    assert await office.rows("SELECT * FROM timer") == []
    before = await office.commands()
    await office.takes(customer.says("1"))
    assert await office.commands() == before


async def test_inputs_from_everywhere_at_once_are_one_step_at_a_time(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    words = [customer.says(text) for text in ("?", "?", "1")]

    async def speak() -> None:
        for word in words:
            await office.ticket_events.handle(word)

    await asyncio.gather(speak(), office.answers(), office.fire(0))
    await office.answers()
    ids = [command.command_id for command in await office.commands()]
    assert len(ids) == len(set(ids))
    assert (await office.path(customer.session_id))[-1] == "assunto"


async def test_a_timer_fires_once_and_late_if_it_must(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    assert await office.rows("SELECT due FROM timer") == [(NOON + timedelta(minutes=30),)]
    await office.fire(29 * 60)
    assert (await office.path(customer.session_id))[-1] == "escolher_setor"
    await office.fire(24 * 3600)
    await office.answers()
    assert (await office.rows("SELECT ended_by FROM session")) == [("handoff",)]
    assert await office.rows("SELECT * FROM timer") == []


async def test_many_timers_are_fired_together(office: Office) -> None:
    customers = [Customer(office.log, number) for number in range(1, 31)]
    for customer in customers:
        await office.takes(*customer.arrives())
    await office.answers()
    await office.fire(1800)
    paths = [(await office.path(customer.session_id))[-1] for customer in customers]
    assert set(paths) == {"sem_resposta"}


async def test_a_timer_that_was_leased_before_the_customer_wrote_is_stale(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    late = office.now + timedelta(minutes=31)
    (due,) = await office.store.lease(late, 10)
    await office.takes(customer.says("1"))
    async with office.pool.connection() as conn:
        await office.sessions.take(conn, due.session_id, TimerDue(due.timer_id))
    await office.answers()
    assert (await office.path(customer.session_id))[-1] == "assunto"


async def test_a_timer_of_a_dead_process_is_fired_when_its_lease_is_over(office: Office) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    failpoints.arm("bot.timer_leased:raise")
    with pytest.raises(FailpointError):
        await office.fire(1800)
    await office.fire(600)  # the lease is the database's: a clock that jumped does not end it
    assert (await office.path(customer.session_id))[-1] == "escolher_setor"
    await office.rows("UPDATE timer SET leased_until = clock_timestamp() RETURNING 1")
    await office.fire(0)
    assert (await office.path(customer.session_id))[-1] == "sem_resposta"


async def test_a_timer_that_fails_waits_while_the_others_fire_and_is_not_lost(
    office: Office,
) -> None:
    sick, sound = Customer(office.log, 1), Customer(office.log, 2)
    await office.takes(*sick.arrives(), *sound.arrives())
    await office.answers()
    await office.rows(BREAK.replace("ID", str(sick.session_id)))
    await office.fire(1800)
    await office.fire(0)
    assert (await office.path(sound.session_id))[-1] == "sem_resposta"
    assert await office.rows(FAILED) == [(sick.session_id, 1, "SealBrokenError", True)]

    await office.rows(MEND.replace("ID", str(sick.session_id)))
    ((timer_id,),) = await office.rows("SELECT timer_id FROM timer")
    assert await office.failures.retry(timer_id)
    await office.fire(0)
    assert (await office.path(sick.session_id))[-1] == "sem_resposta"


@pytest.mark.parametrize("place", ["bot.before_commit", "bot.after_commit"])
@pytest.mark.parametrize("hit", range(1, 7))
async def test_a_crash_in_a_step_loses_and_doubles_nothing(
    office: Office, place: str, hit: int
) -> None:
    customer = Customer(office.log)
    failpoints.arm(f"{place}:raise@{hit}")
    messages = [*customer.arrives(), customer.says("2"), customer.says("quebrou")]
    for message in messages:
        await _until_taken(office, message)
    done: set[UUID] = set()
    while new := [c for c in await office.commands() if c.command_id not in done]:
        for command in new:
            done.add(command.command_id)
            reply = received(TICKETS_REPLIES.name, reply_to(command), account=ACCOUNT)
            try:
                await office.replies.handle(reply)
            except FailpointError:
                await office.replies.handle(reply)
    ids = [command.command_id for command in await office.commands()]
    assert len(ids) == len(set(ids))
    kinds = [type(command).__name__ for command in await office.commands()]
    said = "QueueAutomaticMessage"
    assert kinds == [said, said, "AssignSector", said, said, "HandOff"]
    assert await office.rows("SELECT ended_by FROM session") == [("handoff",)]


async def _until_taken(office: Office, message: object) -> None:
    try:
        await office.ticket_events.handle(message)  # pyright: ignore[reportArgumentType]
    except FailpointError:
        await office.ticket_events.handle(message)  # pyright: ignore[reportArgumentType]


def _a_command() -> HandOff:
    id_ = UUID(int=1)
    return HandOff(
        command_id=id_,
        account_id=id_,
        contact_id=id_,
        ticket_id=id_,
        session_id=id_,
        at=NOON,
        reason="node",
    )
