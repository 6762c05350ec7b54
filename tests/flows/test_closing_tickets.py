"""Tickets end with a reason of the account's list, and contacts keep their past."""

from uuid import uuid4

import pytest

from tests.checks.system import System
from tests.support.stories import customer_writes, served, sign_in
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


async def test_a_close_reason_is_made_renamed_used_and_taken_out_of_use(system: System) -> None:
    """Close a ticket with a reason from the administrator's list."""
    admin, ana = await sign_in(system, "admin@demo"), await sign_in(system, "ana@demo")
    status, made = await admin.post("close-reasons", {"name": "Fora de estoque"})
    assert status == 201, made
    path = f"close-reasons/{made['id']}"
    status, renamed = await admin.send(
        "PUT", path, {"name": "Sem estoque"}, If_Match=f'"{made["version"]}"'
    )
    assert (status, renamed["name"]) == (200, "Sem estoque")

    async def offered() -> bool:
        items = (await ana.get("close-reasons", q="Sem estoque"))["items"]
        return [one["id"] for one in items] == [made["id"]]

    await until(offered, what="agents are not offered the reason")
    ticket = await served(system, ana, "5511987670001")
    assert await ana.may_not(ticket, "close", reason_id=str(uuid4())) == "unknown_close_reason"

    async def closed() -> bool:
        body = {"reason_id": made["id"], "farewell": False}
        status, answer = await ana.post(f"tickets/{ticket}/close", body)
        return status == 200 or answer["code"] != "unknown_close_reason"

    await until(closed, what="tickets does not hear of the reason")
    line = await ana.line(ticket, type="ticket_closed")
    assert line["reason"]["name"] == "Sem estoque"
    status, _ = await admin.send("DELETE", path, {}, If_Match=f'"{renamed["version"]}"')
    assert status in {200, 204}
    other = await served(system, ana, "5511987670002")

    async def refused() -> bool:
        status, answer = await ana.post(f"tickets/{other}/close", {"reason_id": made["id"]})
        return status == 409 and answer["code"] == "unknown_close_reason"

    await until(refused, what="a reason out of use still closes")


async def test_a_contact_is_found_with_earlier_tickets(system: System) -> None:
    """Find a contact by name or phone, with every earlier ticket."""
    phone = "5511987670003"
    ana = await sign_in(system, "ana@demo")
    first = await served(system, ana, phone)
    await ana.does(first, "close", farewell=False)
    await customer_writes(system, phone, text="Voltei, tenho outra pergunta")
    second = (await ana.card(phone, "aguardando"))["id"]
    assert second != first
    for question in (phone, "+55 (11) 98767-0003", "marina"):
        found = (await ana.get("contacts", q=question))["items"]
        assert phone in {one["phone"] for one in found}, question
    (contact,) = (await ana.get("contacts", q=phone))["items"]

    async def both() -> bool:
        page = await ana.get(f"contacts/{contact['id']}")
        return {first, second} <= {one["id"] for one in page["tickets"]}

    await until(both, what="the contact does not have both tickets")
