"""What is taken back is never sent; what is under way has its fate (domain.md 2.3)."""

import asyncio

from shared.contracts.outbound import MessageAccepted, MessageCancelled
from shared.plumbing import clock
from tests.outbound.meta import WhatsApp, truly_accepted
from tests.outbound.running import Outbound
from tests.outbound.samples import a_cancel, a_receipt, a_send, texts
from tests.support.waiting import until


async def test_a_queued_message_is_taken_back_once_and_the_next_goes_on(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    await simulator.fault("slow", ms=300, next=1)
    first, second = texts(2)
    third = a_send(text="texto 2", at=clock.now(), after=second.message_id)
    await outbound.queue(first, second, third, a_cancel(second), a_cancel(second, "another"))
    await outbound.queue(a_cancel(second))
    assert await outbound.until("accepted", "cancelled") == {
        first.message_id: "accepted",
        second.message_id: "cancelled",
        third.message_id: "accepted",
    }
    await outbound.queue(second, a_cancel(second))
    assert [r["text"] for r in await simulator.requests()] == ["texto 0", "texto 2"]
    (told,) = [fact for fact in await outbound.facts() if isinstance(fact, MessageCancelled)]
    assert (told.message_id, told.reason) == (second.message_id, "session_ended")
    assert await outbound.rows("SELECT FROM queue WHERE sealed IS NOT NULL") == []


async def test_too_late_says_nothing_and_the_fate_comes(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    await simulator.fault("slow", ms=300, next=1)
    (command,) = texts(1)
    await outbound.queue(command)
    await until(simulator.requests)
    await outbound.queue(a_cancel(command))
    await outbound.until("accepted")
    await outbound.queue(a_cancel(command))
    assert [type(fact) for fact in await outbound.facts()] == [MessageAccepted]


async def test_an_attempt_that_came_to_nothing_is_not_repeated_for_who_took_it_back(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    await simulator.fault("refuse", code=131056, next=1)  # would be repeated after a second
    (command,) = texts(1)
    await outbound.queue(command)
    await until(simulator.requests)
    await outbound.queue(a_cancel(command))
    await outbound.until("cancelled")
    assert [type(fact) for fact in await outbound.facts()] == [MessageCancelled]
    assert len(await simulator.requests()) == 1


async def test_a_cancellation_of_what_is_not_there_is_harmless(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    outbound.numbers.known.clear()
    receipt, (command,) = a_receipt(at=clock.now()), texts(1)
    of_a_receipt = a_cancel(command).model_copy(update={"message_id": receipt.receipt_id})
    await outbound.queue(a_cancel(command))
    await outbound.queue(receipt, of_a_receipt)
    assert await outbound.states() == {receipt.receipt_id: "queued"}
    assert await outbound.facts() == []


async def test_in_a_race_with_the_sender_each_message_is_either_sent_or_cancelled(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(40)
    commands = [command for customer in range(40) for command in texts(2, customer)]
    await outbound.queue(*commands)
    await asyncio.gather(*(outbound.queue(a_cancel(each)) for each in commands))
    states = await outbound.until("accepted", "cancelled")
    accepted = truly_accepted(await simulator.requests())
    facts = await outbound.facts()
    cancelled = {fact.message_id for fact in facts if isinstance(fact, MessageCancelled)}
    assert {id_ for id_, state in states.items() if state == "cancelled"} == cancelled
    assert accepted.keys() == states.keys() - cancelled
    assert len(facts) == len(commands)
