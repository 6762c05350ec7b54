"""From a command to what Meta got and what is told, on real PostgreSQL and real sockets."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.outbound.handlers.ports import Number
from shared.contracts.inbound import StatusDelivered, StatusSent
from shared.contracts.outbound import (
    MessageAccepted,
    MessageDelivered,
    MessageFailed,
    MessageOutcomeUnknown,
    MessageRead,
    MessageSent,
    SendMessage,
)
from shared.plumbing import clock, tracing, tracing_sdk
from shared.plumbing.loops import Heartbeat
from shared.plumbing.settings import CommonSettings
from tests.outbound.meta import NUMBER, Meta, WhatsApp, truly_accepted
from tests.outbound.running import Outbound
from tests.outbound.samples import (
    CONNECTION,
    a_list,
    a_receipt,
    a_send,
    a_status,
    a_text_received,
    buttons,
    texts,
)
from tests.support.company import received
from tests.support.waiting import until, until_true


async def test_a_text_is_sent_once_and_its_ticks_are_told(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, statuses = whatsapp
    await simulator.customers_write(1)
    (command,) = texts(1)
    await outbound.queue(command, command)
    await outbound.queue(command)
    await outbound.until("accepted")
    await until_true(lambda: len(statuses) >= 3)
    await outbound.hear(*statuses)
    await outbound.hear(*statuses)
    told = [type(fact) for fact in await outbound.facts()]
    assert told == [MessageAccepted, MessageSent, MessageDelivered, MessageRead]
    (request,) = await simulator.requests()
    assert (request["text"], request["opaque"]) == ("texto 0", str(command.message_id))
    assert await outbound.rows("SELECT count(*) FROM queue WHERE sealed IS NOT NULL") == [(0,)]


async def test_the_call_and_its_fate_belong_to_the_trace_of_the_command(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    correlation = str(uuid4())
    spans = InMemorySpanExporter()
    settings = CommonSettings(traces_ratio=1.0)
    tracing.begin(tracing_sdk.recorder_to(SimpleSpanProcessor(spans), settings, "outbound"))
    try:
        await whatsapp[0].customers_write(1)
        (command,) = texts(1)
        told = received("outbound.commands", command)
        envelope = replace(told.envelope, correlation=correlation)
        await outbound.enqueue.handle(replace(told, envelope=envelope))
        await outbound.until("accepted")
    finally:
        tracing.end()
    (call,) = [span for span in spans.get_finished_spans() if span.name == "outbound.send"]
    assert call.context is not None
    assert call.context.trace_id == UUID(correlation).int
    headers = await outbound.rows("SELECT headers ->> 'ce_correlation' FROM outbox")
    assert headers == [(correlation,)]


async def test_a_text_from_a_service_whose_clock_is_ahead_does_not_wait(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    await whatsapp[0].customers_write(1)
    await outbound.queue(a_send(at=clock.now() + timedelta(minutes=10)))
    await outbound.until("accepted")


async def test_one_conversation_keeps_its_order_while_others_pass(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(5)
    await simulator.fault("slow", ms=100, rate=1)
    commands = [command for customer in range(5) for command in texts(6, customer)]
    await outbound.queue(*commands)
    await outbound.until("accepted")
    requests = await simulator.requests()
    for customer in range(5):
        own = [str(c.message_id) for c in commands[customer * 6 : customer * 6 + 6]]
        calls = [r for r in requests if r["opaque"] in own]
        assert [r["opaque"] for r in calls] == own
        pauses = [(b["at_ns"] - a["at_ns"]) / 1e9 for a, b in pairwise(calls)]
        assert min(pauses) >= 0.1, "sent before the one before was answered"
    took = (requests[-1]["at_ns"] - requests[0]["at_ns"]) / 1e9
    assert took < 6 * 5 * 0.1, "customers went one after another"


@pytest.mark.parametrize(
    ("kind", "more", "reason"),
    [
        ("error_5xx_before_accept", {}, "server_error"),
        ("error_5xx_after_accept", {}, "server_error"),
        ("html_502", {}, "server_error"),
        ("cut_before_accept", {}, "cut"),
        ("cut_after_accept", {}, "cut"),
        ("cut_body_of_2xx", {}, "unreadable_answer"),
        ("half_close", {}, "cut"),
        ("slow", {"ms": 4000}, "timeout"),
    ],
)
async def test_an_unclear_answer_is_unknown_until_a_status_with_our_id_comes(
    outbound: Outbound, whatsapp: WhatsApp, kind: str, more: dict[str, object], reason: str
) -> None:
    simulator, statuses = whatsapp
    await simulator.customers_write(1)
    await simulator.fault(kind, next=1, **more)
    first, second = texts(2)
    await outbound.queue(first, second)
    assert await outbound.until("unknown", "accepted") == {
        first.message_id: "unknown",
        second.message_id: "accepted",
    }
    told = [f for f in await outbound.facts() if f.message_id == first.message_id]
    assert [(type(f), getattr(f, "reason", "")) for f in told] == [(MessageOutcomeUnknown, reason)]
    accepted = truly_accepted(await simulator.requests())
    await until_true(lambda: len(statuses) >= 3 * len(accepted))
    await outbound.hear(*statuses)
    settled = "accepted" if first.message_id in accepted else "unknown"
    assert (await outbound.states())[first.message_id] == settled
    assert max(accepted.values()) == 1
    assert len(await simulator.requests()) == 2


async def test_buttons_and_lists_are_sent_and_what_meta_does_not_take_has_failed(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(3)
    contents = (buttons(3), a_list(), buttons(4))
    taken, listed, refused = (
        a_send(n, at=clock.now()).model_copy(update={"content": content})
        for n, content in enumerate(contents)
    )
    await outbound.queue(taken, listed, refused)
    assert await outbound.until("accepted", "refused") == {
        taken.message_id: "accepted",
        listed.message_id: "accepted",
        refused.message_id: "refused",
    }
    (failed,) = [f for f in await outbound.facts() if isinstance(f, MessageFailed)]
    assert (failed.message_id, failed.reason) == (refused.message_id, "invalid")
    assert [each.code for each in failed.errors] == [131009]
    assert {r["type"] for r in await simulator.requests()} == {"interactive"}


async def test_a_number_without_a_server_is_tried_again_until_it_is_there(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    right = outbound.numbers.known[CONNECTION]
    outbound.numbers.known[CONNECTION] = Number("http://127.0.0.1:1/v26.0/1", "t")
    await outbound.queue(*texts(1))
    await until(lambda: outbound.rows("SELECT FROM queue WHERE attempts >= 2"))
    outbound.numbers.known[CONNECTION] = right
    await outbound.until("accepted")
    assert len(await simulator.requests()) == 1


async def test_a_bad_token_stops_the_number_and_loses_nothing(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(3)
    await simulator.fault("refuse", code=190, next=2)
    commands = [command for customer in range(3) for command in texts(2, customer)]
    await outbound.queue(commands[0])
    await until(lambda: outbound.rows("SELECT FROM hold WHERE error_class = 'C' AND code = 190"))
    await outbound.queue(*commands[1:])
    assert set((await outbound.states()).values()) == {"queued"}
    await outbound.rows("UPDATE hold SET until = now(), since = now() RETURNING 1")
    await until(simulator.requests, lambda found: len(found) == 2)
    await until(lambda: outbound.rows("SELECT FROM hold WHERE until > now()"))
    assert len(await simulator.requests()) == 2, "only one message probes"
    await outbound.rows("UPDATE hold SET until = now() RETURNING 1")
    await outbound.until("accepted")
    assert await outbound.rows("SELECT count(*) FROM hold") == [(0,)]
    assert not [f for f in await outbound.facts() if isinstance(f, MessageFailed)]


async def test_a_final_refusal_fails_with_our_word_and_frees_the_next(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    await simulator.fault("refuse", code=131026, next=1)
    first, second = texts(2)
    await outbound.queue(first, second)
    states = await outbound.until("accepted", "refused")
    assert states == {first.message_id: "refused", second.message_id: "accepted"}
    (failed,) = [f for f in await outbound.facts() if isinstance(f, MessageFailed)]
    assert (failed.message_id, failed.reason) == (first.message_id, "undeliverable")
    assert failed.errors[0].code == 131026


async def test_a_closed_window_is_refused_here_and_a_newer_message_opens_it(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(3)
    now = clock.now()
    closed = a_send(0, at=now, window=timedelta(seconds=29))
    never = a_send(1, at=now, window=None)
    reopened = a_send(2, at=now, window=timedelta(hours=-30))
    await outbound.hear(a_text_received(2, at=now - timedelta(hours=1)))
    await outbound.hear(a_text_received(2, at=now - timedelta(hours=40)))
    await outbound.hear(a_text_received(1, at=now, group="a group"))
    await outbound.queue(closed, never, reopened)
    assert await outbound.until("accepted", "refused") == {
        closed.message_id: "refused",
        never.message_id: "refused",
        reopened.message_id: "accepted",
    }
    failed = [f.reason for f in await outbound.facts() if isinstance(f, MessageFailed)]
    assert failed == ["window_closed"] * 2
    assert [r["opaque"] for r in await simulator.requests()] == [str(reopened.message_id)]


async def test_what_waits_for_another_waits_for_its_sent_three_seconds_at_most(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(2)
    quick, slow = a_send(0, at=clock.now()), a_send(1, at=clock.now())
    after_quick = a_send(0, at=clock.now(), after=quick.message_id)
    after_slow = a_send(1, at=clock.now(), after=slow.message_id)
    await outbound.queue(quick, after_quick, slow, after_slow)
    await until(outbound.states, lambda found: [*found.values()].count("accepted") == 2)
    await outbound.hear(a_status(StatusSent, quick.message_id, await wamid_of(simulator, quick)))
    await outbound.until("accepted")
    at = {r["opaque"]: r["at_ns"] / 1e9 for r in await simulator.requests()}

    def pause(first: SendMessage, then: SendMessage) -> float:
        return at[str(then.message_id)] - at[str(first.message_id)]

    assert pause(quick, after_quick) < 2.5
    assert 2.9 < pause(slow, after_slow) < 4.5


async def wamid_of(simulator: Meta, command: SendMessage) -> str:
    requests = await simulator.requests()
    return next(r["wamid"] for r in requests if r["opaque"] == str(command.message_id))


async def test_a_row_in_the_hands_of_a_dead_process_is_unknown_and_never_sent_again(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, statuses = whatsapp
    await simulator.customers_write(1)
    await simulator.fault("slow", ms=500, next=1)
    first, second = texts(2)
    await outbound.queue(first, second)
    await until(simulator.requests)
    await outbound.die()
    assert (await outbound.states())[first.message_id] == "sending"
    await outbound.start()
    await outbound.until("unknown", "accepted")
    assert (await outbound.states())[first.message_id] == "unknown"
    await until_true(lambda: len(statuses) >= 6)
    await outbound.hear(*statuses)
    assert set((await outbound.states()).values()) == {"accepted"}
    assert truly_accepted(await simulator.requests()) == {first.message_id: 1, second.message_id: 1}


async def test_another_process_is_left_alone_while_it_shows_signs_of_life(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await simulator.customers_write(1)
    await simulator.fault("slow", ms=1000, next=1)
    await outbound.queue(*texts(1))
    await until(simulator.requests)
    other = Outbound(outbound.pool, outbound.numbers)
    await other.start(instance="outbound-2")
    assert set((await outbound.states()).values()) == {"sending"}
    silent = "UPDATE worker SET seen_at = now() - interval '31 s' WHERE instance = 'outbound-1' "
    await outbound.rows(silent + "RETURNING 1")
    await other.recover.look(Heartbeat())
    assert set((await outbound.states()).values()) == {"unknown"}
    await outbound.until("accepted")  # it was alive after all, and has the answer
    told = [type(fact) for fact in await outbound.facts()]
    assert told == [MessageOutcomeUnknown, MessageAccepted]
    await other.die()


async def test_a_status_that_came_before_its_row_keeps_it_from_being_sent_again(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    (command,) = texts(1)
    await outbound.hear(a_status(StatusDelivered, command.message_id, "wamid.X"))
    await outbound.queue(command)
    await outbound.until("accepted")
    assert await simulator.requests() == []
    assert [type(f) for f in await outbound.facts()] == [MessageAccepted, MessageDelivered]


async def test_statuses_of_others_are_not_ours(outbound: Outbound) -> None:
    await outbound.hear(a_status(StatusSent, None, "wamid.A"))
    await outbound.hear(a_status(StatusSent, "another application's", "wamid.B"))
    assert await outbound.rows("SELECT FROM orphan_status") == []


async def test_a_read_receipt_is_sent_repeated_and_forgotten(
    outbound: Outbound, whatsapp: WhatsApp
) -> None:
    simulator, _ = whatsapp
    await outbound.queue(a_receipt("wamid.IN1", at=clock.now()))
    await until(outbound.states, lambda found: not found)
    (request,) = await simulator.requests("read")
    assert (request["message_id"], request["phone_number_id"]) == (
        "wamid.IN1",
        NUMBER.phone_number_id,
    )
    await outbound.queue(a_receipt("not a wamid", at=clock.now()))
    await until(outbound.states, lambda found: not found)
    assert await outbound.facts() == []


async def test_no_text_name_or_number_stands_in_the_tables(outbound: Outbound) -> None:
    await outbound.hear(a_text_received(0, at=clock.now()))
    outbound.numbers.known.clear()
    await outbound.queue(a_send(0, text="segredo", at=clock.now()), a_receipt(at=clock.now()))
    for dump in (
        str(await outbound.rows("SELECT queue::text FROM queue")),
        str(await outbound.rows("SELECT last_inbound::text FROM last_inbound")),
    ):
        for canary in ("segredo", "5511951234567", "wamid"):
            assert canary not in dump
            assert canary.encode().hex() not in dump
