"""Kafka with safe defaults: at least once, order per key, nothing dropped (broker.md 4, D13)."""

from shared.plumbing.kafka.broker import (
    ServiceBroker,
    StuckConsumerError,
    make_broker,
    start_when_ready,
    subscribe,
    watch,
)
from shared.plumbing.kafka.headers import UnreadableHeadersError, from_headers, to_headers
from shared.plumbing.kafka.messages import (
    BatchHandler,
    Handler,
    Outgoing,
    ParkingPlace,
    Received,
    never,
)
from shared.plumbing.kafka.producer import MessageTooLargeError, Producer, PublishFailedError
from shared.plumbing.kafka.topics import WrongPartitionsError, missing_topics
from shared.plumbing.transient import UnprocessableError

__all__ = [
    "BatchHandler",
    "Handler",
    "MessageTooLargeError",
    "Outgoing",
    "ParkingPlace",
    "Producer",
    "PublishFailedError",
    "Received",
    "ServiceBroker",
    "StuckConsumerError",
    "UnprocessableError",
    "UnreadableHeadersError",
    "WrongPartitionsError",
    "from_headers",
    "make_broker",
    "missing_topics",
    "never",
    "start_when_ready",
    "subscribe",
    "to_headers",
    "watch",
]
