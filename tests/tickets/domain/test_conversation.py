"""What a conversation remembers, and automatic messages (domain.md 2.1, 2.6)."""

from dataclasses import replace

import pytest

from services.tickets.domain import automatic_texts
from services.tickets.domain.automatic_texts import AutomaticText, Due
from services.tickets.domain.conversation.events import (
    FLOW,
    ConversationEvent,
    MessageCancelRequested,
    MessageQueued,
    MessagesRead,
)
from services.tickets.domain.conversation.evolve import evolve
from services.tickets.domain.conversation.state import REMEMBERED_MESSAGES, Conversation
from services.tickets.domain.conversation.window import closes_at
from services.tickets.domain.people import BOT, Recipient
from services.tickets.domain.ticket.events import AutoMessageSkipped
from services.tickets.domain.ticket.evolve import opened as ticket_opened
from tests.support.builders import (
    ANA,
    AT,
    CONVERSATION,
    MARINA,
    NUMBER,
    TICKET,
    after,
    an_id,
    opened,
    policies,
    queued,
    received,
)


def folded(*events: ConversationEvent) -> Conversation:
    state = Conversation()
    for event in events:
        state = evolve(state, event)
    return state


def read_up_to(name: str) -> MessagesRead:
    return MessagesRead(
        conversation_id=CONVERSATION,
        contact_id=MARINA,
        connection_id=NUMBER,
        ticket_id=TICKET,
        occurred_at=AT,
        up_to=an_id(name),
        by=ANA.author,
        receipt=True,
    )


def test_the_window_counts_from_the_highest_instant_not_from_the_last_arrival() -> None:
    first = closes_at(None, after(hours=2))
    assert first == after(hours=26)
    assert closes_at(first, after(hours=1)) == after(hours=26)
    assert closes_at(first, after(hours=3)) == after(hours=27)


def test_what_was_read_with_a_later_message_is_read() -> None:
    state = folded(received("a"), received("b"), received("c"), read_up_to("b"))
    assert [state.has_read(an_id(name)) for name in "abc"] == [True, True, False]


def test_what_is_read_after_the_last_read_one_was_forgotten_is_new() -> None:
    many = [received(f"m{n}") for n in range(REMEMBERED_MESSAGES)]
    state = folded(received("a"), read_up_to("a"), *many)
    assert state.find(an_id("a")) is None
    assert not state.has_read(an_id("m0"))
    assert len(state.messages) == REMEMBERED_MESSAGES


def test_the_receipt_names_the_customers_newest_message_up_to_there() -> None:
    state = folded(received("a"), queued("x"), received("b"))
    found = [state.newest_inbound(an_id(name)) for name in ("a", "x", "b")]
    named = [None if one is None else one.wamid for one in found]
    assert named == [
        "wamid.a",
        "wamid.a",
        "wamid.b",
    ]


def test_what_we_say_opens_no_window() -> None:
    assert folded(received("a"), queued("x", after(hours=5))).window_closes_at == after(hours=24)


@pytest.mark.parametrize(("minutes", "greets"), [(59, False), (60, True)])
def test_the_cool_down_of_greetings_is_kept_in_the_stream(minutes: int, greets: bool) -> None:  # noqa: FBT001  a table
    state = folded(received("a"), queued("x", AT, automatic="greeting"), queued("y"))
    assert automatic_texts.greets(state, policies(), after(minutes=minutes)) is greets


def test_the_first_message_is_greeted() -> None:
    assert automatic_texts.greets(folded(received("a")), policies(), AT)


MARINAS = ticket_opened(opened())
FAREWELL = AutomaticText("farewell", "Tchau")
DUE = Due(
    text=AutomaticText("acceptance", "Olá {name}, protocolo {protocol}."),
    cause=an_id("cause"),
    at=AT,
    ticket=MARINAS,
    name="Marina",
    recipient=Recipient("5511912345678"),
    window_closes_at=after(hours=24),
)


def test_variables_are_resolved_when_queued() -> None:
    event = automatic_texts.queue(DUE)
    assert isinstance(event, MessageQueued)
    assert event.content is not None
    assert event.content.text == "Olá Marina, protocolo 20261123-000001."
    assert (event.automatic, event.cause) == ("acceptance", an_id("cause"))


def test_a_name_with_braces_is_only_a_name() -> None:
    event = automatic_texts.queue(replace(DUE, name="{protocol}"))
    assert isinstance(event, MessageQueued)
    assert event.content is not None
    assert event.content.text == "Olá {protocol}, protocolo 20261123-000001."


@pytest.mark.parametrize("closes", [None, AT])
def test_outside_the_window_it_is_skipped_with_its_reason(closes: object) -> None:
    event = automatic_texts.queue(replace(DUE, window_closes_at=closes))
    assert isinstance(event, AutoMessageSkipped)
    assert (event.kind, event.reason) == ("acceptance", "window_closed")


def test_an_automatic_message_is_one_per_ticket_kind_and_cause() -> None:
    ids = {
        one.message_id
        for one in (
            DUE,
            replace(DUE, at=after(hours=1), text=AutomaticText("acceptance", "outro")),
            replace(DUE, text=FAREWELL),
            replace(DUE, cause=an_id("other")),
            replace(DUE, ticket=replace(MARINAS, id=an_id("other"))),
        )
    }
    assert len(ids) == 4


def test_of_two_automatic_messages_the_second_waits_for_the_first() -> None:
    first = automatic_texts.queue(DUE)
    assert isinstance(first, MessageQueued)
    after_first = folded(received("a"), first).last_queued_id
    second = automatic_texts.queue(replace(DUE, text=FAREWELL, after=after_first))
    assert isinstance(second, MessageQueued)
    assert second.after == first.message_id


def cancel_requested(name: str) -> MessageCancelRequested:
    return MessageCancelRequested(
        message_id=an_id(name),
        conversation_id=CONVERSATION,
        contact_id=MARINA,
        connection_id=NUMBER,
        ticket_id=TICKET,
        occurred_at=AT,
        by=BOT,
        reason="session_ended",
    )


def test_what_a_flow_has_said_since_the_customer_wrote_is_remembered() -> None:
    said = folded(
        queued("antes", automatic=FLOW),
        received("oi"),
        queued("menu", automatic=FLOW),
        queued("aceite", automatic="acceptance"),
        queued("aviso", automatic=FLOW),
    )
    assert said.last_received_id == an_id("oi")
    assert said.unanswered_by_flow == (an_id("menu"), an_id("aviso"))


def test_what_somebody_wants_back_is_not_asked_for_again() -> None:
    said = folded(received("oi"), queued("menu", automatic=FLOW), cancel_requested("menu"))
    assert said.unanswered_by_flow == ()
    menu = said.find(an_id("menu"))
    assert menu is not None
    assert menu.cancelled
