"""What each read model says after a history: pure folds, without a database."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.projections.domain.events import Event
from services.projections.read_models import READ_MODELS
from services.projections.read_models.cards.fold import CardRows, StoredRow
from services.projections.read_models.contacts.fold import ContactRows
from services.projections.read_models.messages.fold import MessageRows
from services.projections.read_models.read_model import States
from services.projections.read_models.timeline.fold import TimelineRows
from services.projections.read_models.timeline.shown import shown
from shared.contracts import tickets as published
from shared.contracts.inbox import LastMessage, Row, RowChanged, TimelineItem
from shared.contracts.tickets import Author
from tests.projections import stories
from tests.projections.stories import ANA, CONNECTION, Customer, Log

WHO = Customer(1)
CONTACT = Author(kind="contact")


def _fact(minute: int) -> dict[str, Any]:
    values = {"ticket_id": WHO.ticket(), "contact_id": WHO.id, "connection_id": CONNECTION}
    return {**values, "occurred_at": stories.at(minute), "by": CONTACT}


def folded(events: Sequence[Event]) -> States:
    states = States()
    for model in READ_MODELS:
        states.put(model.rows())
    for event in events:
        for model in READ_MODELS:
            model.fold(states, event)
    return states


def card(log: Log) -> StoredRow:
    return folded(log.events).of(CardRows).rows[WHO.ticket()]


def last(log: Log) -> LastMessage:
    found = card(log).last_message
    assert found is not None
    return found


def line(log: Log, nth: int) -> TimelineItem:
    states = folded(log.events)
    messages = states.of(MessageRows)
    item = states.of(TimelineRows).lines[WHO.message(nth)]
    return shown(item, messages.statuses.get(messages.target(item.id)))


def fact(log: Log, nth: int, kind: type[published.MessageFact], seconds: int, **more: Any) -> None:  # noqa: ANN401
    """A fact about a message at Meta's instant."""
    id_ = WHO.message(nth)
    at = stories.at(1) + timedelta(seconds=seconds)
    log.add(WHO.id, id_, kind.model_validate({"message_id": id_, "occurred_at": at, **more}))


def started() -> Log:
    log = Log()
    stories.arrives(log, WHO)
    return log


# --- facts that are no ladder: the last by (Meta's instant, log order) ---


def test_a_reaction_that_was_taken_back_later_does_not_come_again() -> None:
    log = started()
    fact(log, 1, published.ReactionChanged, 11, by=CONTACT, emoji=None)
    fact(log, 1, published.ReactionChanged, 10, by=CONTACT, emoji="👍")
    assert line(log, 1).reactions == {}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_latest_edit_holds_in_any_order_of_arrival(order: Sequence[int]) -> None:
    log = started()
    for seconds in order:
        fact(log, 1, published.MessageEdited, seconds, text=f"texto {seconds}")
    assert (line(log, 1).text, line(log, 1).edited) == ("texto 2", True)


def test_of_two_of_one_second_the_later_in_the_log_holds() -> None:
    log = started()
    for text in ("um", "dois"):
        fact(log, 1, published.MessageEdited, 5, text=text)
    fact(log, 1, published.ReactionChanged, 5, by=CONTACT, emoji="👍")
    fact(log, 1, published.ReactionChanged, 5, by=CONTACT, emoji="❤️")
    assert line(log, 1).text == "dois"
    assert line(log, 1).reactions == {"contact": "❤️"}


def test_facts_of_two_streams_that_are_one_message_are_judged_together() -> None:
    log = started()
    fact(log, 2, published.ReactionChanged, 20, by=CONTACT, emoji=None)
    fact(log, 2, published.MessageEdited, 5, text="velho")
    fact(log, 1, published.ReactionChanged, 10, by=CONTACT, emoji="👍")
    fact(log, 1, published.MessageEdited, 9, text="novo")
    fact(log, 2, published.MessageLinked, 30, same_as=WHO.message(1))
    assert line(log, 1).reactions == {}
    assert line(log, 1).text == "novo"
    assert last(log).text == "novo"


def names(log: Log) -> tuple[str | None, str | None]:
    found = folded(log.events).of(ContactRows).people[WHO.id]
    return found.name, found.username


def test_an_older_name_and_username_change_nothing() -> None:
    log = started()

    def identified(minute: int, name: str | None, username: str | None) -> None:
        message = published.ContactIdentified(
            contact_id=WHO.id,
            name=name,
            phone=None,
            user_id=None,
            username=username,
            occurred_at=stories.at(minute),
        )
        log.add(WHO.id, WHO.id, message)

    identified(9, None, "marina.s")
    stories.renamed(log, WHO, "Marina")  # at minute 2
    identified(1, "Nome antigo", "antigo")
    assert names(log) == ("Marina", "marina.s")


# --- the preview follows its message ---


def test_the_preview_follows_an_edit_and_a_revocation() -> None:
    log = started()
    fact(log, 1, published.MessageEdited, 5, text="oi, " + "a" * 300)
    assert (last(log).message_id, last(log).text) == (WHO.message(1), "oi, " + "a" * 196)
    fact(log, 1, published.MessageRevoked, 6)
    assert (last(log).text, last(log).revoked) == (None, True)
    assert "aaa" not in card(log).model_dump_json()
    assert card(log).position == log.events[-1].position


def test_an_edit_of_an_older_message_leaves_the_preview() -> None:
    log = started()
    stories.says(log, WHO, 2, "segunda", minute=2)
    fact(log, 1, published.MessageRevoked, 90)
    assert (last(log).text, last(log).revoked) == ("segunda", False)


def test_what_was_taken_back_before_it_came_is_not_shown() -> None:
    log = started()
    fact(log, 2, published.MessageRevoked, 60)
    stories.says(log, WHO, 2, "segredo", minute=2)
    assert (last(log).text, last(log).revoked) == (None, True)


# --- unread ---


def read(log: Log, message: UUID) -> None:
    log.add(
        WHO.id,
        WHO.conversation,
        published.MessagesRead(
            conversation_id=WHO.conversation,
            contact_id=WHO.id,
            connection_id=CONNECTION,
            ticket_id=WHO.ticket(),
            occurred_at=stories.at(9),
            up_to=message,
            by=Author(kind="agent", agent_id=stories.ANA),
        ),
    )


def test_unread_is_what_the_customer_said_after_the_mark() -> None:
    log = started()
    for nth in (2, 3, 4):
        stories.says(log, WHO, nth, str(nth))
    read(log, WHO.message(2))
    assert card(log).unread == 2
    read(log, WHO.message(1))  # an older mark takes nothing back
    assert card(log).unread == 2
    read(log, WHO.message(4))
    assert card(log).unread == 0


def test_a_mark_at_our_own_answer_reads_what_came_before_it_in_the_log() -> None:
    log = started()
    stories.says(log, WHO, 2, "alguém?", minute=0)  # Meta's instant does not count
    stories.answers(log, WHO, 3, "Olá!")
    stories.says(log, WHO, 4, "oi", minute=0)
    read(log, WHO.message(3))
    assert card(log).unread == 1


def test_what_only_the_fold_needs_is_told_to_nobody() -> None:
    row = card(started())
    assert row.unread_log_ids
    changed = RowChanged(
        account_id=row.account_id,
        before=None,
        after={"view": row.view, "sector_id": None, "owner_id": None},  # pyright: ignore[reportArgumentType]
        row=row,
    )
    assert b"unread_log_ids" not in changed.body()
    assert set(Row.model_fields) == set(StoredRow.model_fields) - {"unread_log_ids"}


@pytest.mark.parametrize(
    "after",
    [
        published.TicketResumed(**_fact(9)),
        published.TicketClosed(**_fact(9), owner_id=ANA),
        published.TicketAccepted(**_fact(9), owner_id=ANA, sector_id=None),
        published.TicketQueued(**_fact(9), reason="customer_waits"),
    ],
)
def test_a_card_says_when_the_customer_wrote_while_the_ticket_was_paused(
    after: published.TicketFact,
) -> None:
    log = started()
    stories.accepted(log, WHO)
    log.add(WHO.id, WHO.ticket(), published.TicketPaused(**_fact(7)))
    assert card(log).customer_wrote_while_paused_at is None
    flagged = published.TicketFlagged(
        **_fact(8), reason="inbound_while_paused", message_id=WHO.message(1)
    )
    log.add(WHO.id, WHO.ticket(), flagged)
    assert card(log).customer_wrote_while_paused_at == stories.at(8)
    stories.says(log, WHO, 9, "ainda?", minute=8)
    assert card(log).customer_wrote_while_paused_at == stories.at(8)
    log.add(WHO.id, WHO.ticket(), after)
    assert card(log).customer_wrote_while_paused_at is None


def test_more_unread_than_are_kept_are_counted() -> None:
    log = started()
    for nth in range(2, 602):
        stories.says(log, WHO, nth, "oi")
    assert (card(log).unread, len(card(log).unread_log_ids)) == (601, 500)
    read(log, WHO.message(599))
    assert card(log).unread == 2
    assert uuid5(WHO.id, "message1") == WHO.message(1)
