"""Fold events into a ticket's card: one row, whichever view it stands in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeVar
from uuid import UUID

from pydantic import Field

from services.projections.domain.events import Event
from services.projections.read_models.folding import Fold
from services.projections.read_models.messages.fold import MessageRows
from services.projections.read_models.read_model import RowCache, States
from shared.contracts import tickets as published
from shared.contracts.content import PublishedContent
from shared.contracts.inbox import ContactCard, LastMessage, Row, Seen, View

_PREVIEW_CHARACTERS: Final = 200
_VIEWS: Final[dict[str, View]] = {
    "bot": "bot",  # not in aguardando (domain.md 2.7, `show_bot_in_waiting`: false)
    "waiting": "aguardando",
    "attending": "atendendo",
    "paused": "atendendo",
    "closed": "resolvidos",
}

_MOST_UNREAD: Final = 500

Changed = dict[str, Any]
T = TypeVar("T", bound=published.TicketFact | published.ConversationFact)
After = Callable[[T, "StoredRow", States, Event], Changed]


class StoredRow(Row):
    """A row with what only the fold needs: where in the log the unread messages stand.

    The newest 500: of more than those, `unread` counts all until the first of them is read.
    """

    unread_log_ids: list[int] = Field(default_factory=list[int])


@dataclass(slots=True)
class CardRows(RowCache):
    """The tickets that a batch touches, and where messages up to which was read were said."""

    rows: dict[UUID, StoredRow] = field(default_factory=dict[UUID, StoredRow])
    said_at: dict[UUID, int] = field(default_factory=dict[UUID, int])  # message to log id


FOLD: Final = Fold[States](
    version=2,
    ignores=(
        published.ContactIdentified,  # the read model of contacts has the name and phone of a card
        published.ContactRenamed,
        published.ContactFieldSet,
        published.IdentityConflict,
        published.MessageCancelRequested,
        published.InboundDropped,
        published.MessageAccepted,
        published.MessageSent,
        published.MessageDelivered,
        published.MessageRead,
        published.MessagePlayed,
        published.MessageMediaStored,
        published.MessageMediaUnavailable,
        published.MessageFailed,
        published.MessageOutcomeUnknown,
        published.MessageCancelled,
        published.ReactionChanged,
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
                rows[row.id] = changed(row, event, after(message, row, states, event))

        del fold
        return after

    return register


def changed(row: StoredRow, event: Event, changes: Changed) -> StoredRow:
    """The row after an event of its ticket, in the view of its lifecycle."""
    if isinstance(event.message, published.TicketFact):
        changes = {**changes, "version": event.version}
    if not changes:
        return row
    lifecycle = changes.get("lifecycle", row.lifecycle)
    if lifecycle != "paused":
        changes = {**changes, "customer_wrote_while_paused_at": None}
    view = _VIEWS[lifecycle]
    return row.model_copy(update={**changes, "view": view, "position": event.position})


@FOLD.on(published.TicketOpened)
def _opened(states: States, event: Event, message: published.TicketOpened) -> None:
    states.of(CardRows).rows[message.ticket_id] = opened(event, message)


@_on(
    published.TicketTransferred,
    published.NoteAdded,
    published.AutoMessageSkipped,
    published.FlowSessionEnded,
)
def _version_only(_message: published.TicketFact, *_: object) -> Changed:
    return {}


def opened(event: Event, message: published.TicketOpened) -> StoredRow:
    """The first row of a ticket."""
    return StoredRow(
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
def _sector_assigned(message: published.SectorAssigned, *_: object) -> Changed:
    return {"sector_id": message.sector_id}


@_on(published.FlowSessionStarted)
def _flow_session_started(_message: published.FlowSessionStarted, *_: object) -> Changed:
    return {"lifecycle": "bot", "owner_id": None, "waiting_since": None}


@_on(published.TicketQueued)
def _queued(message: published.TicketQueued, *_: object) -> Changed:
    return {"lifecycle": "waiting", "owner_id": None, "waiting_since": message.occurred_at}


@_on(published.TicketAccepted)
def _accepted(message: published.TicketAccepted, row: StoredRow, *_: object) -> Changed:
    return {
        "lifecycle": "attending",
        "owner_id": message.owner_id,
        "sector_id": message.sector_id or row.sector_id,
        "waiting_since": None,
    }


@_on(published.OwnerReleased)
def _owner_released(message: published.OwnerReleased, *_: object) -> Changed:
    return {"lifecycle": "waiting", "owner_id": None, "waiting_since": message.occurred_at}


@_on(published.TicketPaused)
def _paused(_message: published.TicketPaused, *_: object) -> Changed:
    return {"lifecycle": "paused"}


@_on(published.TicketFlagged)
def _flagged(message: published.TicketFlagged, *_: object) -> Changed:
    return {"customer_wrote_while_paused_at": message.occurred_at}


@_on(published.TicketResumed)
def _resumed(_message: published.TicketResumed, *_: object) -> Changed:
    return {"lifecycle": "attending"}


@_on(published.TicketClosed)
def _closed(message: published.TicketClosed, *_: object) -> Changed:
    return {
        "lifecycle": "closed",
        "closed_at": message.occurred_at,
        "owner_id": message.owner_id,  # who had it last: is found by it, and keeps sight of it
        "waiting_since": None,
    }


@_on(published.TicketReopened)
def _reopened(message: published.TicketReopened, *_: object) -> Changed:
    waits = message.lifecycle == "waiting"
    return {
        "lifecycle": message.lifecycle,
        "closed_at": None,
        "owner_id": None,
        "waiting_since": message.occurred_at if waits else None,
    }


@_on(published.MessageReceived)
def _message_received(
    message: published.MessageReceived, row: StoredRow, states: States, event: Event
) -> Changed:
    states.of(CardRows).said_at[message.message_id] = event.log_id
    return {
        "last_message": _newer(row, _last(states, message, message.content, "in")),
        "unread": row.unread + 1,
        "unread_log_ids": [*row.unread_log_ids, event.log_id][-_MOST_UNREAD:],
        "window_closes_at": max(
            message.window_closes_at, row.window_closes_at or message.window_closes_at
        ),
    }


@_on(published.MessageQueued)
def _message_queued(
    message: published.MessageQueued, row: StoredRow, states: States, event: Event
) -> Changed:
    states.of(CardRows).said_at[message.message_id] = event.log_id
    return {
        "last_message": _newer(row, _last(states, message, message.content, "out")),
        "window_closes_at": message.window_closes_at or row.window_closes_at,
    }


@_on(published.MessagesRead)
def _messages_read(
    message: published.MessagesRead, row: StoredRow, states: States, event: Event
) -> Changed:
    """Unread is what the customer said after the message up to which was read."""
    up_to = states.of(CardRows).said_at.get(message.up_to, event.log_id)
    left = [log_id for log_id in row.unread_log_ids if log_id > up_to]
    if len(left) == len(row.unread_log_ids):
        return {}
    return {"unread": len(left), "unread_log_ids": left}


@FOLD.on(published.MessageEdited, published.MessageRevoked, published.MessageLinked)
def _said_otherwise(states: States, event: Event, message: published.MessageFact) -> None:
    """The preview follows its message."""
    messages, rows = states.of(MessageRows), states.of(CardRows).rows
    target = messages.target(message.message_id)
    for row in list(rows.values()):
        last = row.last_message
        if last is None or last.message_id is None or messages.target(last.message_id) != target:
            continue
        now = _as_it_is(last, messages)
        if now != last:
            rows[row.id] = changed(row, event, {"last_message": now})


def _last(
    states: States,
    message: published.MessageReceived | published.MessageQueued,
    content: PublishedContent,
    direction: Literal["in", "out"],
) -> LastMessage:
    last = LastMessage(
        message_id=message.message_id,
        at=message.occurred_at,
        direction=direction,
        type=content.type,
        text=_preview(content.text),
    )
    return _as_it_is(last, states.of(MessageRows))


def _as_it_is(last: LastMessage, messages: MessageRows) -> LastMessage:
    """The message after what became of it: an edit or a revocation may come first."""
    if last.message_id is None:
        return last
    status = messages.statuses.get(messages.target(last.message_id))
    if status is None:
        return last
    if status.revoked:
        return last.model_copy(update={"text": None, "revoked": True})
    if status.edited is None:
        return last
    return last.model_copy(update={"text": _preview(status.edited.value)})


def _preview(text: str | None) -> str | None:
    return None if text is None else text[:_PREVIEW_CHARACTERS]


def _newer(row: Row, last: LastMessage) -> LastMessage:
    """By Meta's instant; of two of one second the later one in the log."""
    if row.last_message is not None and row.last_message.at > last.at:
        return row.last_message
    return last
