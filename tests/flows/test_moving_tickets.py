"""Tickets are set aside, given back and given on; people are never both or neither."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.checks.system import System
from tests.support.stories import (
    Agent,
    customer_writes,
    customers_screen,
    served,
    sign_in,
)
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


async def _both(system: System) -> tuple[Agent, Agent]:
    return await sign_in(system, "ana@demo"), await sign_in(system, "bruno@demo")


async def test_a_ticket_is_paused_until_the_customer_writes(system: System) -> None:
    """Pause a ticket with a reason, and resume it."""
    phone = "5511987660001"
    ana, bruno = await _both(system)
    ticket = await served(system, ana, phone)
    at = "2036-01-31T09:00:00-03:00"
    paused = await ana.does(ticket, "pause", until=at, reason="Aguardando o estoque")
    assert paused["lifecycle"] == "paused"
    line = await ana.line(ticket, type="ticket_paused")
    assert line["details"] == {"until": "2036-01-31T12:00:00Z", "reason": "Aguardando o estoque"}
    assert await ana.may_not(ticket, "messages", type="text", text="oi") == "ticket_paused"
    assert await bruno.may_not(ticket, "resume") == "not_owner"
    assert (await ana.does(ticket, "resume"))["lifecycle"] == "attending"
    await ana.does(ticket, "pause")
    await customer_writes(system, phone, text="Alguma novidade?")

    async def attending() -> bool:
        return (await ana.get(f"tickets/{ticket}"))["lifecycle"] == "attending"

    await until(attending, what="the customer's message does not end the pause")
    await ana.line(ticket, text="Alguma novidade?")
    assert (await ana.line(ticket, type="ticket_resumed"))["author"] is None  # no agent did it


async def test_a_pause_ends_when_its_time_comes(system: System) -> None:
    """Pause a ticket until an instant."""
    ana, _ = await _both(system)
    ticket = await served(system, ana, "5511987660002")
    soon = datetime.now(UTC) + timedelta(seconds=3)
    assert await ana.may_not(ticket, "pause", until="2020-01-01T00:00:00Z") == "until_passed"
    await ana.does(ticket, "pause", until=soon.isoformat())

    async def attending() -> bool:
        return (await ana.get(f"tickets/{ticket}"))["lifecycle"] == "attending"

    await until(attending, what="the pause does not end")


async def test_a_ticket_is_given_back_to_the_queue(system: System) -> None:
    """Return a ticket to Aguardando."""
    phone = "5511987660003"
    ana, bruno = await _both(system)
    ticket = await served(system, ana, phone)
    assert await bruno.may_not(ticket, "return") == "not_owner"
    assert (await ana.does(ticket, "return"))["lifecycle"] == "waiting"
    assert (await bruno.card(phone, "aguardando"))["id"] == ticket
    assert (await bruno.does(ticket, "accept"))["lifecycle"] == "attending"
    assert await ana.may_not(ticket, "messages", type="text", text="oi") == "not_owner"


async def test_a_ticket_is_transferred_to_an_agent_and_to_a_sector(system: System) -> None:
    """Transfer a ticket to an agent, or to a sector."""
    phone = "5511987660004"
    ana, bruno = await _both(system)
    ticket = await served(system, ana, phone)
    assert await ana.may_not(ticket, "transfer") == "transfer_target_required"
    colleague = (await bruno.get("me"))["id"]
    given = await ana.does(ticket, "transfer", agent_id=colleague, reason="Cliente do Bruno")
    assert (given["lifecycle"], given["owner"]["id"]) == ("attending", colleague)
    await bruno.line(ticket, type="ticket_transferred")
    assert await ana.may_not(ticket, "close") == "not_owner"
    (support,) = (await bruno.get("sectors", q="Suporte"))["items"]
    moved = await bruno.does(ticket, "transfer", sector_id=support["id"])
    assert (moved["lifecycle"], moved["sector"]["id"]) == ("waiting", support["id"])

    async def told() -> bool:
        return any("transferir" in one["text"] for one in await customers_screen(system, phone))

    await until(told, what="the customer is not told of the transfer")
