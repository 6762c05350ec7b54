"""Does the simulator take and refuse messages as Meta does, and tell their fate?"""

import base64

import pytest

from tests.simulator.conftest import FIRST, SECOND, Simulator, a_text
from tests.simulator.receiver import Receiver

ANA = "5511988887777"
ROW = {"id": "r", "title": "Vendas", "description": "Preços"}
HIDDEN = "BR.8f21"


async def test_an_accepted_text_is_answered_seen_and_told_in_order(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(ANA)
    status, answer = await simulator.post(a_text(f"+{ANA}", "Olá!", "ours-1"))
    assert status == 200
    wamid = answer["messages"][0]["id"]
    assert answer["contacts"] == [{"input": f"+{ANA}", "wa_id": ANA}]
    assert ANA.encode() in base64.b64decode(wamid.removeprefix("wamid."))
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    statuses = receiver.statuses()
    assert [item["status"] for item in statuses] == ["sent", "delivered", "read"]
    assert {item["biz_opaque_callback_data"] for item in statuses} == {"ours-1"}
    assert {item["id"] for item in statuses} == {wamid}
    seen = (await simulator.control("GET", f"customers/{ANA}"))["messages"]
    assert [(item["text"], item["wamid"]) for item in seen] == [("Olá!", wamid)]


async def test_the_ledger_tells_requests_by_opaque_id_in_order(simulator: Simulator) -> None:
    await simulator.write(ANA)
    for opaque in ("a", "b", "a"):
        await simulator.post(a_text(ANA, f"texto {opaque}", opaque))
    requests = (await simulator.control("GET", "ledger?only=requests&opaque=a"))["requests"]
    assert [entry["seq"] for entry in requests] == [1, 3]
    assert [entry["answer"] for entry in requests] == ["200", "200"]
    assert all(entry["accepted"] and entry["person"] == ANA for entry in requests)


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"messaging_product": "sms"}, 100, 400),
        ({"to": None}, 131008, 400),
        ({"text": {"body": ""}}, 131008, 400),
        ({"text": None}, 131008, 400),
        ({"text": {"body": 5}}, 131009, 400),
        ({"text": {"body": "x" * 4097}}, 100, 400),
        ({"type": "hologram"}, 100, 400),
        ({"biz_opaque_callback_data": "x" * 513}, 100, 400),
        ({"context": {}}, 131009, 400),
    ],
)
async def test_a_wrong_message_is_refused_by_code(
    simulator: Simulator, change: dict[str, object], code: int, status: int
) -> None:
    await simulator.write(ANA)
    answered, body = await simulator.post(a_text(ANA) | change)
    assert (answered, body["error"]["code"]) == (status, code)
    assert body["error"]["fbtrace_id"]
    [entry] = (await simulator.control("GET", "ledger?only=requests"))["requests"]
    assert (entry["accepted"], entry["answer"], entry["code"]) == (False, str(status), code)


@pytest.mark.parametrize(
    ("buttons", "code"),
    [
        ([("a", "Sim"), ("b", "Não")], None),
        ([("a", "Sim"), ("a", "Não")], 131009),
        ([(str(n), str(n)) for n in range(4)], 131009),
        ([("a", "x" * 21)], 100),
        ([], 131009),
    ],
)
async def test_buttons_keep_to_the_limits(
    simulator: Simulator, buttons: list[tuple[str, str]], code: int | None
) -> None:
    await simulator.write(ANA)
    replies = [{"type": "reply", "reply": {"id": i, "title": t}} for i, t in buttons]
    shape = {"type": "button", "body": {"text": "Certo?"}, "action": {"buttons": replies}}
    body = a_text(ANA) | {"type": "interactive", "interactive": shape}
    _, answer = await simulator.post(body)
    assert answer.get("error", {}).get("code") == code


LISTS: list[tuple[dict[str, object], int | None]] = [
    ({"footer": {"text": "x" * 60}, "header": {"type": "text", "text": "x" * 60}}, None),
    ({"footer": {"text": "x" * 61}}, 100),
    ({"footer": {}}, 131008),
    ({"header": {"type": "text", "text": "x" * 61}}, 100),
    ({"header": {"type": "image", "image": {"id": "1"}}}, 131009),
    ({"body": {"text": "x" * 1025}}, 100),
    ({"body": {"text": ""}}, 131008),
    ({"action": {"button": "x" * 21, "sections": [{"rows": [ROW]}]}}, 100),
    ({"action": {"button": "Ver", "sections": [{"title": "x" * 25, "rows": [ROW]}]}}, 100),
    ({"action": {"button": "Ver", "sections": [{"rows": [ROW]}, {"rows": []}]}}, 131008),
    ({"action": {"button": "Ver", "sections": [{"rows": [ROW, ROW]}]}}, 131009),
    ({"action": {"button": "Ver", "sections": [{"rows": [ROW | {"title": "x" * 25}]}]}}, 100),
    ({"action": {"button": "Ver", "sections": [{"rows": [ROW | {"id": "x" * 201}]}]}}, 100),
    (
        {
            "action": {
                "button": "Ver",
                "sections": [{"rows": [ROW | {"description": "x" * 73}]}],
            }
        },
        100,
    ),
]


@pytest.mark.parametrize(("more", "code"), LISTS)
async def test_a_list_keeps_to_the_limits(
    simulator: Simulator, more: dict[str, object], code: int | None
) -> None:
    await simulator.write(ANA)
    action = {"button": "Ver", "sections": [{"rows": [ROW]}]}
    shape = {"type": "list", "body": {"text": "Escolha"}, "action": action} | more
    _, answer = await simulator.post(a_text(ANA) | {"type": "interactive", "interactive": shape})
    assert answer.get("error", {}).get("code") == code


async def test_a_button_is_a_reply(simulator: Simulator) -> None:
    await simulator.write(ANA)
    action = {"buttons": [{"type": "url", "reply": {"id": "a", "title": "Sim"}}]}
    shape = {"type": "button", "body": {"text": "Certo?"}, "action": action}
    _, answer = await simulator.post(a_text(ANA) | {"type": "interactive", "interactive": shape})
    assert answer["error"]["code"] == 131009


async def test_a_list_has_ten_rows_in_all(simulator: Simulator) -> None:
    await simulator.write(ANA)

    def a_list(rows: int) -> dict[str, object]:
        sections = [
            {"title": f"S{n}", "rows": [{"id": f"{n}-{r}", "title": "Opção"} for r in range(rows)]}
            for n in range(2)
        ]
        action = {"button": "Ver", "sections": sections}
        shape = {"type": "list", "body": {"text": "Escolha"}, "action": action}
        return a_text(ANA) | {"type": "interactive", "interactive": shape}

    assert (await simulator.post(a_list(5)))[0] == 200
    status, answer = await simulator.post(a_list(6))
    assert (status, answer["error"]["code"]) == (400, 131009)


async def test_who_has_no_good_token_is_refused(simulator: Simulator) -> None:
    status, answer = await simulator.post(a_text(ANA), token=None)
    assert (status, answer["error"]["code"]) == (401, 190)
    status, answer = await simulator.post(a_text(ANA), number="999")
    assert (status, answer["error"]["code"]) == (400, 100)
    assert answer["error"]["error_subcode"] == 33


async def test_a_read_receipt_reaches_the_customer(simulator: Simulator) -> None:
    [wamid] = await simulator.write(ANA)
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": wamid}
    assert await simulator.post(receipt) == (200, {"success": True})
    typing = receipt | {"typing_indicator": {"type": "text"}}
    assert await simulator.post(typing) == (200, {"success": True})
    assert (await simulator.control("GET", f"customers/{ANA}"))["read"] == [wamid, wamid]
    kinds = [e["kind"] for e in (await simulator.control("GET", "ledger"))["requests"]]
    assert kinds == ["read", "typing"]
    status, answer = await simulator.post(receipt | {"message_id": "x"})
    assert (status, answer["error"]["code"]) == (400, 131009)


async def test_the_window_closes_after_24_hours_and_templates_pass(simulator: Simulator) -> None:
    await simulator.control("POST", "behaviour", {"window_async_share": 0})
    await simulator.write(ANA)
    assert (await simulator.post(a_text(ANA)))[0] == 200
    await simulator.control("POST", "clock", {"offset_seconds": 24 * 3600 + 1})
    status, answer = await simulator.post(a_text(ANA))
    assert (status, answer["error"]["code"]) == (400, 131047)
    template = {"name": "retorno", "language": {"code": "pt_BR"}}
    body = a_text(ANA) | {"type": "template", "template": template}
    status, answer = await simulator.post(body)
    assert (status, answer["messages"][0]["message_status"]) == (200, "accepted")
    await simulator.write(ANA)
    assert (await simulator.post(a_text(ANA)))[0] == 200


async def test_the_window_is_one_number_s_and_a_reaction_opens_none(simulator: Simulator) -> None:
    await simulator.control("POST", "behaviour", {"window_async_share": 0})
    reaction = {"reaction": {"message_id": "wamid.x", "emoji": "👍"}}
    await simulator.write(ANA, type="reaction", content=reaction)
    assert (await simulator.post(a_text(ANA)))[0] == 400
    await simulator.write(ANA)
    assert (await simulator.post(a_text(ANA)))[0] == 200
    assert (await simulator.post(a_text(ANA), SECOND.phone_number_id))[0] == 400


async def test_a_late_text_may_be_refused_by_a_status(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.control("POST", "behaviour", {"window_async_share": 1})
    status, answer = await simulator.post(a_text(ANA, opaque="late"))
    assert status == 200
    await receiver.until(lambda: bool(receiver.statuses()))
    [failed] = receiver.statuses()
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131047)
    assert failed["id"] == answer["messages"][0]["id"]
    assert "contacts" not in receiver.values()[0]
    assert (await simulator.control("GET", f"customers/{ANA}"))["messages"] == []


async def test_a_pair_has_45_messages_and_then_waits(simulator: Simulator) -> None:
    await simulator.control("POST", "behaviour", {"throughput": False})
    await simulator.write(ANA)
    codes = [(await simulator.post(a_text(ANA)))[1].get("error") for _ in range(46)]
    assert codes[:45] == [None] * 45
    assert codes[45]["code"] == 131056
    await simulator.control("POST", "behaviour", {"pair_rate": False})
    assert (await simulator.post(a_text(ANA)))[0] == 200


async def test_throughput_counts_what_comes_in_too(simulator: Simulator) -> None:
    await simulator.control("POST", "behaviour", {"messages_per_second": 5, "pair_rate": False})
    await simulator.write(ANA, messages=[{"text": "a"}, {"text": "b"}])
    answers = [(await simulator.post(a_text(ANA)))[1].get("error") for _ in range(5)]
    assert [answer["code"] for answer in answers if answer][-1] == 130429
    await simulator.write(ANA, phone_number_id=SECOND.phone_number_id)
    assert (await simulator.post(a_text(ANA), SECOND.phone_number_id))[0] == 200


async def test_a_customer_without_phone_is_reached_by_user_id(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(HIDDEN)
    await receiver.until(lambda: bool(receiver.messages()))
    [message] = receiver.messages()
    assert message["from_user_id"] == HIDDEN
    assert "from" not in message
    assert "wa_id" not in receiver.values()[0]["contacts"][0]
    body = a_text("") | {"recipient": HIDDEN}
    del body["to"]
    status, answer = await simulator.post(body)
    assert (status, answer["contacts"]) == (200, [{"input": HIDDEN, "user_id": HIDDEN}])
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    assert receiver.statuses()[0]["recipient_user_id"] == HIDDEN
    assert "recipient_id" not in receiver.statuses()[0]


async def test_a_customer_known_without_the_ninth_digit_keeps_their_wa_id(
    simulator: Simulator,
) -> None:
    await simulator.write("555188887777")
    status, answer = await simulator.post(a_text("5551988887777"))
    assert (status, answer["contacts"][0]["wa_id"]) == (200, "555188887777")


@pytest.mark.parametrize(("version", "conversation"), [("v23", True), ("v26", False)])
async def test_statuses_have_the_shape_of_their_version(
    receiver: Receiver, simulator: Simulator, version: str, *, conversation: bool
) -> None:
    await simulator.control("POST", "behaviour", {"webhook_version": version})
    await simulator.write(ANA)
    await simulator.post(a_text(ANA))
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    sent = receiver.statuses()[0]
    assert ("conversation" in sent) is conversation
    assert ("recipient_user_id" in sent) is not conversation
    assert sent["pricing"]["category"] == "service"


async def test_message_history_knows_the_statuses_of_a_wamid(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(ANA)
    _, answer = await simulator.post(a_text(ANA))
    wamid = answer["messages"][0]["id"]
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    url = f"{simulator.url}/v26.0/{FIRST.phone_number_id}/message_history"
    headers = {"Authorization": "Bearer t"}
    async with simulator.http.get(url, params={"message_id": wamid}, headers=headers) as got:
        [known] = (await got.json())["data"]
    told = [event["delivery_status"] for event in known["events"]["data"]]
    assert (known["message_id"], told) == (wamid, ["SENT", "DELIVERED", "READ"])
    async with simulator.http.get(url, params={"message_id": "wamid.no"}, headers=headers) as got:
        assert (await got.json())["data"] == []
