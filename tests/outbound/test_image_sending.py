"""A message with a file waits until Meta has the file, and is then sent once at most."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import pytest

from services.outbound.adapters.graph_media import GraphMedia
from services.outbound.adapters.media_files import MediaFiles
from services.outbound.handlers.media_storage import MediaStorage
from services.outbound.handlers.upload_media import MediaUploader
from shared.contracts.content import Image, Media
from shared.contracts.internal_api import MediaUpload
from shared.contracts.outbound import MessageAccepted, MessageFailed, SendMessage
from shared.plumbing import clock
from shared.plumbing.loops import Heartbeat
from tests.outbound.meta import Meta, WhatsApp
from tests.outbound.running import Outbound
from tests.outbound.samples import ACCOUNT, CONNECTION, a_contact, a_send
from tests.outbound.test_media import PICTURE, Keys, pieces


@dataclass
class Sending:
    """A process that sends, and its files."""

    outbound: Outbound
    storage: MediaStorage
    keys: Keys
    uploader: MediaUploader
    meta: Meta
    folder: Path

    async def upload(self) -> UUID:
        file = uuid4()
        upload = MediaUpload(
            ticket_id=uuid4(),
            contact_id=a_contact(),
            connection_id=CONNECTION,
            mime_type="image/png",
        )
        await self.storage.upload(ACCOUNT, file, upload, pieces(PICTURE))
        return file

    async def turn(self) -> None:
        """As the loop does, without its pauses."""
        await self.outbound.rows(
            "UPDATE media_upload SET next_attempt_at = now() RETURNING media_id"
        )
        await self.uploader.turn(Heartbeat())


@pytest.fixture
async def sending(outbound: Outbound, whatsapp: WhatsApp, tmp_path: Path) -> AsyncIterator[Sending]:
    keys, files = Keys(), MediaFiles.at(str(tmp_path / "media"))
    storage = MediaStorage(
        outbound.store, files, keys, now=clock.now, new_salt=lambda: os.urandom(16)
    )
    await whatsapp[0].customers_write(1)
    async with aiohttp.ClientSession() as session:
        uploader = MediaUploader(
            outbound.store,
            storage,
            GraphMedia(session),
            outbound.numbers,
            now=clock.now,
            jitter=lambda: 1.0,
            uploaded=outbound.wake.set,
        )
        yield Sending(outbound, storage, keys, uploader, whatsapp[0], tmp_path / "media")


def an_image(media_id: UUID, caption: str | None = "nota") -> SendMessage:
    media = Media(media_id=media_id, mime_type="image/png", size=1, sha256="ab")
    content = Image(media=media, caption=caption)
    return a_send(at=clock.now()).model_copy(update={"content": content})


async def test_one_upload_serves_every_message_of_a_number(sending: Sending) -> None:
    file = await sending.upload()
    first, second, text = an_image(file), an_image(file, None), a_send(at=clock.now())
    await sending.outbound.queue(first, second, text)
    assert set((await sending.outbound.states()).values()) == {"queued"}
    await sending.turn()
    await sending.outbound.until("accepted")
    (upload,) = await sending.meta.requests("upload")
    sent = await sending.meta.requests()
    assert [one["opaque"] for one in sent] == [str(c.message_id) for c in (first, second, text)]
    assert [one["media_id"] for one in sent] == [upload["media_id"], upload["media_id"], None]
    assert [one["text"] for one in sent][:2] == ["nota", None]


async def test_a_file_that_meta_refuses_fails_its_messages_only(sending: Sending) -> None:
    await sending.meta.fault("upload_refuse", code=131053)
    image, text = an_image(await sending.upload()), a_send(at=clock.now())
    await sending.outbound.queue(image, text)
    await sending.turn()
    await sending.outbound.until("refused", "accepted")
    facts = await sending.outbound.facts()
    failed, accepted = facts[0], facts[1]
    assert isinstance(failed, MessageFailed)
    assert (failed.message_id, failed.reason) == (image.message_id, "media_refused")
    assert failed.errors[0].code == 131053
    assert isinstance(accepted, MessageAccepted)
    assert accepted.message_id == text.message_id
    assert len(await sending.meta.requests()) == 1


async def test_what_may_pass_is_uploaded_again(sending: Sending) -> None:
    await sending.meta.fault("upload_refuse", code=131000, next=2)  # a 500: for a send unknown
    await sending.outbound.queue(an_image(await sending.upload()))
    for _ in range(3):
        await sending.turn()
    await sending.outbound.until("accepted")
    assert len(await sending.meta.requests("upload")) == 3
    assert len(await sending.meta.requests()) == 1


async def test_an_upload_that_fails_each_time_is_given_up(sending: Sending) -> None:
    await sending.meta.fault("upload_refuse", code=131000)
    await sending.outbound.queue(an_image(await sending.upload()))
    for _ in range(7):
        await sending.turn()
    await sending.outbound.until("refused")
    (failed,) = await sending.outbound.facts()
    assert isinstance(failed, MessageFailed)
    assert failed.reason == "expired"


async def test_an_id_that_grows_old_is_uploaded_anew(sending: Sending) -> None:
    file = await sending.upload()
    await sending.outbound.queue(an_image(file))
    await sending.turn()
    await sending.outbound.until("accepted")
    await sending.outbound.rows(
        "UPDATE media_upload SET expires_at = now() - %s RETURNING media_id", timedelta(seconds=1)
    )
    await sending.outbound.queue(an_image(file))
    await sending.turn()
    await sending.outbound.until("accepted")
    one, other = await sending.meta.requests("upload")
    assert one["media_id"] != other["media_id"]


@pytest.mark.parametrize("case", ["no such file", "broken", "erased"])
async def test_a_file_that_is_not_there_fails_its_message(sending: Sending, case: str) -> None:
    file = await sending.upload()
    reason = "media_unavailable"
    if case == "no such file":
        file = uuid4()
    elif case == "broken":
        for path in sending.folder.rglob("*.*"):
            path.write_bytes(b"x")
    else:
        sending.keys.erased.add(a_contact())
        reason = "contact_erased"
    await sending.outbound.queue(an_image(file))
    await sending.turn()
    await sending.outbound.until("refused")
    (failed,) = await sending.outbound.facts()
    assert isinstance(failed, MessageFailed)
    assert failed.reason == reason
    assert await sending.meta.requests("upload") == []
