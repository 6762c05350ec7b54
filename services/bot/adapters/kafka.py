"""Subscriptions of the bot: tickets.events and tickets.replies, in its own group."""

from services.bot.handlers.replies import Replies
from services.bot.handlers.ticket_events import TicketEvents
from services.bot.settings import Settings
from shared.contracts.topics import TICKETS_EVENTS, TICKETS_REPLIES
from shared.plumbing.kafka import ServiceBroker, make_broker, subscribe
from shared.plumbing.parking import Parking

_GROUP = "bot"
_BATCH_RECORDS = 128


def consumers(
    settings: Settings, parking: Parking, ticket_events: TicketEvents, replies: Replies
) -> ServiceBroker:
    """The broker with both subscriptions."""
    broker = make_broker(settings, _GROUP)
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
    return broker
