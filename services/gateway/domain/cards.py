"""Tickets as frontends get them: a row with the names of sector, owner and connection."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.gateway.labels import pt_br
from shared.contracts.envelope import Contract
from shared.contracts.inbox import ContactCard, LastMessage, Row, TimelineItem
from shared.contracts.internal_api import Allowed, TicketState


class Named(Contract):
    """Something with a name; None when it was deleted."""

    id: UUID
    name: str | None


class ConnectionName(Named):
    """A business number."""

    number: str | None


class Card(Contract):
    """A ticket in a list (design.md 5)."""

    id: UUID
    protocol: str
    lifecycle: str
    placement: str
    contact: ContactCard
    sector: Named | None
    owner: Named | None
    connection: ConnectionName
    opened_at: datetime
    closed_at: datetime | None
    last_message: LastMessage | None
    unread: int
    window_closes_at: datetime | None
    customer_wrote_while_paused_at: datetime | None = Field(
        None, description="Set while the ticket is paused, where the policy lets it stay so."
    )
    tags: list[str]
    previous_ticket_id: UUID | None
    version: int
    position: str


class TicketDetail(Card):
    """A ticket that is open on a screen: also what may be done with it now."""

    allowed: dict[str, Allowed]


class Commanded(Contract):
    """A ticket as a command left it; the whole card is read with `min_position`."""

    id: UUID
    protocol: str
    lifecycle: str
    placement: str
    contact_id: UUID
    sector: Named | None
    owner: Named | None
    connection: ConnectionName
    opened_at: datetime
    closed_at: datetime | None
    window_closes_at: datetime | None
    version: int
    allowed: dict[str, Allowed]


class TimelineLine(TimelineItem):
    """A line with the author's name; `label` says in words why a ticket was queued.

    `reason` is the close reason with which a ticket was closed.
    """

    author: Named | None
    label: str | None
    reason: Named | None


NameOf = Callable[[UUID], str | None]
NumberOf = Callable[[UUID], str | None]


class Names:
    """Looks names up in what directory told."""

    def __init__(self, name_of: NameOf, number_of: NumberOf) -> None:
        self._name_of = name_of
        self._number_of = number_of

    def named(self, id_: UUID | None) -> Named | None:
        """An id with its name."""
        return None if id_ is None else Named(id=id_, name=self._name_of(id_))

    def connection(self, id_: UUID) -> ConnectionName:
        """A connection with name and number."""
        return ConnectionName(id=id_, name=self._name_of(id_), number=self._number_of(id_))

    def card(self, row: Row, *, sees_phones: bool) -> Card:
        """The card of a row; phones only for who may see them."""
        contact = row.contact if sees_phones else row.contact.model_copy(update={"phone": None})
        return Card(
            sector=self.named(row.sector_id),
            owner=self.named(row.owner_id),
            connection=self.connection(row.connection_id),
            contact=contact,
            **row.model_dump(include=_SAME_IN_CARD),
        )

    def commanded(self, state: TicketState) -> Commanded:
        """What a command answers."""
        return Commanded(
            sector=self.named(state.sector_id),
            owner=self.named(state.owner_id),
            connection=self.connection(state.connection_id),
            **state.model_dump(include=_SAME_IN_COMMANDED),
        )

    def line(self, item: TimelineItem) -> TimelineLine:
        """A timeline line."""
        return TimelineLine(
            author=self.named(item.author_id),
            label=_label(item),
            reason=self.named(_close_reason(item)),
            **item.model_dump(),
        )


def _label(item: TimelineItem) -> str | None:
    reason = (item.details or {}).get("reason")
    if item.type != "ticket_queued" or not isinstance(reason, str):
        return None
    return pt_br.QUEUED.get(reason)


def _close_reason(item: TimelineItem) -> UUID | None:
    reason = (item.details or {}).get("reason_id")
    return UUID(reason) if isinstance(reason, str) else None


_SAME_IN_CARD = set(Card.model_fields) - {"sector", "owner", "connection", "contact"}
_SAME_IN_COMMANDED = set(Commanded.model_fields) - {"sector", "owner", "connection"}
