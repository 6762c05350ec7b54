"""What the handlers of files need of the world around them."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol
from uuid import UUID

from services.outbound.domain.media import FileKey


class FileBrokenError(Exception):
    """The bytes in the store are missing, or not those that were sealed there."""


class ContactErasedError(Exception):
    """The contact's key was destroyed: nothing of the contact can be read or stored."""


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
