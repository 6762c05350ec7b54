"""A file is given to Meta before the message that carries it is sent.

An upload may be repeated, so it is no part of the attempt that must not be (D8): a message with a
file waits in the queue until Meta has the file for its number.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from services.outbound.domain import fate
from services.outbound.domain.media import UPLOAD_USABLE, MediaRow, MediaState
from services.outbound.domain.outcome import NotSent, Refused, Unknown, Uploaded, UploadOutcome
from services.outbound.domain.queue_row import State
from services.outbound.domain.retrying import (
    Over,
    after_no_connection,
    after_refusal,
    after_server_error,
)
from services.outbound.handlers.media_ports import (
    ContactErasedError,
    FileBrokenError,
    GraphMedia,
    WantedUpload,
)
from services.outbound.handlers.media_storage import MediaStorage, UnknownMediaError
from services.outbound.handlers.ports import Numbers, Store
from shared.contracts.content import ProviderError
from shared.plumbing import logs, metrics
from shared.plumbing.loops import Heartbeat

_AT_ONCE: Final = 4
_LEASE: Final = timedelta(minutes=2)  # longer than the deadline of an upload

_uploads = metrics.counter("outbound_media_uploads", "Attempts to give Meta a file", ["result"])
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class _Later:
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class _Never:
    reason: str
    errors: tuple[ProviderError, ...] = ()


_Next: TypeAlias = Uploaded | _Later | _Never


class MediaUploader:
    """Uploads what queued messages wait for, a few files at once."""

    def __init__(
        self,
        store: Store,
        storage: MediaStorage,
        graph: GraphMedia,
        numbers: Numbers,
        *,
        now: Callable[[], datetime],
        jitter: Callable[[], float],
        uploaded: Callable[[], None],
    ) -> None:
        self._store = store
        self._storage = storage
        self._graph = graph
        self._numbers = numbers
        self._now = now
        self._jitter = jitter
        self._uploaded = uploaded  # called when messages may be sent, or have failed

    async def turn(self, beat: Heartbeat) -> None:
        """A body for Loops: until nothing waits."""
        while wanted := await self._claim():
            async with asyncio.TaskGroup() as group:
                for upload in wanted:
                    group.create_task(self._one(upload))
            beat.beat()
            self._uploaded()

    async def _claim(self) -> Sequence[WantedUpload]:
        async with self._store.begin() as work:
            return await work.claim_uploads(self._numbers.ready(), _AT_ONCE, _LEASE)

    async def _one(self, upload: WantedUpload) -> None:
        try:
            following = await self._try(upload)
        except Exception as error:  # noqa: BLE001  tickets, the object store: whatever is away
            _log.warning("upload broke", media=upload.media_id, error=type(error).__name__)
            following = _Later(after_no_connection(upload.attempts, self._jitter()), "storage")
        await self._conclude(upload, following)

    async def _try(self, upload: WantedUpload) -> _Next:
        number = self._numbers.get(upload.connection_id)
        if number is None:
            return _Later(1.0, "number_away")
        try:
            row = await self._row(upload)
            pieces = self._storage.content(row, 0, row.size or 0)
            data = b"".join([piece async for piece in pieces])
        except ContactErasedError:
            return _Never("contact_erased")
        except (UnknownMediaError, FileBrokenError):
            _log.exception("file broken", media=upload.media_id)
            return _Never("media_unavailable")
        return self._judge(upload, await self._graph.upload(number, row.mime_type, data))

    async def _row(self, upload: WantedUpload) -> MediaRow:
        if upload.account_id is None:
            raise UnknownMediaError
        row = await self._storage.row(upload.account_id, upload.media_id)
        if row.state is not MediaState.STORED:
            raise UnknownMediaError
        return row

    def _judge(self, upload: WantedUpload, outcome: UploadOutcome) -> _Next:
        jitter = self._jitter()
        match outcome:
            case Uploaded():
                return outcome
            case NotSent(reason):
                return _Later(after_no_connection(upload.attempts, jitter), reason)
            case Unknown(reason):
                following = after_server_error(upload.attempts, jitter)
            case Refused(http, code):
                following = after_refusal(outcome, upload.attempts, jitter)
                reason = str(http if code is None else code)
        if isinstance(following, Over):
            errors = outcome.errors if isinstance(outcome, Refused) else ()
            return _Never(following.reason, errors)
        return _Later(following.seconds, reason)

    async def _conclude(self, upload: WantedUpload, following: _Next) -> None:
        async with self._store.begin() as work:
            match following:
                case Uploaded(provider_id):
                    await work.uploaded(upload, provider_id, UPLOAD_USABLE)
                    result = "uploaded"
                case _Later(seconds, reason):
                    await work.upload_again(upload, timedelta(seconds=seconds))
                    result = reason
                case _Never(reason, errors):
                    rows = await work.locked(await work.waiting_for(upload))
                    now = self._now()
                    await work.save(
                        [
                            fate.refused(row, reason, errors, now)
                            for row in rows.values()
                            if row.state is State.QUEUED
                        ]
                    )
                    await work.forget_upload(upload)
                    result = reason
        _uploads.labels(result=result).inc()
