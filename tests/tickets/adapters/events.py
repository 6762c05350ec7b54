"""Stored events as the domain makes them, and commands that store them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import (
    MessageCancelRequested,
    MessageQueued,
    MessageReceived,
    MessagesRead,
)
from services.tickets.domain.people import Author, Recipient, Sender
from services.tickets.domain.ticket.events import TicketOpened
from services.tickets.storage.contract import Command, Expectation, Meta, Stream

ACCOUNT = UUID("0192f0c1-0000-7000-8000-0000000000a1")
CONNECTION = UUID("0192f0c1-0000-7000-8000-0000000000c1")
AGENT = UUID("0192f0c1-0000-7000-8000-0000000000e1")
AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def conversation_of(contact: UUID) -> UUID:
    return uuid5(contact, str(CONNECTION))


def ticket_of(contact: UUID) -> UUID:
    return uuid5(contact, "ticket")


def opened(contact: UUID) -> TicketOpened:
    return TicketOpened(
        ticket_id=ticket_of(contact),
        contact_id=contact,
        connection_id=CONNECTION,
        occurred_at=AT,
        by=Author("contact"),
        conversation_id=conversation_of(contact),
        protocol="20261126-000001",
        origin="customer",
        lifecycle="waiting",
        policy_version=7,
    )


def received(contact: UUID, text: str, message: UUID | None = None) -> MessageReceived:
    return MessageReceived(
        message_id=message or uuid4(),
        conversation_id=conversation_of(contact),
        contact_id=contact,
        connection_id=CONNECTION,
        ticket_id=ticket_of(contact),
        occurred_at=AT,
        window_closes_at=AT + timedelta(hours=24),
        wamid_hash="ab" * 32,
        content=Content("text", text),
        sender=Sender(phone="5511987654321", name="Ana"),
        wamid="wamid.SECRET",
        raw='{"raw": true}',
    )


def queued(contact: UUID, text: str) -> MessageQueued:
    return MessageQueued(
        message_id=uuid4(),
        conversation_id=conversation_of(contact),
        contact_id=contact,
        connection_id=CONNECTION,
        ticket_id=ticket_of(contact),
        occurred_at=AT,
        author=Author("agent", AGENT),
        window_closes_at=AT + timedelta(hours=24),
        after=UUID(int=5),
        content=Content("text", text),
        recipient=Recipient(phone="551187654321"),
        reply_to_wamid="wamid.SECRET",
    )


def cancel_requested(contact: UUID) -> MessageCancelRequested:
    return MessageCancelRequested(
        message_id=UUID(int=6),
        conversation_id=conversation_of(contact),
        contact_id=contact,
        connection_id=CONNECTION,
        ticket_id=ticket_of(contact),
        occurred_at=AT,
        by=Author("bot"),
        reason="session_ended",
    )


def read_up_to(contact: UUID, *, receipt: bool, wamid: str | None) -> MessagesRead:
    return MessagesRead(
        conversation_id=conversation_of(contact),
        contact_id=contact,
        connection_id=CONNECTION,
        ticket_id=ticket_of(contact),
        occurred_at=AT,
        up_to=UUID(int=9),
        by=Author("agent", AGENT),
        receipt=receipt,
        wamid=wamid,
    )


def stores(contact: UUID, version: int, *events: object, stream: UUID | None = None) -> Command:
    """A command that writes these events on the contact's conversation (or `stream`)."""
    place = Stream(stream or conversation_of(contact), contact)
    return Command(
        account=ACCOUNT,
        meta=Meta(datetime.now(UTC), f"agent:{AGENT}", uuid4(), "correlation-1"),
        expectations=(Expectation(place, version, events),),
        seal_for=contact,
    )
