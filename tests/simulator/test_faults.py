"""Does each fault look on the wire as its name says, and does the ledger tell the truth of it?"""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tests.simulator.conftest import FIRST, SECOND, Simulator, a_text
from tests.simulator.receiver import Receiver

ANA = "5511988887777"


async def fault(simulator: Simulator, kind: str, **more: object) -> None:
    await simulator.control("POST", "faults", {"kind": kind, "next": 1, **more})


async def truth(simulator: Simulator) -> dict[str, Any]:
    """What the ledger says of the only request, and what the customer saw."""
    [entry] = (await simulator.control("GET", "ledger?only=requests"))["requests"]
    seen = (await simulator.control("GET", f"customers/{ANA}"))["messages"]
    return {**entry, "seen": len(seen)}


@pytest.mark.parametrize(("code", "status"), [(131026, 400), (190, 401), (4, 400), (80007, 400)])
async def test_refuse_answers_with_the_code(simulator: Simulator, code: int, status: int) -> None:
    await simulator.write(ANA)
    await fault(simulator, "refuse", code=code)
    answered, answer = await simulator.post(a_text(ANA))
    assert (answered, answer["error"]["code"]) == (status, code)
    assert (await truth(simulator))["accepted"] is False
    assert (await simulator.post(a_text(ANA)))[0] == 200


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(("code", "status"), [(None, 500), (2, 503), (133004, 503)])
async def test_a_5xx_says_nothing_of_what_was_accepted(
    receiver: Receiver, simulator: Simulator, code: int | None, status: int, *, accepted: bool
) -> None:
    kind = "error_5xx_after_accept" if accepted else "error_5xx_before_accept"
    await simulator.write(ANA)
    await fault(simulator, kind, code=code)
    answered, answer = await simulator.post(a_text(ANA, opaque="o"))
    assert (answered, answer["error"]["code"]) == (status, code or 131000)
    told = await truth(simulator)
    assert (told["accepted"], told["answer"], told["seen"]) == (accepted, str(status), accepted)
    if accepted:
        await receiver.until(lambda: len(receiver.statuses()) == 3)
        assert {item["biz_opaque_callback_data"] for item in receiver.statuses()} == {"o"}


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_502_is_html(simulator: Simulator, *, accepted: bool) -> None:
    await simulator.write(ANA)
    await fault(simulator, "html_502", accept=accepted)
    url = f"{simulator.url}/v26.0/{FIRST.phone_number_id}/messages"
    headers = {"Authorization": "Bearer t"}
    async with simulator.http.post(url, json=a_text(ANA), headers=headers) as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert "Bad Gateway" in await answer.text()
    told = await truth(simulator)
    assert (told["accepted"], told["seen"]) == (accepted, accepted)


@pytest.mark.parametrize(
    ("kind", "accepted", "answer"),
    [
        ("cut_before_accept", False, "cut"),
        ("cut_after_accept", True, "cut"),
        ("half_close", True, "half_close"),
        ("cut_body_of_2xx", True, "cut_body"),
    ],
)
async def test_a_cut_leaves_the_caller_without_answer(
    receiver: Receiver, simulator: Simulator, kind: str, answer: str, *, accepted: bool
) -> None:
    await simulator.write(ANA)
    await fault(simulator, kind)
    with pytest.raises(aiohttp.ClientError):
        await simulator.post(a_text(ANA))
    told = await truth(simulator)
    assert (told["accepted"], told["answer"], told["seen"]) == (accepted, answer, accepted)
    if accepted:
        await receiver.until(lambda: len(receiver.statuses()) == 3)


async def test_the_head_of_a_cut_body_was_a_200(simulator: Simulator) -> None:
    await simulator.write(ANA)
    await fault(simulator, "cut_body_of_2xx")
    url = f"{simulator.url}/v26.0/{FIRST.phone_number_id}/messages"
    headers = {"Authorization": "Bearer t"}
    async with simulator.http.post(url, json=a_text(ANA), headers=headers) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_half_closed_connection_ends_without_reset(simulator: Simulator) -> None:
    await simulator.write(ANA)
    await fault(simulator, "half_close")
    host, port = simulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = b'{"messaging_product":"whatsapp","to":"%s","text":{"body":"x"}}' % ANA.encode()
    head = (
        f"POST /v26.0/{FIRST.phone_number_id}/messages HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer t\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.write(b"the other direction is still open")
    await writer.drain()
    writer.close()


async def test_a_slow_answer_comes_after_the_message_was_accepted(simulator: Simulator) -> None:
    await simulator.write(ANA)
    await fault(simulator, "slow", ms=400)
    before = time.monotonic()
    pending = asyncio.create_task(simulator.post(a_text(ANA)))
    told = None
    while told is None or not told["accepted"]:
        requests = (await simulator.control("GET", "ledger?only=requests"))["requests"]
        told = requests[0] if requests else None
    assert told["answer"] == "none"
    assert (await pending)[0] == 200
    assert time.monotonic() - before >= 0.4


async def test_a_caller_who_gave_up_was_heard_all_the_same(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(ANA)
    await fault(simulator, "slow", ms=300)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(simulator.post(a_text(ANA)), 0.1)
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    assert (await truth(simulator))["seen"] == 1


@pytest.mark.parametrize("when", ["sync", "async"])
async def test_a_window_error_comes_although_the_window_is_open(
    receiver: Receiver, simulator: Simulator, when: str
) -> None:
    await simulator.write(ANA)
    await fault(simulator, "window_error", when=when)
    status, answer = await simulator.post(a_text(ANA))
    if when == "sync":
        assert (status, answer["error"]["code"]) == (400, 131047)
        return
    assert status == 200
    await receiver.until(lambda: bool(receiver.statuses()))
    assert receiver.statuses()[0]["errors"][0]["code"] == 131047


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("status_duplicate", ["sent", "sent", "delivered", "delivered", "read", "read"]),
        ("status_reorder", ["read", "delivered", "sent"]),
        ("status_skip_delivered", ["sent", "read"]),
    ],
)
async def test_statuses_go_wrong_as_told(
    receiver: Receiver, simulator: Simulator, kind: str, names: list[str]
) -> None:
    apart = {"sent_ms": 0, "delivered_ms": 100, "read_ms": 200}
    await simulator.control("POST", "behaviour", apart)
    await simulator.write(ANA)
    await fault(simulator, kind)
    await simulator.post(a_text(ANA))
    await receiver.until(lambda: len(receiver.statuses()) == len(names))
    assert [item["status"] for item in receiver.statuses()] == names


async def test_no_status_comes_when_told(receiver: Receiver, simulator: Simulator) -> None:
    await simulator.write(ANA)
    await fault(simulator, "status_none")
    await simulator.post(a_text(ANA, opaque="silent"))
    await simulator.post(a_text(ANA, opaque="told"))
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    assert {item["biz_opaque_callback_data"] for item in receiver.statuses()} == {"told"}
    items = (await simulator.control("GET", "ledger?only=items&kind=status"))["items"]
    assert len(items) == 3


async def test_a_status_may_come_late(receiver: Receiver, simulator: Simulator) -> None:
    await simulator.write(ANA)
    await fault(simulator, "status_late", ms=300)
    await simulator.post(a_text(ANA, opaque="late"))
    await simulator.post(a_text(ANA, opaque="soon"))
    await receiver.until(lambda: len(receiver.statuses()) == 6)
    opaque = [item["biz_opaque_callback_data"] for item in receiver.statuses()]
    assert opaque == ["soon"] * 3 + ["late"] * 3


async def test_a_status_may_come_before_the_answer(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(ANA)
    await fault(simulator, "status_before_answer")
    await fault(simulator, "slow", ms=300)
    pending = asyncio.create_task(simulator.post(a_text(ANA)))
    await receiver.until(lambda: bool(receiver.statuses()))
    assert receiver.statuses()[0]["status"] == "sent"
    assert not pending.done()
    _, answer = await pending
    await receiver.until(lambda: len(receiver.statuses()) == 3)
    assert [item["status"] for item in receiver.statuses()] == ["sent", "delivered", "read"]
    assert receiver.statuses()[0]["id"] == answer["messages"][0]["id"]


async def test_a_fault_may_be_one_number_s(simulator: Simulator) -> None:
    body = {"kind": "refuse", "code": 131031, "phone_number_id": SECOND.phone_number_id}
    await simulator.control("POST", "faults", body)
    for number in (FIRST, SECOND):
        await simulator.write(ANA, phone_number_id=number.phone_number_id)
    assert (await simulator.post(a_text(ANA)))[0] == 200
    assert (await simulator.post(a_text(ANA), SECOND.phone_number_id))[0] == 403
    await simulator.control("DELETE", "faults")
    assert (await simulator.post(a_text(ANA), SECOND.phone_number_id))[0] == 200


async def test_a_rate_is_kept_and_repeats_with_the_seed(simulator: Simulator) -> None:
    async def round_of_sends() -> list[int]:
        await simulator.control("POST", "reset")
        switches = {"pair_rate": False, "throughput": False}
        await simulator.control("POST", "behaviour", switches)
        fault = {"kind": "refuse", "code": 131026, "rate": 0.3}
        await simulator.control("POST", "faults", fault)
        await simulator.write(ANA)
        return [(await simulator.post(a_text(ANA)))[0] for _ in range(200)]

    first = await round_of_sends()
    assert 35 <= first.count(400) <= 85
    assert await round_of_sends() == first


async def test_a_fault_that_makes_no_sense_is_refused(simulator: Simulator) -> None:
    url = f"{simulator.url}/control/faults"
    for body in ({"kind": "gremlin"}, {"kind": "refuse"}, {"kind": "slow", "rate": 2}):
        async with simulator.http.post(url, json=body) as answer:
            assert answer.status == 422


async def test_reset_forgets_faults_windows_and_what_was_not_delivered(
    receiver: Receiver, simulator: Simulator
) -> None:
    await simulator.write(ANA)
    await receiver.until(lambda: bool(receiver.messages()))
    await simulator.control("POST", "pause")
    await simulator.write(ANA)
    await simulator.control("POST", "clock", {"offset_seconds": 5})
    await fault(simulator, "cut_before_accept")
    await simulator.control("POST", "reset")
    state = await simulator.control("GET", "../health")
    assert (state["pending"], state["paused"], state["clock_offset_seconds"]) == (0, False, 0.0)
    ledger = await simulator.control("GET", "ledger")
    assert (ledger["requests"], ledger["items"]) == ([], [])
    await simulator.write(ANA, text="depois")
    await receiver.until(lambda: len(receiver.messages()) == 2)
    assert receiver.messages()[1]["text"]["body"] == "depois"
