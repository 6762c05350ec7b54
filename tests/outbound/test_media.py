"""Files on a real database, a folder and the simulator: stored, fetched, served by ranges."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import httpx2
import pytest
from fastapi import FastAPI

from deploy.simulator.files import file_of, png
from services.outbound.adapters import http
from services.outbound.adapters.graph_media import GraphMedia, is_trusted
from services.outbound.adapters.media_files import MediaFiles
from services.outbound.adapters.store import PostgresStore
from services.outbound.domain.media import checksum, media_id_of
from services.outbound.domain.outcome import UploadOutcome
from services.outbound.domain.ranges import UnsatisfiableError, part_of
from services.outbound.handlers.fetch_media import MediaFetcher, fetched_later
from services.outbound.handlers.media_ports import ContactErasedError, Number
from services.outbound.handlers.media_storage import MediaStorage, UnknownMediaError
from shared.contracts.internal_api import MediaUpload
from shared.contracts.outbound import FetchMedia, MediaStored, MediaUnavailable
from shared.contracts.problems import PROBLEMS
from shared.plumbing import clock
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool
from shared.plumbing.problems import install_problems
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from shared.plumbing.tokens import TokenSigner, TokenVerifier
from tests.outbound.meta import NUMBER, WhatsApp
from tests.outbound.running import the_number
from tests.outbound.samples import ACCOUNT, CONNECTION, META_ID, a_contact, a_fetch

PICTURE = png("ours")


@dataclass
class Keys:
    """Keys of contacts that live."""

    erased: set[UUID] = field(default_factory=set[UUID])

    async def of(self, account_id: UUID, contact_id: UUID) -> bytes:
        assert account_id == ACCOUNT
        if contact_id in self.erased:
            raise ContactErasedError
        return hashlib.sha256(contact_id.bytes).digest()


@dataclass
class Media:
    """The parts of one process."""

    pool: Pool
    store: PostgresStore
    storage: MediaStorage
    keys: Keys
    fetcher: MediaFetcher
    folder: Path

    async def fetch(self, command: FetchMedia) -> None:
        async with self.store.begin() as work:
            await work.insert_media([fetched_later(command, b"contact", None)])
        await self.fetcher.turn(Heartbeat())

    async def rows(self, query: Any, *values: object) -> list[tuple[Any, ...]]:  # noqa: ANN401
        async with self.pool.connection() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def again(self) -> None:
        await self.rows("UPDATE media SET next_attempt_at = now() RETURNING id")
        await self.fetcher.turn(Heartbeat())

    async def facts(self) -> list[MediaStored | MediaUnavailable]:
        kinds = {kind.TYPE: kind for kind in (MediaStored, MediaUnavailable)}
        rows = await self.rows("SELECT headers->>'ce_type', body FROM outbox ORDER BY seq")
        return [kinds[kind].read(bytes(body)) for kind, body in rows]

    def stored_files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
async def media(pool: Pool, whatsapp: WhatsApp, tmp_path: Path) -> AsyncIterator[Media]:
    store = PostgresStore(pool, Sealer(b"k" * 32), Outbox(pool, Producer(CommonSettings())), uuid4)
    keys, files = Keys(), MediaFiles.at(str(tmp_path / "media"))
    storage = MediaStorage(store, files, keys, now=clock.now, new_salt=lambda: os.urandom(16))
    numbers = the_number(whatsapp[0].graph_url, NUMBER.phone_number_id)
    async with aiohttp.ClientSession() as session:
        fetcher = MediaFetcher(store, storage, GraphMedia(session), numbers, now=clock.now)
        yield Media(pool, store, storage, keys, fetcher, tmp_path / "media")


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def stored(media: Media, data: bytes = PICTURE, mime_type: str = "image/png") -> UUID:
    file = uuid4()
    upload = MediaUpload(
        ticket_id=uuid4(),
        contact_id=a_contact(),
        connection_id=CONNECTION,
        mime_type=mime_type,
        filename="nota fiscal.png",
    )
    await media.storage.upload(ACCOUNT, file, upload, pieces(data))
    return file


async def content(media: Media, id_: UUID) -> bytes:
    row = await media.storage.row(ACCOUNT, id_)
    return b"".join([part async for part in media.storage.content(row, 0, row.size or 0)])


async def test_a_customers_file_is_fetched_and_told(media: Media) -> None:
    command = a_fetch()
    await media.fetch(command)
    (fact,) = await media.facts()
    assert isinstance(fact, MediaStored)
    theirs = file_of(META_ID)
    assert theirs is not None
    assert fact.sha256 == hashlib.sha256(theirs.data).hexdigest()
    assert (fact.message_id, fact.size) == (command.message_id, len(theirs.data))
    assert await content(media, fact.media_id) == theirs.data
    for path in media.stored_files():
        assert b"PNG" not in path.read_bytes()
    await media.fetch(command)  # Kafka gave it twice
    assert len(await media.facts()) == 1


async def test_an_id_that_meta_has_forgotten_is_unavailable(media: Media) -> None:
    command = a_fetch(provider_id="123")
    await media.fetch(command)
    (fact,) = await media.facts()
    assert isinstance(fact, MediaUnavailable)
    assert (fact.reason, fact.media_id) == ("expired", media_id_of(command.message_id))
    assert media.stored_files() == []


async def test_what_may_pass_is_tried_again(media: Media, whatsapp: WhatsApp) -> None:
    await whatsapp[0].fault("media_url_expired", next=1)
    await media.fetch(a_fetch())
    assert await media.facts() == []
    await media.again()
    (fact,) = await media.facts()
    assert isinstance(fact, MediaStored)


async def test_other_bytes_than_the_checksums_are_not_kept(
    media: Media, whatsapp: WhatsApp
) -> None:
    await whatsapp[0].fault("media_corrupt")
    await media.fetch(a_fetch())
    for _ in range(2):
        await media.again()
    (fact,) = await media.facts()
    assert isinstance(fact, MediaUnavailable)
    assert fact.reason == "checksum_mismatch"
    assert media.stored_files() == []


async def test_a_file_that_is_tried_for_seven_days_is_given_up(
    media: Media, whatsapp: WhatsApp
) -> None:
    await whatsapp[0].fault("media_url_expired")
    await media.fetch(a_fetch(requested_at=clock.now() - timedelta(days=8)))
    (fact,) = await media.facts()
    assert isinstance(fact, MediaUnavailable)
    assert fact.reason == "download_404"


async def test_an_operator_has_it_fetched_again(media: Media, whatsapp: WhatsApp) -> None:
    await whatsapp[0].fault("media_gone", next=1)
    command = a_fetch()
    await media.fetch(command)
    async with media.store.begin() as work:
        assert await work.redrive_media(media_id_of(command.message_id))
    await media.fetcher.turn(Heartbeat())
    assert [type(fact) for fact in await media.facts()] == [MediaUnavailable, MediaStored]
    async with media.store.begin() as work:
        assert not await work.redrive_media(media_id_of(command.message_id))


async def test_files_of_an_erased_contact_are_neither_kept_nor_read(media: Media) -> None:
    id_ = await stored(media)
    media.keys.erased.add(a_contact())
    with pytest.raises(ContactErasedError):
        await content(media, id_)
    await media.fetch(a_fetch())
    (fact,) = await media.facts()
    assert isinstance(fact, MediaUnavailable)
    assert fact.reason == "contact_erased"


async def test_the_same_upload_twice_at_once_is_one_file(media: Media) -> None:
    id_, upload = (
        uuid4(),
        MediaUpload(
            ticket_id=uuid4(),
            contact_id=a_contact(),
            connection_id=CONNECTION,
            mime_type="image/png",
        ),
    )
    both = (media.storage.upload(ACCOUNT, id_, upload, pieces(PICTURE)) for _ in range(2))
    one, other = await asyncio.gather(*both)
    assert one == other
    assert await content(media, id_) == PICTURE
    assert len(media.stored_files()) == 1


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://lookaside.fbsbx.com/a?b", True),
        ("https://x.fbcdn.net/a", True),
        ("https://graph.example/v26.0/a", True),
        ("http://lookaside.fbsbx.com/a", False),
        ("https://fbsbx.com.evil.example/a", False),
        ("https://evilfbsbx.com/a", False),
        ("https://a.fbsbx.com@evil.example/", False),
        ("https://a.fbsbx.com:8443/", False),
        ("http://graph.example/a", False),
        ("http://169.254.169.254/latest", False),
        ("file:///etc/passwd", False),
    ],
)
def test_the_token_goes_to_meta_only(url: str, trusted: bool) -> None:  # noqa: FBT001
    assert is_trusted(url, "https://graph.example/v26.0") is trusted


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-9", (0, 10)),
        ("bytes=90-", (90, 100)),
        ("bytes=90-200", (90, 100)),
        ("bytes=-5", (95, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=0-0,5-6", None),
        ("bytes=9-2", None),
        ("bytes=-", None),
        ("lines=1-2", None),
    ],
)
def test_ranges(header: str | None, part: tuple[int, int] | None) -> None:
    assert part_of(header, 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=-0"])
def test_a_range_beyond_the_end(header: str) -> None:
    with pytest.raises(UnsatisfiableError):
        part_of(header, 100)


def test_checksums_are_read_in_both_spellings() -> None:
    digest = hashlib.sha256(b"a").digest()
    assert checksum(digest.hex()) == digest
    assert checksum("q83v=") is None
    assert checksum(None) is None


@pytest.fixture
async def door(media: Media, keys_dir: Path) -> AsyncIterator[httpx2.AsyncClient]:
    app = FastAPI()
    install_problems(app, PROBLEMS)
    verifier = TokenVerifier("outbound", keys_dir, now=clock.now)
    app.include_router(http.router(lambda: media.storage, verifier))
    token = TokenSigner("gateway", keys_dir, now=clock.now).sign(
        "outbound", account=ACCOUNT, principal="x", roles=()
    )
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://outbound/internal/media",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


def an_upload(**more: str) -> dict[str, str]:
    ids = {"ticket_id": uuid4(), "contact_id": a_contact(), "connection_id": CONNECTION}
    return {name: str(id_) for name, id_ in ids.items()} | {"mime_type": "image/png"} | more


async def test_an_upload_is_described_and_read_by_ranges(door: httpx2.AsyncClient) -> None:
    id_ = uuid4()
    put = await door.put(f"/{id_}", params=an_upload(filename="nota.png"), content=PICTURE)
    assert put.status_code == 200, put.text
    told = put.json()
    assert (told["size"], told["filename"]) == (len(PICTURE), "nota.png")
    assert (await door.get(f"/{id_}")).json() == told
    whole = await door.get(f"/{id_}/content")
    assert (whole.status_code, whole.content) == (200, PICTURE)
    assert whole.headers["content-type"] == "image/png"
    part = await door.get(f"/{id_}/content", headers={"Range": "bytes=65530-65550"})
    assert (part.status_code, part.content) == (206, PICTURE[65530:65551])
    assert part.headers["content-range"] == f"bytes 65530-65550/{len(PICTURE)}"
    beyond = await door.get(f"/{id_}/content", headers={"Range": f"bytes={len(PICTURE)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(PICTURE)}")
    assert beyond.json()["code"] == "range_not_satisfiable"
    stale = {"Range": "bytes=0-1", "If-Range": '"other"'}
    assert (await door.get(f"/{id_}/content", headers=stale)).status_code == 200


async def test_what_is_not_what_it_says_is_refused(door: httpx2.AsyncClient, media: Media) -> None:
    html = await door.put(f"/{uuid4()}", params=an_upload(), content=b"<html><script>")
    assert (html.status_code, html.json()["field"]) == (422, "file")
    assert media.stored_files() == []
    assert (await door.get(f"/{uuid4()}")).status_code == 404


async def test_a_file_that_is_not_here_says_why(door: httpx2.AsyncClient, media: Media) -> None:
    command = a_fetch(provider_id="123")
    await media.fetch(command)
    answer = await door.get(f"/{media_id_of(command.message_id)}/content")
    assert (answer.status_code, answer.json()["code"]) == (409, "media_not_stored")
    assert (answer.json()["state"], answer.json()["reason"]) == ("unavailable", "expired")


async def test_a_broken_file_is_an_error_before_the_first_byte(
    door: httpx2.AsyncClient, media: Media
) -> None:
    id_ = await stored(media)
    (path,) = media.stored_files()
    path.write_bytes(b"x" + path.read_bytes()[1:])
    assert (await door.get(f"/{id_}/content")).status_code == 500


async def test_a_file_that_was_tried_very_often_is_still_tried_again(
    media: Media, whatsapp: WhatsApp
) -> None:
    """The pause doubles with each attempt: 2 ** 1024 is no float any more."""
    await whatsapp[0].fault("media_url_expired", next=2)
    await media.fetch(a_fetch())
    await media.rows("UPDATE media SET attempts = 5000 RETURNING id")
    await media.again()
    ((state, attempts),) = await media.rows("SELECT state, attempts FROM media")
    assert (state, attempts) == ("pending", 5001)


async def test_a_file_of_another_account_is_unknown(media: Media) -> None:
    file = await stored(media)
    assert (await media.storage.row(ACCOUNT, file)).id == file
    with pytest.raises(UnknownMediaError):
        await media.storage.row(uuid4(), file)


class Overtaken:
    """Meta, so slow that another process has fetched the file before the first byte comes."""

    def __init__(self, graph: GraphMedia, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._graph = graph
        self._meanwhile: Callable[[], Awaitable[None]] | None = meanwhile

    async def upload(self, number: Number, mime_type: str, data: bytes) -> UploadOutcome:
        return await self._graph.upload(number, mime_type, data)

    @asynccontextmanager
    async def download(
        self, number: Number, provider_id: str, beat: Callable[[], None]
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        async with self._graph.download(number, provider_id, beat) as chunks:
            yield chunks


async def test_of_two_processes_that_fetch_a_file_one_stores_it(
    media: Media, whatsapp: WhatsApp
) -> None:
    numbers = the_number(whatsapp[0].graph_url, NUMBER.phone_number_id)
    async with aiohttp.ClientSession() as session:
        late = Overtaken(GraphMedia(session), media.again)
        fetcher = MediaFetcher(media.store, media.storage, late, numbers, now=clock.now)
        await replace(media, fetcher=fetcher).fetch(a_fetch())
    (fact,) = await media.facts()
    theirs = file_of(META_ID)
    assert theirs is not None
    assert await content(media, fact.media_id) == theirs.data
    assert len(media.stored_files()) == 1
