"""Files of customers are fetched from Meta before it forgets them, and kept."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from services.outbound.domain.media import (
    FETCH_FOR,
    Direction,
    MediaRow,
    MediaState,
    checksum,
    media_id_of,
)
from services.outbound.handlers.media_ports import (
    ContactErasedError,
    FetchFailedError,
    GraphMedia,
)
from services.outbound.handlers.media_storage import FileTooLargeError, Intake, MediaStorage
from services.outbound.handlers.ports import Numbers, Store
from shared.contracts.outbound import FetchMedia, MediaStored, MediaUnavailable
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat

_AT_ONCE: Final = 4
_LEASE: Final = timedelta(minutes=5)  # longer than the deadline of a download
_LONGEST_PAUSE_SECONDS: Final = 600.0
_LONGEST_DOUBLING: Final = 10  # a float ends at 2 ** 1024, which a row may reach in its 7 days
_CHECKSUM_ATTEMPTS: Final = 3

_fetches = metrics.counter("outbound_media_fetches", "Attempts to fetch a file", ["result"])
_log = logs.get(__name__)


class MediaFetcher:
    """Fetches what is due, a few at once."""

    def __init__(
        self,
        store: Store,
        storage: MediaStorage,
        graph: GraphMedia,
        numbers: Numbers,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._storage = storage
        self._graph = graph
        self._numbers = numbers
        self._now = now

    async def turn(self, beat: Heartbeat) -> None:
        """A body for Loops: until nothing is due."""
        while rows := await self._claim():
            async with asyncio.TaskGroup() as group:
                for row in rows:
                    group.create_task(self._one(row, beat))

    async def _claim(self) -> Sequence[MediaRow]:
        async with self._store.begin() as work:
            return await work.claim_fetches(self._numbers.ready(), _AT_ONCE, _LEASE)

    async def _one(self, row: MediaRow, beat: Heartbeat) -> None:
        try:
            stored = await self._fetch(row, beat)
        except FetchFailedError as error:
            await self._failed(row, error.reason, final=error.final)
        except FileTooLargeError:
            await self._failed(row, "too_large", final=True)
        except ContactErasedError:
            await self._failed(row, "contact_erased", final=True)
        except Exception as error:  # noqa: BLE001  tickets, the object store: whatever is away
            _log.warning("fetch broke", media=row.id, error=type(error).__name__)
            await self._failed(row, "storage", final=False)
        else:
            await self._stored(stored)

    async def _fetch(self, row: MediaRow, beat: Heartbeat) -> MediaRow:
        number = self._numbers.get(row.connection_id)
        if number is None or row.provider_id is None:
            reason = "number_away"
            raise FetchFailedError(reason)

        def check(intake: Intake) -> None:
            if row.sha256 not in {None, intake.sha256}:
                reason = "checksum_mismatch"
                raise FetchFailedError(reason, final=row.attempts >= _CHECKSUM_ATTEMPTS)

        async with self._graph.download(number, row.provider_id, beat.beat) as chunks:
            return await self._storage.take(row, chunks, check)

    async def _stored(self, row: MediaRow) -> None:
        async with self._store.begin() as work:
            ours = await work.save_media(row)
            if ours:
                await work.publish_media(row, _stored_fact(row, self._now()))
        if not ours:
            await self._storage.drop(row)
        _fetches.labels(result="stored").inc()

    async def _failed(self, row: MediaRow, reason: str, *, final: bool) -> None:
        now = self._now()
        over = final or now > row.created_at + FETCH_FOR
        pause = min(2.0 ** min(row.attempts, _LONGEST_DOUBLING), _LONGEST_PAUSE_SECONDS)
        state = MediaState.UNAVAILABLE if over else MediaState.PENDING
        after = replace(row, state=state, reason=reason)
        async with self._store.begin() as work:
            ours = await work.save_media(after, now + timedelta(seconds=pause))
            if ours and over:
                await work.publish_media(row, _unavailable_fact(row, reason, now))
        _fetches.labels(result=reason).inc()
        _log.warning("not fetched", media=row.id, reason=reason, final=over)


def fetched_later(command: FetchMedia, key: bytes, correlation: str | None) -> MediaRow:
    """The row of a file that is to be fetched; the same for the same command."""
    return MediaRow(
        id=media_id_of(command.message_id),
        account_id=command.account_id,
        contact_id=command.contact_id,
        ticket_id=command.ticket_id,
        connection_id=command.connection_id,
        direction=Direction.INBOUND,
        state=MediaState.PENDING,
        mime_type=command.mime_type or "",
        created_at=command.requested_at,
        sha256=checksum(command.sha256),
        conversation_id=command.conversation_id,
        message_id=command.message_id,
        provider_id=command.provider_id,
        key=key,
        correlation=correlation,
    )


def _ids(row: MediaRow) -> dict[str, UUID | None]:
    return {
        "media_id": row.id,
        "message_id": row.message_id,
        "account_id": row.account_id,
        "contact_id": row.contact_id,
        "connection_id": row.connection_id,
        "conversation_id": row.conversation_id,
        "ticket_id": row.ticket_id,
    }


def _stored_fact(row: MediaRow, at: datetime) -> MediaStored:
    values = {"mime_type": row.mime_type, "size": row.size, "sha256": (row.sha256 or b"").hex()}
    return MediaStored.model_validate({**_ids(row), **values, "occurred_at": at})


def _unavailable_fact(row: MediaRow, reason: str, at: datetime) -> MediaUnavailable:
    return MediaUnavailable.model_validate({**_ids(row), "reason": reason, "occurred_at": at})
