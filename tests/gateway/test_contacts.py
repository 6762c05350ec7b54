"""Contacts over the public API: who asks, what is asked of projections, what is answered."""

from pathlib import Path
from uuid import UUID

import pytest

from shared.contracts.internal_api import (
    ContactConflict,
    ContactDetail,
    ContactItem,
    ContactsPage,
    ContactTicket,
)
from tests.gateway.rows import ANA, BIA, NOON, VENDAS
from tests.gateway.test_http import CONNECTION, TICKET, gateway

JOAO = UUID(int=70)
A_TICKET = ContactTicket(
    id=TICKET,
    protocol="20261123-000001",
    lifecycle="attending",
    connection_id=CONNECTION,
    sector_id=VENDAS,
    owner_id=ANA,
    opened_at=NOON,
    closed_at=None,
)
ITEM = ContactItem(
    id=JOAO,
    name="João",
    phone="5511987654321",
    username="joca",
    last_seen_at=NOON,
    open_tickets=[A_TICKET],
    fields={"cpf": "1"},
)


async def test_contacts_are_listed_for_who_may_see_them(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        page = ContactsPage(items=[ITEM], next_after=(NOON, JOAO), position="1.7-1")
        others.answers["/internal/contacts/query"] = (200, page.model_dump_json())
        asked = {"q": "joao", "limit": "1", "min_position": "1.7-1"}
        answer = await http.get("/v1/contacts", params=asked, headers=made.of(ANA))
        assert answer.headers["X-Position"] == "1.7-1"
        (item,) = answer.json()["items"]
        assert (item["name"], item["username"], item["fields"]) == ("João", "joca", {"cpf": "1"})
        (ticket,) = item["open_tickets"]
        assert ticket["sector"] == {"id": str(VENDAS), "name": "Vendas"}
        assert ticket["owner"] == {"id": str(ANA), "name": "Ana"}
        assert ticket["connection"]["name"] == "Principal"
        sent = others.asked[-1][2].decode()
        for part in (f'"sector_ids":["{VENDAS}"]', '"q":"joao"', '"min_position":"1.7-1"'):
            assert part in sent
        await http.get("/v1/contacts", headers=made.of(BIA))
        assert '"sector_ids":null' in others.asked[-1][2].decode()


async def test_a_cursor_goes_on_in_its_own_search_only(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        page = ContactsPage(items=[ITEM], next_after=(NOON, JOAO), position="1.7-1")
        others.answers["/internal/contacts/query"] = (200, page.model_dump_json())
        first = await http.get("/v1/contacts", params={"q": "joao"}, headers=made.of(ANA))
        cursor = first.json()["next_cursor"]
        same = {"q": "joao", "cursor": cursor}
        assert (await http.get("/v1/contacts", params=same, headers=made.of(ANA))).is_success
        assert f'"after":["{NOON.isoformat().replace("+00:00", "Z")}","{JOAO}"]' in (
            others.asked[-1][2].decode()
        )
        for wrong in ({"cursor": cursor}, {"q": "ana", "cursor": cursor}, {"cursor": "x"}):
            refused = await http.get("/v1/contacts", params=wrong, headers=made.of(ANA))
            said = refused.json()
            assert (refused.status_code, said["code"], said["field"]) == (
                422,
                "invalid_cursor",
                "cursor",
            )


async def test_one_contact_has_all_its_tickets(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, others, http):
        closed = A_TICKET.model_copy(update={"id": UUID(int=51), "lifecycle": "closed"})
        found = ContactDetail(
            **dict(ITEM),
            tickets=[A_TICKET, closed],
            conflicts=[ContactConflict(other_contact_id=UUID(int=71), kind="phone")],
        )
        others.answers["/internal/contact/query"] = (200, found.model_dump_json())
        answer = await http.get(f"/v1/contacts/{JOAO}", headers=made.of(ANA))
        said = answer.json()
        assert [ticket["lifecycle"] for ticket in said["tickets"]] == ["attending", "closed"]
        assert said["conflicts"] == [{"other_contact_id": str(UUID(int=71)), "kind": "phone"}]
        assert f'"contact_id":"{JOAO}"' in others.asked[-1][2].decode()


async def test_a_contact_out_of_sight_is_not_there(keys_dir: Path) -> None:
    async with gateway(keys_dir) as (made, _, http):
        answer = await http.get(f"/v1/contacts/{JOAO}", headers=made.of(ANA))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/v1/contacts", f"/v1/contacts/{JOAO}"])
async def test_nobody_gets_in_without_a_token(keys_dir: Path, path: str) -> None:
    async with gateway(keys_dir) as (_, others, http):
        assert (await http.get(path)).status_code == 401
        assert others.asked == []
