"""Published events of a few tickets, as the relay would send them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from services.projections.domain.events import Event
from shared.contracts import tickets as published
from shared.contracts.content import PublishedContent
from shared.contracts.envelope import Envelope, Message
from shared.contracts.internal_api import FeedEvent
from shared.contracts.tickets import Author
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.partitions import partition_of

NOON = datetime(2026, 11, 23, 15, tzinfo=UTC)
ACCOUNT = UUID(int=1)
CONNECTION = UUID(int=2)
VENDAS = UUID(int=3)
SUPORTE = UUID(int=6)
ANA = UUID(int=4)
BIA = UUID(int=7)
CUSTOMER = Author(kind="contact")
FLOW = UUID(int=5)


@dataclass(slots=True)
class Log:
    """Numbers events as the store does."""

    events: list[Event] = field(default_factory=list[Event])
    versions: dict[UUID, int] = field(default_factory=dict[UUID, int])
    contacts: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])  # of each stream

    def add(self, contact: UUID, stream: UUID, message: Message, account: UUID = ACCOUNT) -> None:
        self.contacts[stream] = contact
        self.versions[stream] = self.versions.get(stream, 0) + 1
        self.events.append(
            Event(
                partition=partition_of(str(contact).encode(), TICKETS_EVENTS.partitions),
                epoch=1,
                log_id=len(self.events) + 1,
                account_id=account,
                stream=stream,
                version=self.versions[stream],
                time=NOON + timedelta(seconds=len(self.events)),
                message=message,
            )
        )


@dataclass(frozen=True, slots=True)
class Customer:
    """A contact with one conversation and, at first, one ticket."""

    number: int

    @property
    def id(self) -> UUID:
        return UUID(int=1000 + self.number)

    @property
    def conversation(self) -> UUID:
        return uuid5(self.id, "conversation")

    def ticket(self, nth: int = 1) -> UUID:
        return uuid5(self.id, f"ticket{nth}")

    def message(self, nth: int) -> UUID:
        return uuid5(self.id, f"message{nth}")


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def arrives(
    log: Log,
    who: Customer,
    account: UUID = ACCOUNT,
    *,
    lifecycle: str = "waiting",
    sector: UUID | None = VENDAS,
) -> None:
    """The first message: contact, ticket, sector, message."""
    identified = published.ContactIdentified(
        contact_id=who.id,
        name=f"Cliente {who.number}",
        phone=f"55119{who.number:08}",
        user_id=None,
        username=None,
        occurred_at=at(0),
    )
    log.add(who.id, who.id, identified, account)
    opens(log, who, 1, account, lifecycle=lifecycle, sector=sector)
    says(log, who, 1, "oi", account=account)


def opens(
    log: Log,
    who: Customer,
    nth: int,
    account: UUID = ACCOUNT,
    *,
    lifecycle: str = "waiting",
    sector: UUID | None = VENDAS,
) -> None:
    ticket = who.ticket(nth)
    values = {
        **_ticket(who, ticket, 0),
        "conversation_id": who.conversation,
        "protocol": f"2026112{2 + nth}-{who.number:06}",
        "origin": "customer",
        "lifecycle": lifecycle,
    }
    log.add(who.id, ticket, published.TicketOpened.model_validate(values), account)
    if sector is not None:
        assigned = published.SectorAssigned(**_ticket(who, ticket, 0), sector_id=sector)
        log.add(who.id, ticket, assigned, account)


def comes_back(log: Log, who: Customer, *, sector: UUID) -> None:
    """A second ticket, in another sector."""
    opens(log, who, 2, sector=sector)
    values = {
        **_said(who, 7),
        "ticket_id": who.ticket(2),
        "message_id": who.message(20),
        "content": PublishedContent(type="text", text="voltei"),
        "window_closes_at": at(7) + timedelta(hours=24),
        "wamid_hash": "hash20",
    }
    received = published.MessageReceived.model_validate(values)
    log.add(who.id, who.conversation, received)


def renamed(log: Log, who: Customer, name: str) -> None:
    message = published.ContactRenamed(
        contact_id=who.id, name=name, previous_name=None, occurred_at=at(2)
    )
    log.add(who.id, who.id, message)


def says(
    log: Log,
    who: Customer,
    nth: int,
    text: str,
    content: PublishedContent | None = None,
    *,
    minute: int = 1,
    account: UUID = ACCOUNT,
) -> None:
    received = published.MessageReceived(
        **_said(who, minute),
        message_id=who.message(nth),
        content=content or PublishedContent(type="text", text=text),
        window_closes_at=at(minute) + timedelta(hours=24),
        wamid_hash=f"hash{nth}",
    )
    log.add(who.id, who.conversation, received, account)


def accepted(log: Log, who: Customer, by: UUID = ANA, sector: UUID = VENDAS) -> None:
    author = Author(kind="agent", agent_id=by)
    values: dict[str, Any] = {**_ticket(who, who.ticket(), 2), "by": author}
    log.add(who.id, who.ticket(), published.TicketAccepted(**values, owner_id=by, sector_id=sector))


def answers(log: Log, who: Customer, nth: int, text: str) -> None:
    queued = published.MessageQueued(
        **_said(who, 3),
        message_id=who.message(nth),
        author=Author(kind="agent", agent_id=ANA),
        content=PublishedContent(type="text", text=text),
    )
    log.add(who.id, who.conversation, queued)


def becomes(log: Log, who: Customer, nth: int, *kinds: type[published.MessageFact]) -> None:
    id_ = who.message(nth)
    for kind in kinds:
        values = {"message_id": id_, "occurred_at": at(4), "wamid_hash": "h", "reason": "r"}
        known = {name: value for name, value in values.items() if name in kind.model_fields}
        log.add(who.id, id_, kind.model_validate(known))


def reads(log: Log, who: Customer, up_to: int) -> None:
    read = published.MessagesRead(
        **_said(who, 3), up_to=who.message(up_to), by=Author(kind="agent", agent_id=ANA)
    )
    log.add(who.id, who.conversation, read)


def closes(log: Log, who: Customer, *, owner: UUID | None = ANA, note: str | None = None) -> None:
    closed = published.TicketClosed(**_ticket(who, who.ticket(), 5), owner_id=owner, note=note)
    log.add(who.id, who.ticket(), closed)


def reopens(log: Log, who: Customer) -> None:
    reopened = published.TicketReopened(**_ticket(who, who.ticket(), 6), lifecycle="waiting")
    log.add(who.id, who.ticket(), reopened)


def meets_the_bot(log: Log, who: Customer) -> None:
    """The first message, which a flow answers with buttons."""
    arrives(log, who, lifecycle="bot")
    starts_flow(log, who)
    queued = published.MessageQueued(
        **_said(who, 1),
        message_id=who.message(2),
        author=Author(kind="bot"),
        content=PublishedContent(
            type="buttons", text="Qual setor?", details={"buttons": ["Vendas"]}
        ),
        automatic="flow",
    )
    log.add(who.id, who.conversation, queued)


def starts_flow(log: Log, who: Customer) -> None:
    started = published.FlowSessionStarted(
        **_ticket(who, who.ticket(), 1),
        session_id=uuid5(who.id, "session"),
        flow_id=FLOW,
        conversation_id=who.conversation,
    )
    log.add(who.id, who.ticket(), started)


def ends_session(log: Log, who: Customer, reason: str) -> None:
    ended = published.FlowSessionEnded(
        **_ticket(who, who.ticket(), 2), session_id=uuid5(who.id, "session"), reason=reason
    )
    log.add(who.id, who.ticket(), ended)


def is_handed_off(log: Log, who: Customer) -> None:
    """People go on: the flow leaves what it learned, and a message that it takes back."""
    ends_session(log, who, "handoff")
    note = published.NoteAdded(
        **_ticket(who, who.ticket(), 2), note_id=uuid5(who.id, "note"), text="Quer comprar."
    )
    queued = published.TicketQueued(**_ticket(who, who.ticket(), 2), reason="node")
    cancel = published.MessageCancelRequested(
        **_said(who, 2), message_id=who.message(2), by=Author(kind="bot"), reason="session_ended"
    )
    remembered = published.ContactFieldSet(
        contact_id=who.id, name="cpf", value="1", by=Author(kind="bot"), occurred_at=at(2)
    )
    log.add(who.id, who.ticket(), note)
    log.add(who.id, who.ticket(), queued)
    log.add(who.id, who.conversation, cancel)
    log.add(who.id, who.id, remembered)
    becomes(log, who, 2, published.MessageCancelled)


def whole_day(customers: int = 6) -> list[Event]:
    """Some customers at every stage, their events interleaved; a flow meets four others."""
    log = day(customers)
    stays, waits, is_taken, is_done = (Customer(100 + number) for number in range(4))
    for who in (stays, waits, is_taken, is_done):
        meets_the_bot(log, who)
    is_handed_off(log, waits)
    ends_session(log, is_taken, "human_takeover")
    accepted(log, is_taken)
    ends_session(log, is_done, "closed")
    closes(log, is_done)
    return log.events


def day(customers: int) -> Log:
    """The log of `whole_day`."""
    log = Log()
    everyone = [Customer(number) for number in range(customers)]
    for who in everyone:
        arrives(log, who)
    for who in everyone[1:]:
        accepted(log, who)
        says(log, who, 2, "alguém aí?", minute=2)
    for who in everyone[2:]:
        reads(log, who, 2)
        answers(log, who, 3, "Olá!")
        becomes(log, who, 3, published.MessageDelivered, published.MessageAccepted)
        becomes(log, who, 3, published.MessageSent)
    for who in everyone[3:]:
        closes(log, who)
    for who in everyone[4:]:
        reopens(log, who)
    return log


def batches(events: list[Event], sizes: list[int]) -> Iterator[list[Event]]:
    """The events cut at these sizes, the rest at once."""
    start = 0
    for size in sizes:
        if events[start : start + size]:
            yield events[start : start + size]
        start += size
    if events[start:]:
        yield events[start:]


def envelope_of(event: Event) -> Envelope:
    message = event.message or published.Internal()
    return Envelope(
        id=f"{event.stream}@{event.version}",
        type=message.TYPE,
        source="tickets",
        time=event.time,
        subject=str(event.stream),
        account=event.account_id,
        position=f"{event.epoch}.{event.log_id}",
        stream=event.stream,
        version=event.version,
    )


def as_feed(log: Log, event: Event, body: bytes | None = None) -> FeedEvent:
    """The event as the feed of tickets gives it."""
    envelope, message = envelope_of(event), event.message or published.Internal()
    named = FeedEvent.model_fields.keys() - {"key", "body"}
    values = {name: getattr(envelope, name) for name in named}
    told = {"key": str(log.contacts[event.stream]), "body": (body or message.body()).decode()}
    return FeedEvent.model_validate({**values, **told})


def _ticket(who: Customer, ticket: UUID, minute: int) -> dict[str, Any]:
    return {
        "ticket_id": ticket,
        "contact_id": who.id,
        "connection_id": CONNECTION,
        "occurred_at": at(minute),
        "by": CUSTOMER,
    }


def _said(who: Customer, minute: int) -> dict[str, Any]:
    return {
        "conversation_id": who.conversation,
        "contact_id": who.id,
        "connection_id": CONNECTION,
        "ticket_id": who.ticket(),
        "occurred_at": at(minute),
    }
