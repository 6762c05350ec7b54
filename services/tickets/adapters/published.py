"""Translate a stored event to tickets.events and to commands for outbound.

Nothing is looked up (protocols.md 3). The contracts decide what leaves the store: a field that the
published type does not name stays private. Every version is published; what cannot be told goes as
`tickets.Internal.v1`, counted, so that no stream has a gap.
"""

from collections.abc import Mapping
from typing import Final, cast
from uuid import uuid5

from pydantic import ValidationError

from services.tickets.adapters.positions import kafka_key
from services.tickets.domain.catalogue import EVENTS
from services.tickets.domain.content import Content
from services.tickets.domain.conversation import events as conversation
from services.tickets.domain.ticket import events as ticket
from services.tickets.handlers.content_mapping import from_stored
from services.tickets.storage.contract import StoredEvent
from shared.contracts import outbound, tickets
from shared.contracts.content import SENDABLE, PublishedContent, SendableContent
from shared.contracts.envelope import Envelope, Message
from shared.contracts.topics import OUTBOUND_COMMANDS, TICKETS_EVENTS
from shared.plumbing import logs, metrics
from shared.plumbing.kafka import Outgoing
from shared.plumbing.kafka.messages import LARGEST_MESSAGE_BYTES

SOURCE: Final = "tickets"
ERASED: Final = PublishedContent(type="erased")
"""Stands where something was said by or to a person who was forgotten (D10)."""
_ROOM_BYTES: Final = 8 * 1024  # key and headers
_LARGEST_BODY_BYTES: Final = LARGEST_MESSAGE_BYTES - _ROOM_BYTES

PRIVATE: Final = frozenset({conversation.FlowAcknowledged, ticket.TicketUnclaimed})
"""Stored events that no reader asks for."""

PUBLISHED: Final[Mapping[type, type[Message]]] = {
    kind: tickets.TICKETS_EVENTS_TYPES[f"{topic}.v1"]
    for topic, kind in EVENTS.items()
    if kind not in PRIVATE
}
"""The published type has the stored event's name."""

_withheld = metrics.counter(
    "unpublishable_events", "Versions of which something was not told: look why", ["reason"]
)
_log = logs.get(__name__)


def to_messages(stored: StoredEvent, epoch: int) -> list[Outgoing]:
    """All that the relay produces for one event: the fact, then an order for outbound."""
    order = to_order(stored)
    fact = to_fact(stored, epoch)
    return [fact] if order is None else [fact, order]


def to_fact(stored: StoredEvent, epoch: int) -> Outgoing:
    """The message of tickets.events for one version of a stream."""
    kind, body = _told(stored)
    envelope = Envelope(
        id=f"{stored.stream}-{stored.version}",
        type=kind.TYPE,
        source=SOURCE,
        time=stored.meta.recorded_at,
        subject=str(stored.stream),
        account=stored.account,
        position=f"{epoch}.{stored.log_id}",
        stream=stored.stream,
        version=stored.version,
        causation=str(stored.meta.command_id),
        correlation=stored.meta.correlation,
        actor=stored.meta.actor,
    )
    return Outgoing(TICKETS_EVENTS.name, kafka_key(stored.key), envelope, body)


def to_order(stored: StoredEvent) -> Outgoing | None:
    """The message of outbound.commands, when the event asks for something to be sent."""
    match stored.event:
        case conversation.MessageQueued():
            order = _send_message(stored, stored.event)
        case conversation.MessageReceived():
            order = _fetch_media(stored, stored.event)
        case conversation.MessagesRead():
            order = _send_receipt(stored, stored.event)
        case conversation.MessageCancelRequested():
            order = _cancel_send(stored, stored.event)
        case _:
            return None
    return None if order is None else _order(stored, order)


def _told(stored: StoredEvent) -> tuple[type[Message], bytes]:
    if type(stored.event) in PRIVATE:
        return tickets.Internal, tickets.Internal().body()
    kind = PUBLISHED.get(type(stored.event))
    if kind is None:
        return _internal(stored, "unreadable")
    try:
        body = _body(kind, stored.event)
    except ValidationError:
        return _internal(stored, "untranslatable")
    return _internal(stored, "too_large") if len(body) > _LARGEST_BODY_BYTES else (kind, body)


def _internal(stored: StoredEvent, reason: str) -> tuple[type[Message], bytes]:
    _alarm(stored, reason)
    return tickets.Internal, tickets.Internal().body()


def _alarm(stored: StoredEvent, reason: str) -> None:
    _withheld.labels(reason=reason).inc()
    _log.error(
        "event withheld",
        stream=stored.stream,
        version=stored.version,
        position=stored.log_id,
        reason=reason,
    )


def _body(kind: type[Message], event: object) -> bytes:
    match event:
        case conversation.MessageReceived(content=None) | conversation.MessageQueued(content=None):
            return _forgotten(kind, event)
        case _:
            return kind.model_validate(event, from_attributes=True).body()


def _forgotten(
    kind: type[Message], event: conversation.MessageReceived | conversation.MessageQueued
) -> bytes:
    fields = {name: getattr(event, name) for name in kind.model_fields if name != "content"}
    return kind.model_validate({**fields, "content": ERASED}, from_attributes=True).body()


def _send_message(
    stored: StoredEvent, event: conversation.MessageQueued
) -> outbound.SendMessage | None:
    if event.content is None or event.recipient is None:
        return None  # forgotten before it was sent
    content = _sendable(stored, event.content)
    if content is None:
        return None
    to = event.recipient
    return outbound.SendMessage(
        message_id=event.message_id,
        account_id=stored.account,
        contact_id=event.contact_id,
        connection_id=event.connection_id,
        conversation_id=event.conversation_id,
        ticket_id=event.ticket_id,
        recipient=outbound.Recipient(phone=to.phone, user_id=to.user_id),
        content=content,
        reply_to_wamid=event.reply_to_wamid,
        automatic=event.automatic,
        window_closes_at=event.window_closes_at,
        after=event.after,
        queued_at=event.occurred_at,
    )


def _sendable(stored: StoredEvent, said: Content) -> SendableContent | None:
    """What was said, as outbound takes it; what it cannot take stops nobody else: an alarm."""
    content = from_stored(said)
    if content.type in SENDABLE:
        return cast("SendableContent", content)
    _alarm(stored, "not_orderable")
    return None


def _fetch_media(
    stored: StoredEvent, event: conversation.MessageReceived
) -> outbound.FetchMedia | None:
    media = None if event.content is None else event.content.media
    if media is None or not media.id:
        return None
    return outbound.FetchMedia(
        message_id=event.message_id,
        account_id=stored.account,
        contact_id=event.contact_id,
        connection_id=event.connection_id,
        conversation_id=event.conversation_id,
        ticket_id=event.ticket_id,
        provider_id=media.id,
        mime_type=media.mime_type,
        sha256=media.sha256,
        requested_at=stored.meta.recorded_at,
    )


def _send_receipt(
    stored: StoredEvent, event: conversation.MessagesRead
) -> outbound.SendReadReceipt | None:
    if not event.receipt or event.wamid is None:
        return None
    return outbound.SendReadReceipt(
        receipt_id=uuid5(stored.stream, str(stored.version)),
        account_id=stored.account,
        contact_id=event.contact_id,
        connection_id=event.connection_id,
        wamid=event.wamid,
        read_at=event.occurred_at,
    )


def _cancel_send(
    stored: StoredEvent, event: conversation.MessageCancelRequested
) -> outbound.CancelSend:
    return outbound.CancelSend(
        message_id=event.message_id,
        account_id=stored.account,
        contact_id=event.contact_id,
        connection_id=event.connection_id,
        reason=event.reason,
        requested_at=event.occurred_at,
    )


def _order(
    stored: StoredEvent,
    order: outbound.SendMessage
    | outbound.SendReadReceipt
    | outbound.CancelSend
    | outbound.FetchMedia,
) -> Outgoing:
    """Without stream and version: outbound.commands is no gapless stream (protocols.md 4)."""
    envelope = Envelope(
        id=f"{stored.stream}-{stored.version}-order",
        type=order.TYPE,
        source=SOURCE,
        time=stored.meta.recorded_at,
        subject=str(stored.stream),
        account=stored.account,
        causation=str(stored.meta.command_id),
        correlation=stored.meta.correlation,
        actor=stored.meta.actor,
    )
    return Outgoing(OUTBOUND_COMMANDS.name, kafka_key(stored.key), envelope, order.body())
