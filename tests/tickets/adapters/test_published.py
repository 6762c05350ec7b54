"""What the world learns of a stored event."""

from dataclasses import fields, replace
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tickets.adapters.published import PRIVATE, PUBLISHED, to_fact, to_messages, to_order
from services.tickets.domain.catalogue import EVENTS
from services.tickets.domain.content import Content, Media
from services.tickets.storage.contract import Meta, StoredEvent, Unreadable
from shared.contracts import content as contract
from shared.contracts import outbound, tickets
from shared.contracts.content import PublishedContent
from shared.contracts.tickets import TICKETS_EVENTS_TYPES
from shared.plumbing.metrics import REGISTRY
from tests.tickets.adapters.events import (
    ACCOUNT,
    AT,
    cancel_requested,
    conversation_of,
    opened,
    queued,
    read_up_to,
    received,
)

CONTACT = UUID(int=77)
WORDS = st.text(max_size=5)
SAID = st.builds(
    Content, type=WORDS, text=st.none() | WORDS, details=st.none() | st.dictionaries(WORDS, WORDS)
)
COMMAND = UUID(int=42)


def stored(event: object, version: int = 3) -> StoredEvent:
    meta = Meta(AT, "agent:e1", COMMAND, "corr")
    return StoredEvent(512, ACCOUNT, conversation_of(CONTACT), version, CONTACT, event, meta)


def test_every_event_that_can_be_stored_has_a_published_form_or_is_private() -> None:
    assert set(PUBLISHED) | PRIVATE == set(EVENTS.values())
    assert {kind.TYPE for kind in PUBLISHED.values()} == set(TICKETS_EVENTS_TYPES) - {
        tickets.Internal.TYPE
    }


@pytest.mark.parametrize("kind", PUBLISHED, ids=lambda kind: kind.__name__)
@settings(deadline=None)  # the first example builds the strategies
@given(data=st.data())
def test_whatever_is_stored_is_told_by_its_name(kind: type, data: st.DataObject) -> None:
    """Also a value that only one of two vocabularies knows would be told as `Internal`."""
    drawn = {field.name: ... for field in fields(kind)} | (
        {"content": st.none() | SAID} if "content" in kind.__annotations__ else {}
    )
    event = data.draw(st.builds(kind, **drawn))
    assert to_fact(stored(event), epoch=1).envelope.type == PUBLISHED[kind].TYPE


def test_the_envelope_says_where_the_event_stands_and_who_caused_it() -> None:
    fact = to_fact(stored(opened(CONTACT)), epoch=4)
    stream = conversation_of(CONTACT)
    assert fact.key == str(CONTACT).encode()
    assert fact.topic == "tickets.events"
    envelope = fact.envelope
    assert (envelope.id, envelope.stream, envelope.version) == (f"{stream}-3", stream, 3)
    assert (envelope.position, envelope.account) == ("4.512", ACCOUNT)
    assert (envelope.causation, envelope.correlation) == (str(COMMAND), "corr")
    assert (envelope.actor, envelope.time) == ("agent:e1", AT)


def test_a_field_that_the_contract_does_not_name_stays_private() -> None:
    for event in (opened(CONTACT), received(CONTACT, "oi"), queued(CONTACT, "olá")):
        body = to_fact(stored(event), epoch=1).body
        for private in (b"policy_version", b"SECRET", b"55118", b"551198", b'"raw"', b"sender"):
            assert private not in body


def test_what_was_said_is_told_in_plain_text() -> None:
    told = tickets.MessageReceived.read(to_fact(stored(received(CONTACT, "bom dia")), 1).body)
    assert told.content == PublishedContent(type="text", text="bom dia")
    assert told.contact_id == CONTACT


def test_a_queued_message_orders_outbound_to_send_it() -> None:
    event = queued(CONTACT, "já vai")
    fact, order = to_messages(stored(event), epoch=1)
    assert fact.envelope.type == "tickets.MessageQueued.v1"
    assert (order.topic, order.key) == ("outbound.commands", str(CONTACT).encode())
    told = outbound.SendMessage.read(order.body)
    assert told.message_id == event.message_id
    assert told.recipient == outbound.Recipient(phone="551187654321")
    assert told.content.readable() == "já vai"
    assert told.reply_to_wamid == "wamid.SECRET"
    assert (told.after, told.window_closes_at) == (event.after, event.window_closes_at)
    assert order.envelope.version is None, "outbound.commands is no gapless stream"
    assert order.envelope.id != fact.envelope.id


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("buttons", {"footer": "Loja", "buttons": [{"id": "a", "title": "Boleto"}]}),
        ("list", {"button": "Ver", "sections": [{"rows": [{"id": "a", "title": "Boleto"}]}]}),
    ],
)
def test_what_can_be_tapped_is_ordered_as_it_was_said(
    kind: str, details: dict[str, object]
) -> None:
    content = Content(kind, "Sobre o que é?", details=details)
    order = to_order(stored(replace(queued(CONTACT, ""), content=content)))
    assert order is not None
    told = outbound.SendMessage.read(order.body).content
    said = {"type": kind, "text": "Sobre o que é?", **details}
    assert told.model_dump(exclude_none=True) == said


def test_an_image_without_caption_is_ordered_with_its_file() -> None:
    file = Media(media_id=UUID(int=9), mime_type="image/png", size=70, sha256="ab" * 32)
    event = replace(queued(CONTACT, ""), content=Content("image", media=file))
    fact, order = to_messages(stored(event), epoch=1)
    told = outbound.SendMessage.read(order.body).content
    media = contract.Media(media_id=UUID(int=9), mime_type="image/png", size=70, sha256="ab" * 32)
    assert told == contract.Image(media=media)
    assert tickets.MessageQueued.read(fact.body).content.media == media


@pytest.mark.parametrize("kind", ["poll", "button_reply"])
def test_what_only_others_can_say_is_told_and_not_ordered(kind: str) -> None:
    odd = replace(queued(CONTACT, ""), content=Content(kind, "Sim", details={"id": "a"}))
    (fact,) = to_messages(stored(odd), epoch=1)
    assert tickets.MessageQueued.read(fact.body).content.type == kind


def test_what_outbound_cannot_send_is_told_and_stops_nobody_else() -> None:
    alarm = {"reason": "not_orderable"}
    before = REGISTRY.get_sample_value("guiche_unpublishable_events_total", alarm) or 0
    odd = replace(queued(CONTACT, ""), content=Content("buttons", "Sobre o que é?"))
    (fact,) = to_messages(stored(odd), epoch=1)
    assert fact.envelope.type == "tickets.MessageQueued.v1"
    assert REGISTRY.get_sample_value("guiche_unpublishable_events_total", alarm) == before + 1


def test_an_upload_is_ordered_to_be_sent_with_or_without_a_caption() -> None:
    about: dict[str, Any] = {"mime_type": "image/png", "size": 9, "sha256": "ab"}
    file = Media(media_id=UUID(int=60), **about)
    for caption in ("a nota", None):
        said = Content(type="image", text=caption, media=file)
        fact, order = to_messages(stored(replace(queued(CONTACT, ""), content=said)), epoch=1)
        told = outbound.SendMessage.read(order.body)
        uploaded = contract.Media(media_id=UUID(int=60), **about)
        assert told.content == contract.Image(media=uploaded, caption=caption)
        shown = tickets.MessageQueued.read(fact.body).content
        assert shown.media == uploaded


def test_a_file_of_a_customer_is_ordered_to_be_fetched() -> None:
    file = Media(id="901", mime_type="image/jpeg", sha256="q83v=", url="https://x.example/1")
    event = replace(received(CONTACT, "olha"), content=Content(type="image", media=file))
    _, order = to_messages(stored(event), epoch=1)
    told = outbound.FetchMedia.read(order.body)
    assert (told.message_id, told.ticket_id) == (event.message_id, event.ticket_id)
    assert (told.provider_id, told.mime_type, told.sha256) == ("901", "image/jpeg", "q83v=")
    assert order.key == str(CONTACT).encode()
    assert len(to_messages(stored(received(CONTACT, "oi")), epoch=1)) == 1


def test_what_somebody_wants_back_is_ordered_to_be_cancelled() -> None:
    fact, order = to_messages(stored(cancel_requested(CONTACT)), epoch=1)
    assert fact.envelope.type == "tickets.MessageCancelRequested.v1"
    told = outbound.CancelSend.read(order.body)
    assert (told.message_id, told.reason) == (UUID(int=6), "session_ended")
    assert order.key == fact.key


def test_only_a_reading_with_a_receipt_is_reported_to_meta() -> None:
    order = to_order(stored(read_up_to(CONTACT, receipt=True, wamid="wamid.A")))
    assert order is not None
    told = outbound.SendReadReceipt.read(order.body)
    assert (told.wamid, told.receipt_id) == ("wamid.A", uuid5(conversation_of(CONTACT), "3"))
    assert to_order(stored(read_up_to(CONTACT, receipt=False, wamid="wamid.A"))) is None
    assert to_order(stored(read_up_to(CONTACT, receipt=True, wamid=None))) is None


def test_the_same_version_is_always_the_same_message() -> None:
    event = stored(queued(CONTACT, "de novo"))
    assert to_messages(event, 1) == to_messages(event, 1)


def test_what_cannot_be_read_or_is_too_large_goes_as_internal_with_its_version() -> None:
    huge = received(CONTACT, "x" * (4 * 1024 * 1024))
    for event in (Unreadable("tickets.Gone"), huge, object()):
        fact = to_fact(stored(event, version=8), epoch=1)
        assert fact.envelope.type == "tickets.Internal.v1"
        assert fact.envelope.version == 8
        assert fact.body == b"{}"
        assert len(to_messages(stored(event), 1)) == 1


def test_a_forgotten_person_leaves_tombstones_and_nothing_to_send() -> None:

    gone = replace(queued(CONTACT, "segredo"), content=None, recipient=None)
    (fact,) = to_messages(stored(gone), epoch=1)
    assert tickets.MessageQueued.read(fact.body).content.type == "erased"
    gone_inbound = replace(received(CONTACT, "segredo"), content=None, sender=None, raw=None)
    told = tickets.MessageReceived.read(to_fact(stored(gone_inbound), 1).body)
    assert told.content == PublishedContent(type="erased")
