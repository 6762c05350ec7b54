"""Does everything reach the receiver, as often as Meta would send it?"""

import json
import time

from deploy.simulator.customers.script import script
from deploy.simulator.doors import Doors
from tests.simulator.conftest import FIRST, QUICK, SECOND, Simulator, a_text
from tests.simulator.receiver import Receiver

ANA = "5511988887777"


async def test_the_handshake_is_repeated_until_the_receiver_agrees(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(ANA)
    await receiver.until(lambda: len(receiver.messages()) == 1)
    assert receiver.handshakes >= 1
    assert receiver.bad_signatures == 0


async def test_a_customer_writes_oi_by_default(receiver: Receiver, simulator: Simulator) -> None:
    [wamid] = await simulator.write(ANA, text="oi")
    await receiver.until(lambda: bool(receiver.messages()))
    [value] = receiver.values()
    assert value["metadata"] == {
        "display_phone_number": FIRST.display_phone,
        "phone_number_id": FIRST.phone_number_id,
    }
    assert value["contacts"][0]["wa_id"] == ANA
    assert value["messages"][0]["id"] == wamid
    assert value["messages"][0]["text"] == {"body": "oi"}


async def test_a_post_is_repeated_until_it_gets_200(
    receiver: Receiver, simulator: Simulator
) -> None:
    receiver.answers = [503, 500, 404, 201]
    [wamid] = await simulator.write(ANA)
    await receiver.until(lambda: bool(receiver.messages()))
    assert receiver.codes == [503, 500, 404, 201, 200]
    assert len(set(receiver.bodies)) == 1
    [item] = (await simulator.control("GET", f"ledger?only=items&customer={ANA}"))["items"]
    assert item["key"] == wamid
    assert (item["deliveries"], item["acknowledged"]) == (5, 1)
    assert item["codes"] == [503, 500, 404, 201, 200]


async def test_an_album_comes_as_parallel_posts_and_a_batch_as_one(
    receiver: Receiver, simulator: Simulator
) -> None:
    pictures = [{"type": "image", "text": f"foto {n}"} for n in range(4)]
    await simulator.write(ANA, messages=pictures)
    await receiver.until(lambda: len(receiver.messages()) == 4)
    assert len(receiver.bodies) == 4
    await simulator.write(ANA, messages=[{"text": "um"}, {"text": "dois"}], together=True)
    await receiver.until(lambda: len(receiver.messages()) == 6)
    assert len(receiver.bodies) == 5
    last = json.loads(receiver.bodies[-1])["entry"][0]["changes"][0]["value"]
    assert [item["text"]["body"] for item in last["messages"]] == ["um", "dois"]


async def test_copies_and_duplicates_arrive_more_than_once(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(ANA, copies=3)
    await receiver.until(lambda: len(receiver.messages()) == 3)
    await simulator.control("POST", "faults", {"kind": "webhook_duplicate", "next": 1})
    await simulator.write(ANA)
    await receiver.until(lambda: len(receiver.messages()) == 5)
    assert len({item["id"] for item in receiver.messages()}) == 2


async def test_a_reordered_webhook_is_overtaken(receiver: Receiver, simulator: Simulator) -> None:
    await simulator.control("POST", "faults", {"kind": "webhook_reorder", "next": 1, "ms": 300})
    await simulator.write(ANA, text="primeiro")
    await simulator.write(ANA, text="segundo")
    await receiver.until(lambda: len(receiver.messages()) == 2)
    assert [item["text"]["body"] for item in receiver.messages()] == ["segundo", "primeiro"]


async def test_paused_deliveries_wait(receiver: Receiver, simulator: Simulator) -> None:
    await simulator.write(ANA)
    await receiver.until(lambda: len(receiver.messages()) == 1)
    await simulator.control("POST", "pause")
    await simulator.write(ANA)
    state = await simulator.control("GET", "../health")
    assert (state["paused"], state["pending"]) == (True, 1)
    assert len(receiver.bodies) == 1
    await simulator.control("POST", "resume")
    await receiver.until(lambda: len(receiver.messages()) == 2)


async def test_statuses_that_queue_up_share_a_post_for_both_numbers(
    receiver: Receiver, simulator: Simulator
) -> None:
    for number in (FIRST, SECOND):
        await simulator.write(ANA, phone_number_id=number.phone_number_id)
    await receiver.until(lambda: len(receiver.messages()) == 2)
    await simulator.control("POST", "pause")
    body = {"messaging_product": "whatsapp", "to": ANA, "text": {"body": "Olá"}}
    for number in (FIRST, SECOND):
        status, _ = await simulator.post(body, number.phone_number_id)
        assert status == 200
    await simulator.control("POST", "behaviour", QUICK)
    ledger = await simulator.control("GET", "ledger?kind=status&only=items")
    while len(ledger["items"]) < 6:
        ledger = await simulator.control("GET", "ledger?kind=status&only=items")
    await simulator.control("POST", "resume")
    await receiver.until(lambda: len(receiver.statuses()) == 6)
    [shared] = [json.loads(body) for body in receiver.bodies[2:]]
    assert len(shared["entry"][0]["changes"]) == 2


async def test_raw_webhooks_are_signed_or_not_as_asked(
    receiver: Receiver, simulator: Simulator
) -> None:
    value = {"messages": [{"id": "wamid.x", "type": "hologram"}]}
    body = {"value": value, "copies": 3, "parallel": True}
    answer = await simulator.control("POST", "webhooks", body)
    assert answer == {"codes": [200, 200, 200]}
    assert receiver.messages()[0]["type"] == "hologram"
    for signature in ("none", "sha256=" + "0" * 64):
        answer = await simulator.control("POST", "webhooks", {"raw": "{", "signature": signature})
        assert answer == {"codes": [401]}
    answer = await simulator.control("POST", "webhooks", {"raw": "not json"})
    assert answer == {"codes": [200]}
    assert receiver.bodies[-1] == b"not json"


async def test_a_planned_webhook_opens_the_window_and_is_repeated_until_200(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.control("POST", "behaviour", {"window_async_share": 0})
    plan = script(7, (FIRST, SECOND), customers=4, webhooks=10, start=int(time.time()))
    receiver.answers = [503, 503]
    webhook = plan.webhooks[0]
    body = {"body": webhook.body, "copies": 2, "parallel": True, "retry": True}
    assert await simulator.control("POST", "webhooks", body) == {"codes": [200, 200]}
    assert [item["id"] for item in receiver.messages()] == [webhook.wamid] * 2
    customer, number = webhook.conversation
    [item] = (await simulator.control("GET", f"ledger?only=items&customer={customer}"))["items"]
    assert (item["key"], item["deliveries"], item["acknowledged"]) == (webhook.wamid, 4, 2)
    status, _ = await simulator.post(a_text(customer), number)
    assert status == 200


async def test_two_addresses_get_deliveries_in_turn_and_a_retry_goes_to_the_other(
    receivers: tuple[Receiver, Receiver], balanced: Simulator
) -> None:
    first, second = receivers
    for _ in range(6):
        [wamid] = await balanced.write(ANA)
        await balanced.delivered(wamid)
    assert (len(first.bodies), len(second.bodies)) == (3, 3)
    first.answers = [503] * 10
    wamids = [wamid for _ in range(4) for wamid in await balanced.write(ANA)]
    for wamid in wamids:
        await balanced.delivered(wamid)
    refused = {body for body, code in zip(first.bodies, first.codes, strict=True) if code == 503}
    assert refused
    assert refused <= set(second.bodies)
    assert {item["id"] for item in second.messages()} >= set(wamids)


async def test_a_dead_address_loses_nothing(
    receivers: tuple[Receiver, Receiver], balanced: Simulator
) -> None:
    first, second = receivers
    await first.gone()
    raw = {"value": {"messages": [{"id": "wamid.x", "type": "hologram"}]}, "retry": True}
    for _ in range(3):
        assert await balanced.control("POST", "webhooks", raw) == {"codes": [200]}
    wamids = [wamid for _ in range(10) for wamid in await balanced.write(ANA)]
    for wamid in wamids:
        assert (await balanced.delivered(wamid))["codes"] in ([200], [0, 200])
    found = [item["id"] for item in second.messages()]
    assert sorted(found) == sorted([*wamids, *["wamid.x"] * 3])


def test_addresses_take_turns_and_a_failure_is_followed_by_another() -> None:
    doors = Doors(["one", "two", "three"])
    assert [doors.next() for _ in range(4)] == ["one", "two", "three", "one"]
    assert doors.next(failed="two") == "three"
    assert doors.next(failed="three") == "one"
    alone = Doors(["one"])
    assert [alone.next(), alone.next(failed="one")] == ["one", "one"]
