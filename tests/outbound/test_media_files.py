"""Files in a folder: any range is what was stored, and what was changed does not open."""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.outbound.adapters.media_files import CHUNK_BYTES, MediaFiles, sealed_length
from services.outbound.domain.media import FileKey, sniffed
from services.outbound.handlers.media_ports import FileBrokenError

_SEALED = CHUNK_BYTES + 16
_LENGTHS = st.one_of(
    st.integers(0, 100),
    st.integers(-2, 2).map(lambda near: 2 * CHUNK_BYTES + near),
    st.integers(0, 20 * CHUNK_BYTES),
)


def key(media_id: UUID | None = None) -> FileKey:
    return FileKey(media_id or uuid4(), b"k" * 32, b"s" * 16)


def content(length: int) -> bytes:
    return (b"0123456789abcdef-" * (length // 17 + 1))[:length]


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def stored(folder: Path, data: bytes, file: FileKey, piece: int = 50_000) -> MediaFiles:
    files = MediaFiles.at(str(folder))
    await files.put("a", pieces(data, piece), file)
    return files


async def read(files: MediaFiles, file: FileKey, length: int, start: int, stop: int) -> bytes:
    return b"".join([part async for part in files.read("a", file, length, start, stop)])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(length=_LENGTHS, piece=st.integers(1_000, 200_000), data=st.data())
async def test_any_range_is_the_slice(
    tmp_path: Path, length: int, piece: int, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, length))
    stop = data.draw(st.integers(start, length))
    file = key()
    files = await stored(tmp_path, content(length), file, piece)
    assert (tmp_path / "a").stat().st_size == sealed_length(length)
    assert await read(files, file, length, start, stop) == content(length)[start:stop]


def flipped(sealed: bytes) -> bytes:
    return sealed[:70_000] + bytes([sealed[70_000] ^ 1]) + sealed[70_001:]


def swapped(sealed: bytes) -> bytes:
    first, second, rest = sealed[:_SEALED], sealed[_SEALED : 2 * _SEALED], sealed[2 * _SEALED :]
    return second + first + rest


def without_second(sealed: bytes) -> bytes:
    return sealed[:_SEALED] + sealed[2 * _SEALED :]


def without_last(sealed: bytes) -> bytes:
    return sealed[: 2 * _SEALED]


@pytest.mark.parametrize("change", [flipped, swapped, without_second, without_last])
async def test_changed_bytes_do_not_open(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    length, file = 2 * CHUNK_BYTES + 100, key()
    files = await stored(tmp_path, content(length), file)
    path = tmp_path / "a"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileBrokenError):
        await read(files, file, length, 0, length)


async def test_a_file_that_was_cut_off_is_not_taken_for_a_shorter_one(tmp_path: Path) -> None:
    file = key()
    files = await stored(tmp_path, content(3 * CHUNK_BYTES), file)
    path = tmp_path / "a"
    path.write_bytes(path.read_bytes()[: 2 * _SEALED])
    with pytest.raises(FileBrokenError):
        await read(files, file, 2 * CHUNK_BYTES, 0, 2 * CHUNK_BYTES)


async def test_a_range_opens_only_its_chunks(tmp_path: Path) -> None:
    length, file = 3 * CHUNK_BYTES, key()
    files = await stored(tmp_path, content(length), file)
    path = tmp_path / "a"
    path.write_bytes(flipped(path.read_bytes()))
    start = 2 * CHUNK_BYTES
    assert await read(files, file, length, start, start + 9) == content(length)[start : start + 9]


async def test_another_files_key_opens_nothing(tmp_path: Path) -> None:
    files = await stored(tmp_path, content(10), key())
    with pytest.raises(FileBrokenError):
        await read(files, key(), 10, 0, 10)


async def test_a_missing_file_is_broken_and_may_be_deleted(tmp_path: Path) -> None:
    files = MediaFiles.at(str(tmp_path))
    with pytest.raises(FileBrokenError):
        await read(files, key(), 10, 0, 10)
    await files.delete("a")


async def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(9_000_000)
        raise ConnectionResetError

    files = MediaFiles.at(str(tmp_path))
    with pytest.raises(ConnectionResetError):
        await files.put("a", broken(), key())
    assert not os.listdir(tmp_path)  # noqa: PTH208  what iterdir finds is read while it is used


@pytest.mark.parametrize(
    ("head", "mime_type"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"\0\0\0\x18ftyp3gp5", "video/3gpp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"<html><script>", None),
        (b"", None),
    ],
)
def test_first_bytes_name_the_type(head: bytes, mime_type: str | None) -> None:
    assert sniffed(head) == mime_type
