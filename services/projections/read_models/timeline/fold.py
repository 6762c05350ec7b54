"""Which line does an event add to a conversation? Messages, and what happened to its tickets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from services.projections.domain.events import Event
from services.projections.read_models.cards.fold import CardRows
from services.projections.read_models.folding import Fold
from services.projections.read_models.read_model import RowCache, States
from shared.contracts import tickets as published
from shared.contracts.inbox import TimelineItem

Details = dict[str, str | bool | None]
T = TypeVar("T", bound=published.TicketFact)
DetailsOf = Callable[[T], Details]


@dataclass(slots=True)
class TimelineRows(RowCache):
    """The lines that a batch touches, and the accounts of new ones."""

    lines: dict[UUID, TimelineItem] = field(default_factory=dict[UUID, TimelineItem])
    accounts: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])

    def add(self, line: TimelineItem, event: Event) -> None:
        """Add the line of an event."""
        self.lines[line.id] = line
        self.accounts[line.id] = event.account_id


FOLD: Final = Fold[States](
    version=1,
    ignores=(
        published.ContactIdentified,
        published.ContactRenamed,
        published.ContactFieldSet,
        published.IdentityConflict,
        published.MessagesRead,
        published.MessageCancelRequested,
        published.InboundDropped,
        published.MessageFact,  # joined when a line is shown
        published.Internal,
    ),
)


def _happening(kind: type[T], name: str) -> Callable[[DetailsOf[T]], DetailsOf[T]]:
    """A line for each event of this type, with the details that the decorated function gives."""

    def register(details: DetailsOf[T]) -> DetailsOf[T]:
        @FOLD.on(kind)
        def fold(states: States, event: Event, message: T) -> None:
            card = states.of(CardRows).rows.get(message.ticket_id)
            if card is not None:
                line = _line(event, message, card.conversation_id, name)
                told = line.model_copy(update={"details": details(message)})
                states.of(TimelineRows).add(told, event)

        del fold
        return details

    return register


def _line(
    event: Event, message: published.TicketFact, conversation: UUID, name: str
) -> TimelineItem:
    return TimelineItem(
        id=uuid5(event.stream, str(event.version)),
        ticket_id=message.ticket_id,
        conversation_id=conversation,
        at=message.occurred_at,
        kind="happening",
        type=name,
        text=_text(message),
        author_kind=message.by.kind,
        author_id=message.by.agent_id,
        position=event.position,
    )


def _text(message: published.TicketFact) -> str | None:
    if isinstance(message, published.TicketClosed):
        return message.note
    return message.text if isinstance(message, published.NoteAdded) else None


@_happening(published.TicketOpened, "ticket_opened")
def _opened(message: published.TicketOpened) -> Details:
    return _known(origin=message.origin, previous_ticket_id=message.previous_ticket_id)


@_happening(published.SectorAssigned, "sector_assigned")
def _sector_assigned(message: published.SectorAssigned) -> Details:
    return _known(sector_id=message.sector_id, previous_sector_id=message.previous_sector_id)


@_happening(published.TicketQueued, "ticket_queued")
def _queued(message: published.TicketQueued) -> Details:
    return _known(reason=message.reason)


@_happening(published.TicketAccepted, "ticket_accepted")
def _accepted(message: published.TicketAccepted) -> Details:
    return _known(
        owner_id=message.owner_id,
        sector_id=message.sector_id,
        via=message.via,
        override_by=message.override_by,
    )


@_happening(published.OwnerReleased, "owner_released")
def _owner_released(message: published.OwnerReleased) -> Details:
    return _known(owner_id=message.owner_id, reason=message.reason)


@_happening(published.TicketClosed, "ticket_closed")
def _closed(message: published.TicketClosed) -> Details:
    return _known(
        owner_id=message.owner_id,
        reason_id=message.reason_id,
        farewell=message.farewell,
        disposition=message.disposition,
    )


@_happening(published.TicketReopened, "ticket_reopened")
def _reopened(message: published.TicketReopened) -> Details:
    return _known(lifecycle=message.lifecycle)


@_happening(published.FlowSessionStarted, "flow_session_started")
def _flow_started(message: published.FlowSessionStarted) -> Details:
    return _known(
        session_id=message.session_id, flow_id=message.flow_id, return_to=message.return_to
    )


@_happening(published.FlowSessionEnded, "flow_session_ended")
def _flow_ended(message: published.FlowSessionEnded) -> Details:
    return _known(session_id=message.session_id, reason=message.reason)


@_happening(published.NoteAdded, "note_added")
def _noted(message: published.NoteAdded) -> Details:
    return _known(note_id=message.note_id)


@_happening(published.AutoMessageSkipped, "auto_message_skipped")
def _skipped(message: published.AutoMessageSkipped) -> Details:
    return _known(kind=message.kind, cause=message.cause, reason=message.reason)


def _known(**details: UUID | str | bool | None) -> Details:
    """The details that have a value, as JSON has them."""
    return {
        name: str(value) if isinstance(value, UUID) else value
        for name, value in details.items()
        if value is not None
    }


@FOLD.on(published.MessageReceived)
def _received(states: States, event: Event, message: published.MessageReceived) -> None:
    values = {
        **_said(event, message, message.content),
        "id": message.message_id,
        "direction": "in",
        "reply_to": message.reply_to,
        "forwarded": message.forwarded,
        "referral": message.referral,
        "author_kind": "contact",
        "after_close": message.after_close,
        "wamid_hash": message.wamid_hash,
    }
    states.of(TimelineRows).add(TimelineItem.model_validate(values), event)


@FOLD.on(published.MessageQueued)
def _message_queued(states: States, event: Event, message: published.MessageQueued) -> None:
    values = {
        **_said(event, message, message.content),
        "id": message.message_id,
        "direction": "out",
        "reply_to": message.reply_to,
        "author_kind": message.author.kind,
        "author_id": message.author.agent_id,
        "automatic": message.automatic,
        "fate": "queued",
    }
    states.of(TimelineRows).add(TimelineItem.model_validate(values), event)


def _said(
    event: Event, message: published.ConversationFact, content: published.Content
) -> dict[str, Any]:
    return {
        "ticket_id": message.ticket_id,
        "conversation_id": message.conversation_id,
        "at": message.occurred_at,
        "kind": "message",
        "type": content.type,
        "text": content.text,
        "media": content.media,
        "details": content.details,
        "position": event.position,
    }
