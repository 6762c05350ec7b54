"""What arrives on Kafka becomes a call of a reaction; a repeat changes nothing (D13).

Keys of a batch are handled at the same time, so the coalescing writer stores them together.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from pydantic import ValidationError

from services.tickets.handlers.people import NobodyError
from services.tickets.handlers.reactions import Reactions
from shared.contracts.envelope import Message
from shared.contracts.inbound import INBOUND_TYPES, Item, Status
from shared.contracts.outbound import OUTBOUND_EVENTS_TYPES, Fate
from shared.contracts.topics import INBOUND_EVENTS, OUTBOUND_EVENTS
from shared.plumbing import failpoints, logs, metrics
from shared.plumbing.kafka import (
    Handler,
    Received,
    ServiceBroker,
    UnprocessableError,
    subscribe,
)
from shared.plumbing.parking import Parking
from shared.plumbing.settings import CommonSettings

GROUP: Final = "tickets"
AFTER_APPEND: Final = "tickets.after_append"
failpoints.FAILPOINTS.add(AFTER_APPEND)

_unknown = metrics.counter("unknown_types", "Messages of a newer producer, passed by", ["topic"])
_log = logs.get(__name__)
M = TypeVar("M", bound=Message)


def subscriptions(
    broker: ServiceBroker, settings: CommonSettings, reactions: Reactions, parking: Parking
) -> None:
    """Subscribe to inbound.events and outbound.events."""
    subscribe(
        broker,
        settings,
        topic=INBOUND_EVENTS.name,
        group=GROUP,
        instance=settings.instance,
        handle=on_message(INBOUND_TYPES, Item, reactions.when_inbound),
        parking=parking,
        commutes=is_status,
    )
    subscribe(
        broker,
        settings,
        topic=OUTBOUND_EVENTS.name,
        group=GROUP,
        instance=settings.instance,
        handle=on_message(OUTBOUND_EVENTS_TYPES, Fate, reactions.when_outbound),
        parking=parking,
        commutes=always,
    )


def is_status(received: Received) -> bool:
    """Statuses may pass what is parked: the highest wins in any order."""
    kind = INBOUND_TYPES.get(received.envelope.type)
    return kind is not None and issubclass(kind, Status)


def always(_: Received) -> bool:
    """Fates of messages commute, as statuses do."""
    return True


def on_message(
    types: Mapping[str, type[Message]], base: type[M], react: Callable[[M, str], Awaitable[None]]
) -> Handler:
    """Read the body, react; the offset follows when the whole batch is done."""

    async def handle(received: Received) -> None:
        kind = types.get(received.envelope.type)
        if kind is None or not issubclass(kind, base):
            _unknown.labels(topic=received.topic).inc()
            _log.warning("unknown type", topic=received.topic, type=received.envelope.type)
            return
        try:
            body = kind.read(received.body)
        except ValidationError as error:
            reason = "unreadable"
            raise UnprocessableError(reason) from error
        try:
            await react(body, received.envelope.correlation or received.envelope.id)
        except NobodyError as error:
            reason = "names_nobody"
            raise UnprocessableError(reason) from error
        failpoints.hit(AFTER_APPEND)

    return handle
