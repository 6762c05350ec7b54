"""Does a tap look as Meta's does, and can a test ask for one?"""

from typing import Any

import pytest

from tests.simulator.conftest import FIRST, SECOND, Simulator, a_text
from tests.simulator.receiver import Receiver

ANA = "5511988887777"
Body = dict[str, Any]


def buttons(*titles: str) -> Body:
    replies = [{"type": "reply", "reply": {"id": f"b.{t}", "title": t}} for t in titles]
    shape = {"type": "button", "body": {"text": "Certo?"}, "action": {"buttons": replies}}
    return a_text(ANA) | {"type": "interactive", "interactive": shape}


def a_list() -> Body:
    rows = [
        {"id": "r.vendas", "title": "Vendas", "description": "Preços e prazos"},
        {"id": "r.suporte", "title": "Suporte"},
    ]
    action = {"button": "Setores", "sections": [{"rows": rows}]}
    shape = {"type": "list", "body": {"text": "Escolha"}, "action": action}
    return a_text(ANA) | {"type": "interactive", "interactive": shape}


async def said(simulator: Simulator, body: Body, number: str = FIRST.phone_number_id) -> str:
    """The wamid of what the business said."""
    status, answer = await simulator.post(body, number)
    assert status == 200, answer
    wamid: str = answer["messages"][0]["id"]
    return wamid


async def tapped(simulator: Simulator, receiver: Receiver, **tap: object) -> Body:
    """The message that the receiver got because of a tap."""
    answer = await simulator.control("POST", f"customers/{ANA}/taps", tap)
    [wamid] = answer["wamids"]
    await receiver.until(lambda: any(m["id"] == wamid for m in receiver.messages()))
    return next(m for m in receiver.messages() if m["id"] == wamid)


async def test_a_tap_on_a_button_has_its_id_its_title_and_the_message_tapped_on(
    simulator: Simulator, receiver: Receiver
) -> None:
    await simulator.write(ANA)
    wamid = await said(simulator, buttons("Sim", "Não"))
    message = await tapped(simulator, receiver, id="b.Não")
    assert message["type"] == "interactive"
    assert message["context"] == {"from": FIRST.display_phone, "id": wamid}
    assert message["interactive"] == {
        "type": "button_reply",
        "button_reply": {"id": "b.Não", "title": "Não"},
    }
    assert message["from"] == ANA
    [seen] = (await simulator.control("GET", f"customers/{ANA}"))["messages"]
    assert [choice["id"] for choice in seen["choices"]] == ["b.Sim", "b.Não"]


@pytest.mark.parametrize(
    ("tap", "reply"),
    [
        ({"position": 1}, {"id": "r.vendas", "title": "Vendas", "description": "Preços e prazos"}),
        ({"title": "Suporte"}, {"id": "r.suporte", "title": "Suporte"}),
    ],
)
async def test_a_tap_on_a_row_brings_its_description_if_it_has_one(
    simulator: Simulator, receiver: Receiver, tap: Body, reply: Body
) -> None:
    await simulator.write(ANA)
    await said(simulator, a_list())
    message = await tapped(simulator, receiver, **tap)
    assert message["interactive"] == {"type": "list_reply", "list_reply": reply}


async def test_the_newest_menu_is_tapped_on_unless_an_old_one_is_named(
    simulator: Simulator, receiver: Receiver
) -> None:
    await simulator.write(ANA)
    await simulator.write(ANA, phone_number_id=SECOND.phone_number_id)
    old = await said(simulator, buttons("Sim"))
    await said(simulator, a_text(ANA))
    new = await said(simulator, a_list(), SECOND.phone_number_id)
    message = await tapped(simulator, receiver, position=1)
    assert message["context"] == {"from": SECOND.display_phone, "id": new}
    for tap in ({"wamid": old}, {"phone_number_id": FIRST.phone_number_id}):
        message = await tapped(simulator, receiver, position=1, **tap)
        assert message["context"] == {"from": FIRST.display_phone, "id": old}


@pytest.mark.parametrize(
    "tap",
    [{"id": "other"}, {"position": 3}, {"position": 0}, {}, {"id": "b.Sim", "position": 1}],
)
async def test_what_cannot_be_tapped_is_refused(simulator: Simulator, tap: Body) -> None:
    await simulator.write(ANA)
    await said(simulator, buttons("Sim", "Não"))
    url = f"{simulator.url}/control/customers/{ANA}/taps"
    async with simulator.http.post(url, json=tap) as answer:
        assert answer.status == 422
        assert "error" in await answer.json()


@pytest.mark.parametrize("customer", [ANA, "5511900000000"])
async def test_who_got_no_choices_cannot_tap(simulator: Simulator, customer: str) -> None:
    await simulator.write(ANA)
    await said(simulator, a_text(ANA))
    url = f"{simulator.url}/control/customers/{customer}/taps"
    async with simulator.http.post(url, json={"position": 1}) as answer:
        assert answer.status == 422
