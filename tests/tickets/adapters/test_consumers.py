"""What arrives on Kafka is applied once, whatever is delivered again and wherever."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import UUID

import psycopg

from services.tickets.adapters.kafka import AFTER_APPEND
from services.tickets.settings import Settings
from shared.contracts import outbound
from shared.contracts.envelope import Envelope
from shared.plumbing import failpoints
from shared.plumbing.kafka import Outgoing
from tests.tickets.adapters.serving import (
    ACCOUNT,
    CONNECTION,
    Served,
    a_text,
    customers_write,
    outgoing,
    serve,
)
from tests.wire.support import publish


async def test_an_item_that_comes_again_changes_nothing(listening: Settings) -> None:
    item = a_text("5511987654321", "oi", wamid="wamid.ONCE")
    async with serve(listening) as served:
        await served.until_ready()
        await customers_write(listening, item, item)
        await customers_write(listening, item, a_text("5511987654321", "fim"))
        received = await served.until_told("MessageReceived", 2)
    assert [one["content"]["text"] for one in received] == ["oi", "fim"]


async def test_a_process_that_fails_after_the_append_repeats_without_effect(
    listening: Settings,
) -> None:
    failpoints.arm(f"{AFTER_APPEND}:raise")
    async with serve(listening) as served:
        await served.until_ready()
        await customers_write(listening, a_text("5511987654321", "oi"))
        await customers_write(listening, a_text("5511987654321", "fim"))
        received = await served.until_told("MessageReceived", 2)
    assert [one["content"]["text"] for one in received] == ["oi", "fim"]
    assert await _parked(listening) == []


async def test_an_album_on_two_processes_opens_one_ticket(listening: Settings) -> None:
    """Each photo under its own key, so that both processes get some at the same time."""
    second = listening.model_copy(update={"instance": "tickets-2"})
    async with AsyncExitStack() as both:
        first = await both.enter_async_context(serve(listening))
        await (await both.enter_async_context(serve(second))).until_ready()
        await first.until_ready()
        album = [a_text("5511987654321", f"foto {number}") for number in range(24)]
        await publish(
            listening,
            [
                outgoing("inbound.events", f"key {number}".encode(), item)
                for number, item in enumerate(album)
            ],
        )
        received = await first.until_told("MessageReceived", len(album))
        opened = await first.until_told("TicketOpened", 1)
        identified = await first.until_told("ContactIdentified", 1)
    assert (len(opened), len(identified), len(received)) == (1, 1, len(album))
    assert {one["ticket_id"] for one in received} == {opened[0]["ticket_id"]}
    assert Counter(one["content"]["text"] for one in received) == Counter(i.text for i in album)


async def test_the_fate_of_a_message_is_stored_once(listening: Settings) -> None:
    async with serve(listening) as served:
        await served.until_ready()
        fate = await _accepted_by_meta(served, listening)
        await publish(listening, [fate, fate])
        await customers_write(listening, a_text("5511900000002", "depois"))
        await served.until_told("MessageAccepted", 1)
        await publish(listening, [fate])
        await served.until_told("MessageReceived", 2)
        accepted = await served.until_told("MessageAccepted", 1)
    assert len(accepted) == 1


async def _accepted_by_meta(served: Served, settings: Settings) -> Outgoing:
    """A reply was queued; this is what outbound says of it."""
    await customers_write(settings, a_text("5511987654321", "oi"))
    (opened,) = await served.until_told("TicketOpened", 1)
    await served.command(UUID(opened["ticket_id"]), "accept")
    (queued,) = await served.until_told("MessageQueued", 1)
    fate = outbound.MessageAccepted(
        message_id=queued["message_id"],
        account_id=ACCOUNT,
        contact_id=queued["contact_id"],
        connection_id=CONNECTION,
        conversation_id=queued["conversation_id"],
        ticket_id=queued["ticket_id"],
        occurred_at=datetime.now(UTC),
        wamid="wamid.OURS",
    )
    return outgoing("outbound.events", queued["contact_id"].encode(), fate)


async def test_what_cannot_be_read_is_parked_and_its_neighbours_go_on(listening: Settings) -> None:
    envelope = Envelope(
        id="bad", type="inbound.TextReceived.v1", source="tests", time=datetime.now(UTC)
    )
    async with serve(listening) as served:
        await served.until_ready()
        await publish(listening, [Outgoing("inbound.events", b"bad", envelope, b"{}")])
        await customers_write(listening, a_text("5511987654321", "oi"))
        await served.until_told("MessageReceived", 1)
        async with asyncio.timeout(20):
            while await _parked(listening) != [("inbound.events", "unreadable")]:  # noqa: ASYNC110  SQL
                await asyncio.sleep(0.05)


async def _parked(settings: Settings) -> list[tuple[str, str]]:
    async with await psycopg.AsyncConnection.connect(settings.database_url) as conn:
        found = await conn.execute("SELECT topic, reason FROM parked")
        return list(await found.fetchall())
