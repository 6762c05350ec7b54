"""What arrives on Kafka becomes a call of a handler; a repeat changes nothing (D13).

Keys of a batch are handled at the same time, so the coalescing writer stores them together.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

from pydantic import ValidationError

from services.tickets.adapters.positions import kafka_key
from services.tickets.handlers.contact_resolution import NobodyError
from services.tickets.handlers.flow_commands import FlowCommandHandler
from services.tickets.handlers.inbound import InboundHandler
from shared.contracts.envelope import Envelope, Message
from shared.contracts.inbound import INBOUND_TYPES, Item, Status
from shared.contracts.outbound import OUTBOUND_EVENTS_TYPES, Fate
from shared.contracts.ticket_commands import (
    TICKETS_COMMANDS_TYPES,
    CommandReplied,
    TicketCommand,
)
from shared.contracts.topics import (
    INBOUND_EVENTS,
    OUTBOUND_EVENTS,
    TICKETS_COMMANDS,
    TICKETS_REPLIES,
)
from shared.plumbing import failpoints, logs, metrics
from shared.plumbing.kafka import (
    Handler,
    Outgoing,
    Producer,
    Received,
    UnprocessableError,
    subscribe,
)
from shared.plumbing.parking import Parking
from shared.plumbing.service import Service

GROUP: Final = "tickets"
AFTER_APPEND: Final = "tickets.after_append"
BEFORE_REPLY: Final = "tickets.before_reply"
failpoints.FAILPOINTS.update({AFTER_APPEND, BEFORE_REPLY})

_unknown = metrics.counter("unknown_types", "Messages of a newer producer, passed by", ["topic"])
_log = logs.get(__name__)
M = TypeVar("M", bound=Message)


def subscriptions(
    service: Service,
    arrivals: InboundHandler,
    flow_commands: FlowCommandHandler,
    parking: Parking,
) -> None:
    """Subscribe to inbound.events, outbound.events and tickets.commands."""
    broker, settings = service.broker, service.settings
    subscribe(
        broker,
        settings,
        topic=INBOUND_EVENTS.name,
        group=GROUP,
        instance=settings.instance,
        handle=on_message(INBOUND_TYPES, Item, arrivals.when_inbound),
        parking=parking,
        commutes=is_status,
    )
    subscribe(
        broker,
        settings,
        topic=OUTBOUND_EVENTS.name,
        group=GROUP,
        instance=settings.instance,
        handle=on_message(OUTBOUND_EVENTS_TYPES, Fate, arrivals.when_outbound),
        parking=parking,
        gather_ms=25,
        commutes=always,
    )
    subscribe(
        broker,
        settings,
        topic=TICKETS_COMMANDS.name,
        group=GROUP,
        instance=settings.instance,
        handle=on_message(
            TICKETS_COMMANDS_TYPES, TicketCommand, replying(flow_commands, service.producer)
        ),
        parking=parking,
    )


def replying(
    flow_commands: FlowCommandHandler, producer: Producer
) -> Callable[[TicketCommand, str], Awaitable[None]]:
    """Judge a command and reply; the reply is acknowledged before the offset is committed (D5)."""

    async def react(command: TicketCommand, correlation: str) -> None:
        reply = await flow_commands.handle(command, correlation)
        failpoints.hit(BEFORE_REPLY)
        await producer.send_all([to_reply(reply, correlation)])

    return react


def to_reply(reply: CommandReplied, correlation: str) -> Outgoing:
    """The message of tickets.replies: the same reply, the same id."""
    envelope = Envelope(
        id=f"{reply.command_id}-reply",
        type=reply.TYPE,
        source=GROUP,
        time=reply.occurred_at,
        subject=str(reply.ticket_id),
        account=reply.account_id,
        causation=str(reply.command_id),
        correlation=correlation,
        actor="bot",
    )
    return Outgoing(TICKETS_REPLIES.name, kafka_key(reply.contact_id), envelope, reply.body())


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
