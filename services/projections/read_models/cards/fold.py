"""What does a ticket's card look like after an event? One row, whichever view it stands in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from services.projections.domain.events import Event
from services.projections.read_models.folding import Fold
from services.projections.read_models.read_model import RowCache, States
from shared.contracts import tickets as published
from shared.contracts.inbox import ContactCard, LastMessage, Row, Seen, View
from shared.contracts.tickets import Content

_PREVIEW_CHARACTERS: Final = 200
_VIEWS: Final[dict[str, View]] = {
    "bot": "bot",  # not in aguardando (domain.md 2.7, `show_bot_in_waiting`: false)
    "waiting": "aguardando",
    "attending": "atendendo",
    "paused": "atendendo",
    "closed": "resolvidos",
}

Changed = dict[str, Any]
T = TypeVar("T", bound=published.TicketFact | published.ConversationFact)
After = Callable[[T, Row], Changed]


@dataclass(slots=True)
class CardRows(RowCache):
    """The tickets that a batch touches."""

    rows: dict[UUID, Row] = field(default_factory=dict[UUID, Row])


FOLD: Final = Fold[States](
    version=1,
    ignores=(
        published.ContactIdentified,  # the read model of contacts has the name and phone of a card
        published.ContactRenamed,
        published.ContactFieldSet,
        published.IdentityConflict,
        published.MessageCancelRequested,
        published.InboundDropped,
        published.MessageFact,
        published.Internal,
    ),
)


def _on(*kinds: type[T]) -> Callable[[After[T]], After[T]]:
    """Fold these types with a function that says which fields of the row they change."""

    def register(after: After[T]) -> After[T]:
        @FOLD.on(*kinds)
        def fold(states: States, event: Event, message: T) -> None:
            rows = states.of(CardRows).rows
            row = rows.get(message.ticket_id)
            if row is not None:
                rows[row.id] = changed(row, event, after(message, row))

        del fold
        return after

    return register


def changed(row: Row, event: Event, changes: Changed) -> Row:
    """The row after an event of its ticket, in the view of its lifecycle."""
    if isinstance(event.message, published.TicketFact):
        changes = {**changes, "version": event.version}
    if not changes:
        return row
    view = _VIEWS[changes.get("lifecycle", row.lifecycle)]
    return row.model_copy(update={**changes, "view": view, "position": event.position})


@FOLD.on(published.TicketOpened)
def _opened(states: States, event: Event, message: published.TicketOpened) -> None:
    states.of(CardRows).rows[message.ticket_id] = opened(event, message)


@_on(published.NoteAdded, published.AutoMessageSkipped, published.FlowSessionEnded)
def _version_only(_message: published.TicketFact, _row: Row) -> Changed:
    return {}


def opened(event: Event, message: published.TicketOpened) -> Row:
    """The first row of a ticket."""
    return Row(
        id=message.ticket_id,
        account_id=event.account_id,
        view=_VIEWS[message.lifecycle],
        protocol=message.protocol,
        lifecycle=message.lifecycle,
        contact=ContactCard(id=message.contact_id),
        connection_id=message.connection_id,
        conversation_id=message.conversation_id,
        opened_at=message.occurred_at,
        waiting_since=message.occurred_at if message.lifecycle == "waiting" else None,
        previous_ticket_id=message.previous_ticket_id,
        version=event.version,
        position=event.position,
    )


def sort_at(row: Row) -> datetime:
    """Aguardando: waiting since; the others: last activity."""
    if row.view == "aguardando":
        return row.waiting_since or row.opened_at
    said = row.last_message.at if row.last_message else row.opened_at
    return max(said, row.closed_at or row.opened_at)


def seen(row: Row) -> Seen:
    """Where the row stands."""
    return Seen(view=row.view, sector_id=row.sector_id, owner_id=row.owner_id)


@_on(published.SectorAssigned)
def _sector_assigned(message: published.SectorAssigned, _: Row) -> Changed:
    return {"sector_id": message.sector_id}


@_on(published.FlowSessionStarted)
def _flow_session_started(_message: published.FlowSessionStarted, _: Row) -> Changed:
    return {"lifecycle": "bot", "owner_id": None, "waiting_since": None}


@_on(published.TicketQueued)
def _queued(message: published.TicketQueued, _: Row) -> Changed:
    return {"lifecycle": "waiting", "owner_id": None, "waiting_since": message.occurred_at}


@_on(published.TicketAccepted)
def _accepted(message: published.TicketAccepted, row: Row) -> Changed:
    return {
        "lifecycle": "attending",
        "owner_id": message.owner_id,
        "sector_id": message.sector_id or row.sector_id,
        "waiting_since": None,
    }


@_on(published.OwnerReleased)
def _owner_released(message: published.OwnerReleased, _: Row) -> Changed:
    return {"lifecycle": "waiting", "owner_id": None, "waiting_since": message.occurred_at}


@_on(published.TicketClosed)
def _closed(message: published.TicketClosed, _: Row) -> Changed:
    return {
        "lifecycle": "closed",
        "closed_at": message.occurred_at,
        "owner_id": None,  # only attending and paused have one (domain.md 2.8, 2)
        "waiting_since": None,
    }


@_on(published.TicketReopened)
def _reopened(message: published.TicketReopened, _: Row) -> Changed:
    waits = message.lifecycle == "waiting"
    return {
        "lifecycle": message.lifecycle,
        "closed_at": None,
        "owner_id": None,
        "waiting_since": message.occurred_at if waits else None,
    }


@_on(published.MessageReceived)
def _message_received(message: published.MessageReceived, row: Row) -> Changed:
    return {
        "last_message": _newer(row, message.occurred_at, "in", message.content),
        "unread": row.unread + 1,
        "window_closes_at": max(
            message.window_closes_at, row.window_closes_at or message.window_closes_at
        ),
    }


@_on(published.MessageQueued)
def _message_queued(message: published.MessageQueued, row: Row) -> Changed:
    return {
        "last_message": _newer(row, message.occurred_at, "out", message.content),
        "window_closes_at": message.window_closes_at or row.window_closes_at,
    }


@_on(published.MessagesRead)
def _messages_read(_message: published.MessagesRead, row: Row) -> Changed:
    return {"unread": 0} if row.unread else {}


def _newer(row: Row, at: datetime, direction: str, content: Content) -> LastMessage:
    if row.last_message is not None and row.last_message.at > at:
        return row.last_message
    text = None if content.text is None else content.text[:_PREVIEW_CHARACTERS]
    return LastMessage.model_validate(
        {"at": at, "direction": direction, "type": content.type, "text": text}
    )
