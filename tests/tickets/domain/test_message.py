"""Facts of a message come in any order and more than once (domain.md 2.5)."""

from collections.abc import Sequence
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.message import events as facts
from services.tickets.domain.message.decide import learn
from services.tickets.domain.message.evolve import evolve
from services.tickets.domain.message.state import MessageState
from services.tickets.domain.people import CONTACT
from tests.support.builders import AT, after, an_id

MESSAGE = an_id("message")


def reaction(emoji: str | None, at: datetime = AT) -> facts.ReactionChanged:
    return facts.ReactionChanged(message_id=MESSAGE, occurred_at=at, by=CONTACT, emoji=emoji)


STATUSES: tuple[facts.MessageEvent, ...] = (
    facts.MessageAccepted(message_id=MESSAGE, occurred_at=AT, wamid_hash="00", wamid="wamid.1"),
    facts.MessageSent(message_id=MESSAGE, occurred_at=AT),
    facts.MessageDelivered(message_id=MESSAGE, occurred_at=AT),
    facts.MessageRead(message_id=MESSAGE, occurred_at=AT),
    facts.MessagePlayed(message_id=MESSAGE, occurred_at=AT),
    facts.MessageFailed(message_id=MESSAGE, occurred_at=AT, reason="undeliverable"),
    facts.MessageOutcomeUnknown(message_id=MESSAGE, occurred_at=AT, reason="cut"),
    facts.MessageCancelled(message_id=MESSAGE, occurred_at=AT, reason="author"),
    facts.MessageMediaStored(
        message_id=MESSAGE,
        occurred_at=AT,
        media_id=an_id("media"),
        mime_type="image/png",
        size=9,
        sha256="ab",
    ),
    facts.MessageMediaUnavailable(
        message_id=MESSAGE, occurred_at=AT, media_id=an_id("media"), reason="expired"
    ),
    facts.MessageRevoked(message_id=MESSAGE, occurred_at=AT),
    facts.MessageLinked(message_id=MESSAGE, occurred_at=AT, same_as=an_id("other")),
)


def learnt(arriving: Sequence[facts.MessageEvent]) -> tuple[list[str], MessageState | None]:
    state: MessageState | None = None
    stored: list[str] = []
    for fact in arriving:
        for event in learn(state, fact):
            state = evolve(state, event)
            stored.append(event.TOPIC)
    return stored, state


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=30))
def test_each_fact_is_stored_once_in_the_order_of_its_first_arrival(
    arriving: list[facts.MessageEvent],
) -> None:
    stored, state = learnt(arriving)
    assert stored == list(dict.fromkeys(fact.TOPIC for fact in arriving))
    assert learnt([*arriving, *arriving]) == (stored, state)


@given(st.permutations(STATUSES))
def test_no_order_changes_what_is_known_in_the_end(arriving: list[facts.MessageEvent]) -> None:
    assert learnt(arriving)[1] == learnt(STATUSES)[1]


def test_read_before_sent_keeps_both() -> None:
    stored, _ = learnt([STATUSES[3], STATUSES[1]])
    assert stored == ["tickets.MessageRead", "tickets.MessageSent"]


def test_a_reaction_may_change_and_be_taken_back_but_not_repeat() -> None:
    changes = [reaction("👍"), reaction("👍"), reaction("❤"), reaction(None), reaction(None)]
    stored, state = learnt(changes)
    assert len(stored) == 3
    assert state is not None
    assert state.reactions == (("contact", None),)


def test_an_edit_with_other_words_is_another_edit() -> None:
    edits = [
        facts.MessageEdited(message_id=MESSAGE, occurred_at=after(minutes=n), text=text)
        for n, text in enumerate(("um", "um", "dois"))
    ]
    stored, state = learnt(edits)
    assert len(stored) == 2
    assert state is not None
    assert state.edited == "dois"


def test_the_wamid_is_known_once_meta_took_it() -> None:
    _, state = learnt(STATUSES[:1])
    assert state is not None
    assert (state.wamid, state.wamid_hash) == ("wamid.1", "00")
