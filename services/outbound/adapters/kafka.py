"""Subscriptions of outbound: commands, and inbound items in a group of its own."""

import asyncio

from services.outbound.handlers.enqueue import Enqueue
from services.outbound.handlers.ports import Hashes, Store
from services.outbound.handlers.statuses import Settle
from services.outbound.settings import Settings
from shared.contracts.topics import INBOUND_EVENTS, OUTBOUND_COMMANDS
from shared.plumbing.kafka import Received, ServiceBroker, subscribe
from shared.plumbing.parking import Parking

_GROUP = "outbound"


def subscriptions(
    broker: ServiceBroker,
    settings: Settings,
    parking: Parking,
    store: Store,
    hashes: Hashes,
    wake: asyncio.Event,
    media_wake: asyncio.Event,
) -> None:
    """Subscribe to both; statuses and windows commute, commands do not."""
    enqueue = Enqueue(store, hashes, wake, media_wake)
    settle = Settle(store, hashes, wake)
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


def _always(_: Received) -> bool:
    return True
