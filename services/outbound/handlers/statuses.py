"""Statuses meet their rows in any order, and whoever writes opens their window (protocols.md 7)."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import ValidationError

from services.outbound.domain.fate import Change, told
from services.outbound.domain.queue_row import Kind, QueueRow
from services.outbound.domain.window import identities
from services.outbound.handlers.ports import Hashes, Store, Work
from shared.contracts.envelope import registry_of
from shared.contracts.inbound import SAYINGS, STATUSES, InboundMessage, Status
from shared.plumbing import logs, metrics
from shared.plumbing.kafka import Received, UnprocessableError

_OURS: Final = registry_of(*SAYINGS, *STATUSES)
_statuses = metrics.counter("outbound_statuses", "Statuses that carry our id", ["joined"])
_second_wamids = metrics.counter("outbound_second_wamids", "Messages that Meta accepted twice")
_log = logs.get(__name__)


class Settle:
    """Handles inbound.events; statuses without our id are tickets' business."""

    def __init__(self, store: Store, hashes: Hashes, wake: asyncio.Event) -> None:
        self._store = store
        self._hashes = hashes
        self._wake = wake  # set when the next of a conversation may be sent

    async def handle(self, received: Received) -> None:
        """One message."""
        await self.handle_batch([received])

    async def handle_batch(self, batch: Sequence[Received]) -> None:
        """All or nothing; repeats do nothing."""
        items = [item for received in batch if (item := _read(received))]
        statuses = [
            (message_id, item)
            for item in items
            if isinstance(item, Status) and (message_id := _our_id(item)) is not None
        ]
        heard = self._heard(items)
        if not statuses and not heard:
            return
        now = max(received.envelope.time for received in batch)
        async with self._store.begin() as work:
            if heard:
                await work.heard(heard)
            if statuses:
                await self._join(work, statuses, now)
        if statuses:
            self._wake.set()

    async def _join(
        self, work: Work, statuses: Sequence[tuple[UUID, Status]], now: datetime
    ) -> None:
        rows = await work.locked({message_id for message_id, _ in statuses})
        changes = [
            fold(rows[message_id], given, self._hashes)
            for message_id, given in _grouped(statuses).items()
            if message_id in rows
        ]
        await work.save([change for change in changes if change is not None])
        orphans = [(id_, status) for id_, status in statuses if id_ not in rows]
        await work.keep_orphans(orphans, now)
        _statuses.labels(joined="yes").inc(len(statuses) - len(orphans))
        _statuses.labels(joined="no").inc(len(orphans))

    def _heard(
        self, items: Sequence[Status | InboundMessage]
    ) -> Mapping[tuple[UUID, bytes], datetime]:
        found: dict[tuple[UUID, bytes], datetime] = {}
        for item in items:
            if isinstance(item, Status) or item.group_id is not None:
                continue
            for name in identities(item.sender.phone, item.sender.user_id):
                hashed = self._hashes.identity(item.account_id, item.connection_id, name)
                key = (item.connection_id, hashed)
                found[key] = max(item.occurred_at, found.get(key, item.occurred_at))
        return found


def fold(row: QueueRow, statuses: Sequence[Status], hashes: Hashes) -> Change | None:
    """The row after these statuses; None when they say nothing new."""
    if row.kind is not Kind.SEND or any(s.account_id != row.account_id for s in statuses):
        _log.error("status of another account, or of a receipt", message=row.message_id)
        return None
    after, facts = row, ()
    for status in statuses:
        hashed = hashes.wamid(status.account_id, status.connection_id, status.wamid)
        change = told(after, status, hashed)
        if change.second_wamid:
            alarm_second_wamid(row.message_id)
        after, facts = change.row, (*facts, *change.facts)
    return None if after == row else Change(after, facts)


def alarm_second_wamid(message_id: UUID) -> None:
    """One message has two names at Meta: somebody got it twice."""
    _second_wamids.inc()
    _log.error("accepted twice", message=message_id)


def _grouped(statuses: Sequence[tuple[UUID, Status]]) -> Mapping[UUID, list[Status]]:
    grouped: dict[UUID, list[Status]] = {}
    for message_id, status in statuses:
        grouped.setdefault(message_id, []).append(status)
    return grouped


def _read(received: Received) -> Status | InboundMessage | None:
    kind = _OURS.get(received.envelope.type)
    if kind is None:
        return None
    try:
        item = kind.read(received.body)
    except ValidationError as error:
        reason = "unreadable"
        raise UnprocessableError(reason) from error
    return item if isinstance(item, Status | InboundMessage) else None


def _our_id(status: Status) -> UUID | None:
    try:
        return None if status.opaque_id is None else UUID(status.opaque_id)
    except ValueError:
        return None  # another application's
