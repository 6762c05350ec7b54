"""Files in an object store, each sealed in chunks, so that a range opens only what it needs.

A file has a key of its own (from the contact's media key, a random salt and the file's id). Chunk n
is AES-GCM with nonce n; its associated data says whether it is the last one. So a chunk that was
changed, moved, left out or taken from another file does not open, and neither does a file that was
cut off.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Final

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from obstore.store import LocalStore, ObjectStore, from_url

from services.outbound.domain.media import FileKey
from services.outbound.handlers.media_ports import FileBrokenError
from shared.plumbing.sealing import derived_key

CHUNK_BYTES: Final = 64 * 1024
_TAG_BYTES: Final = 16
_SEALED_BYTES: Final = CHUNK_BYTES + _TAG_BYTES
_CHUNKS_AT_ONCE: Final = 16  # 1 MiB of one request to the store


class ChunkSealer:
    """Seals the numbered chunks of one file."""

    def __init__(self, key: FileKey) -> None:
        purpose = b"guiche media file\x1f" + key.media_id.bytes
        self._cipher = AESGCM(derived_key(key.contact_key, purpose, key.salt))

    def seal(self, number: int, data: bytes, *, last: bool) -> bytes:
        """A chunk of at most CHUNK_BYTES, 16 bytes longer."""
        return self._cipher.encrypt(_nonce(number), data, _aad(last=last))

    def open(self, number: int, sealed: bytes, *, last: bool) -> bytes:
        """What was sealed as this chunk; raises FileBrokenError."""
        try:
            return self._cipher.decrypt(_nonce(number), sealed, _aad(last=last))
        except (InvalidTag, ValueError) as error:
            raise FileBrokenError from error


class MediaFiles:
    """The files of one object store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def at(cls, url: str) -> "MediaFiles":
        """A folder, made when it is missing, or a URL such as `s3://bucket/prefix`."""
        if "://" in url:
            return cls(from_url(url))
        return cls(LocalStore(Path(url).absolute(), mkdir=True))

    async def put(self, path: str, chunks: AsyncIterator[bytes], key: FileKey) -> None:
        """Store a file whole, in the place of what was there; or nothing, when `chunks` raises."""
        await obstore.put_async(self._store, path, sealed(chunks, ChunkSealer(key)))

    async def read(
        self, path: str, key: FileKey, length: int, start: int, stop: int
    ) -> AsyncGenerator[bytes]:
        """Bytes `start` to `stop` (excluded) of a file of `length`; raises FileBrokenError."""
        sealer = ChunkSealer(key)
        last = last_chunk(length)
        first, end = start // CHUNK_BYTES, min(last, max(start, stop - 1) // CHUNK_BYTES) + 1
        for begin in range(first, end, _CHUNKS_AT_ONCE):
            group = range(begin, min(begin + _CHUNKS_AT_ONCE, end))
            data = await self._chunks(path, group, length)
            for number in group:
                at = (number - begin) * _SEALED_BYTES
                opened = sealer.open(number, data[at : at + _SEALED_BYTES], last=number == last)
                offset = number * CHUNK_BYTES
                yield opened[max(0, start - offset) : max(0, stop - offset)]

    async def delete(self, path: str) -> None:
        """Delete a file; one that is not there is deleted already."""
        try:
            await obstore.delete_async(self._store, path)
        except FileNotFoundError:
            return

    async def _chunks(self, path: str, group: range, length: int) -> bytes:
        stop = min(group.stop * _SEALED_BYTES, sealed_length(length))
        try:
            found = await obstore.get_range_async(
                self._store, path, start=group.start * _SEALED_BYTES, end=stop
            )
        except FileNotFoundError as error:
            raise FileBrokenError from error
        return bytes(found)


def last_chunk(length: int) -> int:
    """The number of the last chunk; an empty file has one, which is empty."""
    return max(0, length - 1) // CHUNK_BYTES


def sealed_length(length: int) -> int:
    """Bytes in the store for a file of `length`."""
    return length + (last_chunk(length) + 1) * _TAG_BYTES


async def sealed(chunks: AsyncIterator[bytes], sealer: ChunkSealer) -> AsyncGenerator[bytes]:
    """Sealed chunks of pieces of any length."""
    waiting, number = bytearray(), 0
    async for piece in chunks:
        waiting += piece
        while len(waiting) > CHUNK_BYTES:  # one stays back: it may be the last
            yield sealer.seal(number, bytes(waiting[:CHUNK_BYTES]), last=False)
            del waiting[:CHUNK_BYTES]
            number += 1
    yield sealer.seal(number, bytes(waiting), last=True)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _aad(*, last: bool) -> bytes:
    return b"last" if last else b"more"
