"""What does a ticket's card look like after an event? Folded for all views at once."""

from datetime import datetime
from functools import singledispatch
from typing import Any, Final

from services.projections.domain.events import Event
from shared.contracts import tickets as published
from shared.contracts.envelope import Message
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


def fold(row: Row, event: Event) -> Row:
    """The row after an event that concerns its ticket."""
    message = event.message
    if message is None:
        return row
    changed = _changes(message, row)
    if isinstance(message, published.TicketFact):
        changed["version"] = event.version
    if not changed:
        return row
    lifecycle = changed.get("lifecycle", row.lifecycle)
    place: Changed = {"view": _VIEWS[lifecycle], "position": event.position}
    return row.model_copy(update={**changed, **place})


def sort_at(row: Row) -> datetime:
    """Aguardando: waiting since; the others: last activity."""
    if row.view == "aguardando":
        return row.waiting_since or row.opened_at
    said = row.last_message.at if row.last_message else row.opened_at
    return max(said, row.closed_at or row.opened_at)


def seen(row: Row) -> Seen:
    """Where the row stands."""
    return Seen(view=row.view, sector_id=row.sector_id, owner_id=row.owner_id)


@singledispatch
def _changes(_message: Message, _row: Row) -> Changed:
    return {}


@_changes.register
def _(message: published.SectorAssigned, _: Row) -> Changed:
    return {"sector_id": message.sector_id}


@_changes.register
def _(_message: published.FlowSessionStarted, _: Row) -> Changed:
    return {"lifecycle": "bot", "owner_id": None, "waiting_since": None}


@_changes.register
def _(message: published.TicketQueued, _: Row) -> Changed:
    return {"lifecycle": "waiting", "owner_id": None, "waiting_since": message.occurred_at}


@_changes.register
def _(message: published.TicketAccepted, row: Row) -> Changed:
    return {
        "lifecycle": "attending",
        "owner_id": message.owner_id,
        "sector_id": message.sector_id or row.sector_id,
        "waiting_since": None,
    }


@_changes.register
def _(message: published.OwnerReleased, _: Row) -> Changed:
    return {"lifecycle": "waiting", "owner_id": None, "waiting_since": message.occurred_at}


@_changes.register
def _(message: published.TicketClosed, _: Row) -> Changed:
    return {
        "lifecycle": "closed",
        "closed_at": message.occurred_at,
        "owner_id": None,  # only attending and paused have one (domain.md 2.8, 2)
        "waiting_since": None,
    }


@_changes.register
def _(message: published.TicketReopened, _: Row) -> Changed:
    waits = message.lifecycle == "waiting"
    return {
        "lifecycle": message.lifecycle,
        "closed_at": None,
        "owner_id": None,
        "waiting_since": message.occurred_at if waits else None,
    }


@_changes.register
def _(message: published.MessageReceived, row: Row) -> Changed:
    return {
        "last_message": _newer(row, message.occurred_at, "in", message.content),
        "unread": row.unread + 1,
        "window_closes_at": max(
            message.window_closes_at, row.window_closes_at or message.window_closes_at
        ),
    }


@_changes.register
def _(message: published.MessageQueued, row: Row) -> Changed:
    return {
        "last_message": _newer(row, message.occurred_at, "out", message.content),
        "window_closes_at": message.window_closes_at or row.window_closes_at,
    }


@_changes.register
def _(_message: published.MessagesRead, row: Row) -> Changed:
    return {"unread": 0} if row.unread else {}


def _newer(row: Row, at: datetime, direction: str, content: Content) -> LastMessage:
    if row.last_message is not None and row.last_message.at > at:
        return row.last_message
    text = None if content.text is None else content.text[:_PREVIEW_CHARACTERS]
    return LastMessage.model_validate(
        {"at": at, "direction": direction, "type": content.type, "text": text}
    )
