"""Which topics does outbound consume? Commands, and inbound items in its own group."""

from services.outbound.handlers.enqueue import Enqueue
from services.outbound.handlers.settle import Settle
from services.outbound.settings import Settings
from shared.contracts.topics import INBOUND_EVENTS, OUTBOUND_COMMANDS
from shared.plumbing.kafka import Received, ServiceBroker, make_broker, subscribe
from shared.plumbing.parking import Parking

_GROUP = "outbound"


def consumers(
    settings: Settings, parking: Parking, enqueue: Enqueue, settle: Settle
) -> ServiceBroker:
    """The broker with both subscriptions; statuses and windows commute, commands do not."""
    broker = make_broker(settings, _GROUP)
    subscribe(
        broker,
        settings,
        topic=OUTBOUND_COMMANDS.name,
        group=_GROUP,
        instance=settings.instance,
        handle=enqueue.handle,
        handle_batch=enqueue.handle_batch,
        parking=parking,
    )
    subscribe(
        broker,
        settings,
        topic=INBOUND_EVENTS.name,
        group=_GROUP,
        instance=settings.instance,
        handle=settle.handle,
        handle_batch=settle.handle_batch,
        parking=parking,
        commutes=_always,
        gather_ms=100,  # statuses and instants of the window: nobody waits for them
    )
    return broker


def _always(_: Received) -> bool:
    return True
