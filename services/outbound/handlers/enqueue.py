"""A command becomes a row before Kafka is acknowledged: a slow number blocks no partition (D8)."""

import asyncio
from collections.abc import Sequence

from pydantic import ValidationError

from services.outbound.domain.media import MediaRow
from services.outbound.domain.window import identities
from services.outbound.handlers.cancel import cancel
from services.outbound.handlers.fetch_media import fetched_later
from services.outbound.handlers.ports import Hashes, Queued, Store
from shared.contracts.outbound import (
    OUTBOUND_COMMANDS_TYPES,
    CancelSend,
    FetchMedia,
    SendMessage,
    SendReadReceipt,
)
from shared.plumbing import metrics
from shared.plumbing.kafka import Received, UnprocessableError

_queued = metrics.counter("outbound_queued", "Rows that were new")
_ignored = metrics.counter("outbound_ignored", "Messages of an unknown type", ["topic"])


class Enqueue:
    """Handles outbound.commands; sets `wake` when something may be sent, `media_wake` for files."""

    def __init__(
        self, store: Store, hashes: Hashes, wake: asyncio.Event, media_wake: asyncio.Event
    ) -> None:
        self._store = store
        self._hashes = hashes
        self._wake = wake
        self._media_wake = media_wake

    async def handle(self, received: Received) -> None:
        """One message."""
        await self.handle_batch([received])

    async def handle_batch(self, batch: Sequence[Received]) -> None:
        """All or nothing, in this order; a repeat does nothing."""
        found = [read for received in batch if (read := self._read(received))]
        if not found:
            return
        queued = [each for each in found if isinstance(each, Queued)]
        fetches = [each for each in found if isinstance(each, MediaRow)]
        uploads = [(each.media_id, each.command.connection_id) for each in queued if each.media_id]
        async with self._store.begin() as work:
            await work.meet(each.command.connection_id for each in queued)
            new = await work.insert(queued)
            await work.want_uploads(uploads)
            await work.insert_media(fetches)
            await cancel(work, [each for each in found if isinstance(each, CancelSend)])
        _queued.inc(new)
        self._wake.set()
        if fetches or uploads:
            self._media_wake.set()

    def _read(self, received: Received) -> Queued | CancelSend | MediaRow | None:
        kind = OUTBOUND_COMMANDS_TYPES.get(received.envelope.type)
        if kind is None:
            _ignored.labels(topic=received.topic).inc()
            return None
        try:
            command = kind.read(received.body)
        except ValidationError as error:
            reason = "unreadable"
            raise UnprocessableError(reason) from error
        if isinstance(command, SendMessage):
            names = self._identities(command)
            return Queued(command, received.key, names, received.envelope.correlation)
        if isinstance(command, SendReadReceipt):
            return Queued(command, received.key, (), received.envelope.correlation)
        if isinstance(command, FetchMedia):
            return fetched_later(command, received.key, received.envelope.correlation)
        return command if isinstance(command, CancelSend) else None

    def _identities(self, command: SendMessage) -> tuple[bytes, ...]:
        names = identities(command.recipient.phone, command.recipient.user_id)
        return tuple(
            self._hashes.identity(command.account_id, command.connection_id, name) for name in names
        )
