"""Subscriptions of the bot: tickets.events and tickets.replies, in its own group."""

from services.bot.handlers.replies import Replies
from services.bot.handlers.ticket_events import TicketEvents
from shared.contracts.topics import TICKETS_EVENTS, TICKETS_REPLIES
from shared.plumbing.kafka import subscribe
from shared.plumbing.parking import Parking
from shared.plumbing.service import Service

_GROUP = "bot"
_BATCH_RECORDS = 128


def subscriptions(
    service: Service, parking: Parking, ticket_events: TicketEvents, replies: Replies
) -> None:
    """Subscribe to both topics."""
    broker, settings = service.broker, service.settings
    subscribe(
        broker,
        settings,
        topic=TICKETS_EVENTS.name,
        group=_GROUP,
        instance=settings.instance,
        handle=ticket_events.handle,
        handle_batch=ticket_events.handle_batch,
        parking=parking,
        gather_ms=25,  # everything of every ticket comes by, and little of it is the bot's
        batch_records=_BATCH_RECORDS,
    )
    subscribe(
        broker,
        settings,
        topic=TICKETS_REPLIES.name,
        group=_GROUP,
        instance=settings.instance,
        handle=replies.handle,
        parking=parking,
        batch_records=_BATCH_RECORDS,
    )
