"""What a batch needs to know before, and what it leaves behind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.domain.fates import Fate
from shared.contracts import tickets as published
from shared.contracts.inbox import Row, TimelineItem


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as cards show it."""

    id: UUID
    account_id: UUID
    name: str | None
    phone: str | None


@dataclass(slots=True)
class Models:
    """Rows of the read models that a batch touches, by id."""

    rows: dict[UUID, Row] = field(default_factory=dict[UUID, Row])
    people: dict[UUID, Person] = field(default_factory=dict[UUID, Person])
    lines: dict[UUID, TimelineItem] = field(default_factory=dict[UUID, TimelineItem])
    fates: dict[UUID, Fate] = field(default_factory=dict[UUID, Fate])
    accounts: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])  # of new lines and fates

    def conversation_of(self, ticket_id: UUID) -> UUID | None:
        """The conversation of a ticket."""
        row = self.rows.get(ticket_id)
        return None if row is None else row.conversation_id

    def copy(self) -> "Models":
        """The same rows; what is replaced in the copy stays here."""
        return replace(
            self,
            rows=dict(self.rows),
            people=dict(self.people),
            lines=dict(self.lines),
            fates=dict(self.fates),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Ids of what a batch touches."""

    tickets: frozenset[UUID]
    contacts: frozenset[UUID]
    renamed: frozenset[UUID]  # contacts whose every row must be told
    messages: frozenset[UUID]


def wanted(events: Iterable[Event]) -> Wanted:
    """What these events touch."""
    tickets, contacts, renamed, messages = set[UUID](), set[UUID](), set[UUID](), set[UUID]()
    for event in events:
        message = event.message
        if isinstance(message, published.TicketFact | published.ConversationFact):
            tickets.add(message.ticket_id)
            contacts.add(message.contact_id)
        if isinstance(message, published.ContactIdentified | published.ContactRenamed):
            contacts.add(message.contact_id)
            renamed.add(message.contact_id)
        if isinstance(message, published.MessageReceived | published.MessageQueued):
            messages.add(message.message_id)
        if isinstance(message, published.MessageFact):
            messages.add(message.message_id)
        if isinstance(message, published.MessageLinked):
            messages.add(message.same_as)
    return Wanted(*(frozenset(ids) for ids in (tickets, contacts, renamed, messages)))


@dataclass(frozen=True, slots=True)
class Changed:
    """Ids of what is another value now."""

    rows: list[UUID]
    people: list[UUID]
    lines: list[UUID]
    fates: list[UUID]


def difference(before: Models, after: Models) -> Changed:
    """What a batch has changed: folding replaces a value only by another one."""
    return Changed(
        rows=_replaced(before.rows, after.rows),
        people=[id_ for id_, person in after.people.items() if before.people.get(id_) != person],
        lines=_replaced(before.lines, after.lines),
        fates=_replaced(before.fates, after.fates),
    )


def _replaced(before: Mapping[UUID, object], after: Mapping[UUID, object]) -> list[UUID]:
    return [id_ for id_, value in after.items() if before.get(id_) is not value]
