"""A message of tickets.events, from the topic or from the feed, as an Event."""

from services.projections.domain.events import Event
from shared.contracts.internal_api import FeedEvent
from shared.contracts.tickets import TICKETS_EVENTS_TYPES
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing.kafka import Received, UnprocessableError
from shared.plumbing.partitions import partition_of


def from_topic(received: Received) -> Event:
    """The event of a message; raises UnprocessableError when its headers lack what we need."""
    envelope = received.envelope
    if (
        envelope.account is None
        or envelope.stream is None
        or envelope.version is None
        or envelope.position is None
    ):
        reason = "headers_missing"
        raise UnprocessableError(reason)
    epoch, _, log_id = envelope.position.partition(".")
    kind = TICKETS_EVENTS_TYPES.get(envelope.type)
    return Event(
        partition=received.partition,
        epoch=int(epoch),
        log_id=int(log_id),
        account_id=envelope.account,
        stream=envelope.stream,
        version=envelope.version,
        time=envelope.time,
        message=None if kind is None else kind.read(received.body),
        offset=received.offset,
    )


def from_feed(event: FeedEvent) -> Event:
    """The event of a line of the feed."""
    epoch, _, log_id = event.position.partition(".")
    kind = TICKETS_EVENTS_TYPES.get(event.type)
    return Event(
        partition=partition_of(event.key.encode(), TICKETS_EVENTS.partitions),
        epoch=int(epoch),
        log_id=int(log_id),
        account_id=event.account,
        stream=event.stream,
        version=event.version,
        time=event.time,
        message=None if kind is None else kind.read(event.body.encode()),
    )
