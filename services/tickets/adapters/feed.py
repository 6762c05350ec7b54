"""Pages of the log as the relay publishes it (D6)."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.tickets.adapters.published import to_fact
from services.tickets.storage.contract import StoredEvent
from services.tickets.storage.store import EventStore
from shared.contracts.internal_api import FeedEvent, FeedPage
from shared.plumbing.kafka import Outgoing

_PAGE_BYTES: Final = 8 * 1024 * 1024  # of bodies; one event at least


class Feed:
    """Reads the log for consumers that are behind Kafka, or miss a version."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def after(self, log_id: int, limit: int) -> FeedPage:
        """The whole log, ids above `log_id`. Raises UnknownKeyError."""
        epoch, head = await self._store.epoch(), await self._store.head()
        return _page(await self._store.log(log_id, limit), epoch, head, log_id)

    async def stream(self, stream: UUID, from_version: int, limit: int) -> FeedPage:
        """One stream, from this version on. Raises UnknownKeyError."""
        epoch, head = await self._store.epoch(), await self._store.head()
        return _page(await self._store.stream(stream, from_version, limit), epoch, head, 0)


def _page(found: Sequence[StoredEvent], epoch: int, head: int, after: int) -> FeedPage:
    events: list[FeedEvent] = []
    size = 0
    for stored in found:
        fact = to_fact(stored, epoch)
        size += len(fact.body)
        if events and size > _PAGE_BYTES:
            break
        events.append(_as_told(stored, fact))
        after = stored.log_id
    return FeedPage(epoch=epoch, events=events, next_after=after, head=max(head, after))


def _as_told(stored: StoredEvent, fact: Outgoing) -> FeedEvent:
    envelope = fact.envelope
    return FeedEvent(
        key=fact.key.decode(),
        id=envelope.id,
        type=envelope.type,
        source=envelope.source,
        time=envelope.time,
        subject=envelope.subject,
        account=stored.account,
        position=envelope.position or "",
        stream=stored.stream,
        version=stored.version,
        causation=envelope.causation,
        correlation=envelope.correlation,
        actor=envelope.actor,
        body=fact.body.decode(),
    )
