"""What the handlers of files need of the world around them."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.outbound.domain.media import FileKey, MediaRow
from services.outbound.domain.outcome import UploadOutcome
from shared.contracts.outbound import MediaStored, MediaUnavailable


class FileBrokenError(Exception):
    """The bytes in the store are missing, or not those that were sealed there."""


class ContactErasedError(Exception):
    """The contact's key was destroyed: nothing of the contact can be read or stored."""


class FetchFailedError(Exception):
    """A customer's file could not be fetched; when `final`, another attempt cannot help."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


@dataclass(frozen=True, slots=True)
class WantedUpload:
    """A file that messages of one number wait for; no account: there is no such file."""

    media_id: UUID
    connection_id: UUID
    attempts: int
    account_id: UUID | None


@dataclass(frozen=True, slots=True)
class Number:
    """A business number at Meta and the token with which it sends."""

    url: str  # with the number's id
    token: str

    @property
    def phone_number_id(self) -> str:
        """Meta's id of the number."""
        return self.url.rpartition("/")[2]

    @property
    def graph_url(self) -> str:
        """Meta's API, with its version."""
        return self.url.rpartition("/")[0]


class Files(Protocol):
    """The object store."""

    async def put(self, path: str, chunks: AsyncIterator[bytes], key: FileKey) -> None:
        """Store a file whole, in the place of what was there; or nothing, when `chunks` raises."""
        ...

    def read(
        self, path: str, key: FileKey, length: int, start: int, stop: int
    ) -> AsyncGenerator[bytes]:
        """Bytes `start` to `stop` (excluded) of a file of `length`; raises FileBrokenError."""
        ...

    async def delete(self, path: str) -> None:
        """Delete a file; one that is not there is deleted already."""
        ...


class MediaKeys(Protocol):
    """The keys of contacts, asked of tickets and kept in memory only (D10)."""

    async def of(self, account_id: UUID, contact_id: UUID) -> bytes:
        """The key of a contact's files; raises ContactErasedError, or what says tickets is away."""
        ...


class GraphMedia(Protocol):
    """Meta's API for files; each call may be repeated."""

    async def upload(self, number: Number, mime_type: str, data: bytes) -> UploadOutcome:
        """Give Meta a file for this number."""
        ...

    def download(
        self, number: Number, provider_id: str, beat: Callable[[], None]
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The bytes of a customer's file; each piece calls `beat`. Raises FetchFailedError."""
        ...


class MediaTables(Protocol):
    """The tables of files in one transaction."""

    async def insert_media(self, rows: Sequence[MediaRow]) -> int:
        """Store rows; repeats do nothing. How many are new."""
        ...

    async def media(self, account_id: UUID, media_id: UUID) -> MediaRow | None:
        """One row of this account."""
        ...

    async def claim_fetches(
        self, connections: Sequence[UUID], most: int, lease: timedelta
    ) -> Sequence[MediaRow]:
        """Files to fetch now; nobody else gets them before the lease ends."""
        ...

    async def save_media(self, row: MediaRow, next_attempt_at: datetime | None = None) -> bool:
        """Store what became of a pending row; False when somebody else has claimed it since."""
        ...

    async def publish_media(self, row: MediaRow, fact: MediaStored | MediaUnavailable) -> None:
        """Tell what became of a customer's file."""
        ...

    async def want_uploads(self, wanted: Sequence[tuple[UUID, UUID]]) -> None:
        """Files (media, connection) that messages wait for."""
        ...

    async def claim_uploads(
        self, connections: Sequence[UUID], most: int, lease: timedelta
    ) -> Sequence[WantedUpload]:
        """Files that queued messages wait for; nobody else gets them before the lease ends."""
        ...

    async def uploaded(self, upload: WantedUpload, provider_id: str, usable: timedelta) -> None:
        """Meta has the file under this id."""
        ...

    async def upload_again(self, upload: WantedUpload, pause: timedelta) -> None:
        """Try again after a pause."""
        ...

    async def waiting_for(self, upload: WantedUpload) -> Sequence[UUID]:
        """The queued messages that wait for a file."""
        ...

    async def forget_upload(self, upload: WantedUpload) -> None:
        """The next message with this file begins anew."""
        ...

    async def forget_expired_uploads(self, before: datetime, most: int) -> int:
        """Delete ids that Meta does not know any more; how many."""
        ...
