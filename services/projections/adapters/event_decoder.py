"""Decode a message of tickets.events, from the topic or from the feed, into an Event."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

from services.projections.domain.events import Event
from services.projections.domain.positions import Progress
from services.projections.handlers.ports import Delivery
from shared.contracts.envelope import Message
from shared.contracts.internal_api import FeedEvent
from shared.contracts.tickets import TICKETS_EVENTS_TYPES
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.feed import as_received, as_record
from shared.plumbing.kafka import Received, UnprocessableError
from shared.plumbing.kafka.consumption import read
from shared.plumbing.kafka.messages import Record

_BODY: Final = "body_unreadable"


def from_kafka(record: Record) -> Delivery:
    """What a record of the topic brings, readable or not."""
    event = None
    received = read(record, TICKETS_EVENTS.name)
    if received is not None:
        with suppress(UnprocessableError):
            event = from_topic(received)
    progress = (
        Progress(record.partition, 0, 0, record.offset) if event is None else _progress(event)
    )
    return Delivery(record.key or b"", progress, event, lambda: record)


def from_topic(received: Received) -> Event:
    """The event of a message; raises UnprocessableError when its headers lack what we need."""
    envelope = received.envelope
    if envelope.account is None or envelope.stream is None or envelope.version is None:
        reason = "headers_missing"
        raise UnprocessableError(reason)
    epoch, log_id = _position(envelope.position or "")
    message, fault = _read(envelope.type, received.body)
    return Event(
        partition=received.partition,
        epoch=epoch,
        log_id=log_id,
        account_id=envelope.account,
        stream=envelope.stream,
        version=envelope.version,
        time=envelope.time,
        message=message,
        offset=received.offset,
        fault=fault,
        correlation=envelope.correlation,
    )


def delivered(event: FeedEvent) -> Delivery:
    """What a line of the feed brings."""
    found = event_of(event)
    return Delivery(
        event.key.encode(), _progress(found), found, lambda: as_record(as_received(event))
    )


def event_of(event: FeedEvent) -> Event:
    """The event of a line of the feed, which has no offset; raises UnprocessableError."""
    return replace(from_topic(as_received(event)), offset=None)


def _position(position: str) -> tuple[int, int]:
    epoch, _, log_id = position.partition(".")
    try:
        return int(epoch), int(log_id)
    except ValueError as error:
        reason = "headers_missing"
        raise UnprocessableError(reason) from error


def _read(type_: str, body: bytes | str) -> tuple[Message | None, str | None]:
    """The message, None of a type that we do not know; and why it does not read."""
    kind = TICKETS_EVENTS_TYPES.get(type_)
    try:
        return None if kind is None else kind.model_validate_json(body), None
    except ValueError:
        return None, _BODY


def _progress(event: Event) -> Progress:
    return Progress(event.partition, event.epoch, event.log_id, event.offset)
