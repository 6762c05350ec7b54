"""Files come in and go out: bounded, hashed and sealed on the way in, by ranges on the way out."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.outbound.domain.media import (
    HEAD_BYTES,
    MOST_BYTES,
    Direction,
    FileKey,
    MediaRow,
    MediaState,
    sniffed,
)
from services.outbound.handlers.media_ports import Files, MediaKeys
from services.outbound.handlers.ports import Store
from shared.contracts.internal_api import MediaInfo, MediaUpload
from shared.plumbing.sealing import SealBrokenError, Sealer, derived_key

_FILENAMES: Final = b"guiche media filename"


class UnknownMediaError(Exception):
    """The account has no such file."""


class FileTooLargeError(Exception):
    """More than MOST_BYTES."""


class WrongTypeError(Exception):
    """The first bytes are not those of the declared type."""


class Intake:
    """Counts, hashes and bounds a file while it passes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._hash = hashlib.sha256()
        self.size = 0
        self.head = b""

    async def chunks(self, check: Callable[["Intake"], None]) -> AsyncGenerator[bytes]:
        """The pieces; `check` may raise when the last one has passed.

        Raises FileTooLargeError.
        """
        async for piece in self._chunks:
            self.size += len(piece)
            if self.size > MOST_BYTES:
                raise FileTooLargeError
            self.head += piece[: HEAD_BYTES - len(self.head)]
            self._hash.update(piece)
            yield piece
        check(self)

    @property
    def sha256(self) -> bytes:
        """Of what has passed."""
        return self._hash.digest()


class MediaStorage:
    """The files of customers, and for them."""

    def __init__(
        self,
        store: Store,
        files: Files,
        keys: MediaKeys,
        *,
        now: Callable[[], datetime],
        new_salt: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._files = files
        self._keys = keys
        self._now = now
        self._new_salt = new_salt

    async def upload(
        self, account_id: UUID, media_id: UUID, upload: MediaUpload, chunks: AsyncIterator[bytes]
    ) -> MediaInfo:
        """Store a file that is to be sent; a repeat answers what is stored.

        Raises FileTooLargeError, WrongTypeError, ContactErasedError.
        """
        known = await self._find(account_id, media_id)
        if known is not None:
            return await self._info(known)
        contact_key = await self._keys.of(account_id, upload.contact_id)
        row = self._new_row(account_id, media_id, upload, contact_key)

        def check(intake: Intake) -> None:
            if sniffed(intake.head) != upload.mime_type:
                raise WrongTypeError

        stored = await self.take(row, chunks, check)
        async with self._store.begin() as work:
            new = await work.insert_media([stored])
        if not new:  # the same request came twice at once
            await self.drop(stored)
        return await self.info(account_id, media_id)

    async def take(
        self, row: MediaRow, chunks: AsyncIterator[bytes], check: Callable[[Intake], None]
    ) -> MediaRow:
        """Store the bytes; the row as it is then. Nothing is stored when `check` raises."""
        placed = replace(row, salt=self._new_salt())
        intake = Intake(chunks)
        key = await self._file_key(placed)
        await self._files.put(placed.path, intake.chunks(check), key)
        return replace(
            placed,
            state=MediaState.STORED,
            size=intake.size,
            sha256=intake.sha256,
            mime_type=row.mime_type or sniffed(intake.head) or "application/octet-stream",
            reason=None,
        )

    async def drop(self, row: MediaRow) -> None:
        """Delete bytes that no row names."""
        await self._files.delete(row.path)

    async def row(self, account_id: UUID, media_id: UUID) -> MediaRow:
        """A file's row; raises UnknownMediaError."""
        found = await self._find(account_id, media_id)
        if found is None:
            raise UnknownMediaError
        return found

    async def info(self, account_id: UUID, media_id: UUID) -> MediaInfo:
        """What is known of a file; raises UnknownMediaError, ContactErasedError."""
        return await self._info(await self.row(account_id, media_id))

    async def content(self, row: MediaRow, start: int, stop: int) -> AsyncGenerator[bytes]:
        """Bytes `start` to `stop` (excluded) of a stored file.

        Raises FileBrokenError, ContactErasedError.
        """
        key = await self._file_key(row)
        async for data in self._files.read(row.path, key, row.size or 0, start, stop):
            yield data

    async def _find(self, account_id: UUID, media_id: UUID) -> MediaRow | None:
        async with self._store.begin() as work:
            return await work.media(account_id, media_id)

    async def _file_key(self, row: MediaRow) -> FileKey:
        contact_key = await self._keys.of(row.account_id, row.contact_id)
        return FileKey(row.id, contact_key, row.salt or b"")

    def _new_row(
        self, account_id: UUID, media_id: UUID, upload: MediaUpload, contact_key: bytes
    ) -> MediaRow:
        name = upload.filename
        return MediaRow(
            id=media_id,
            account_id=account_id,
            contact_id=upload.contact_id,
            ticket_id=upload.ticket_id,
            connection_id=upload.connection_id,
            direction=Direction.OUTBOUND,
            state=MediaState.PENDING,
            mime_type=upload.mime_type,
            created_at=self._now(),
            sealed_filename=None
            if name is None
            else _filename_sealer(contact_key).seal(name.encode(), media_id.bytes),
        )

    async def _info(self, row: MediaRow) -> MediaInfo:
        return MediaInfo(
            media_id=row.id,
            ticket_id=row.ticket_id,
            contact_id=row.contact_id,
            direction=row.direction.value,
            state=row.state.value,
            mime_type=row.mime_type,
            size=row.size,
            sha256=row.sha256.hex() if row.sha256 else None,
            filename=await self._filename(row),
            reason=row.reason,
        )

    async def _filename(self, row: MediaRow) -> str | None:
        if row.sealed_filename is None:
            return None
        sealer = _filename_sealer(await self._keys.of(row.account_id, row.contact_id))
        try:
            return sealer.open(row.sealed_filename, row.id.bytes).decode()
        except SealBrokenError:
            return None  # the file is worth more than its name


def _filename_sealer(contact_key: bytes) -> Sealer:
    return Sealer(derived_key(contact_key, _FILENAMES))
