"""An image with a caption from an agent to the customer, and one from the customer to the agent."""

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from deploy.simulator.files import file_of, png
from tests.checks.system import System
from tests.support.stories import (
    Agent,
    Json,
    customer_writes,
    customers_screen,
    served,
    sign_in,
)
from tests.support.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]
_CUSTOMER = "5511987650002"
_PICTURE = png("nota fiscal")


async def _image(agent: Agent, ticket: str, message_id: str | None = None, **wanted: str) -> Json:
    """The newest image of a ticket, or one message, once its file stands so."""

    async def look() -> Json | None:
        page = await agent.get(f"tickets/{ticket}/timeline")
        for line in reversed(page["items"]):
            media: Json = line.get("media") or {}
            ours = line["type"] == "image" and message_id in {None, line["id"]}
            if ours and wanted.items() <= media.items():
                return line
        return None

    return await until(look, what=f"no image with {wanted}")


async def test_images_go_to_the_customer_and_come_from_them(system: System) -> None:
    """Send an image with a caption, and see the customer's images."""
    admin, ana = await sign_in(system, "admin@demo"), await sign_in(system, "ana@demo")
    ticket = await served(system, ana, _CUSTOMER)
    await _what_cannot_be_sent_names_its_field(ana, ticket)
    ours = await _agent_sends(system, ana, ticket)
    theirs = await _customer_sends(system, ana, ticket)
    await _what_meta_forgot_is_unavailable(system, ana, ticket)
    sector = (await admin.get("sectors", q="Financeiro"))["items"][0]["id"]
    assert (await admin.post(f"tickets/{ticket}/transfer", {"sector_id": sector}))[0] == 200
    await _out_of_sight(ana, ours)
    assert (await ana.file(theirs))[0] == 404
    assert (await admin.file(theirs))[0] == 200


async def _what_cannot_be_sent_names_its_field(ana: Agent, ticket: str) -> None:
    status, said = await ana.upload(ticket, b"GIF89a", "image/gif")
    assert (status, said["code"], said["field"]) == (422, "invalid_request", "file")
    status, said = await ana.upload(ticket, b"<html>", "image/png")
    assert (status, said["field"], said["reason"]) == (422, "file", "type_mismatch")
    status, said = await ana.upload(ticket, png("large", 1_400), "image/png")
    assert (status, said["field"], said["limit"]) == (413, "file", 5 * 1024 * 1024)
    unknown = {"type": "image", "media_id": str(uuid4())}
    status, said = await ana.post(f"tickets/{ticket}/messages", unknown)
    assert (status, said["field"]) == (422, "media_id")


async def _agent_sends(system: System, ana: Agent, ticket: str) -> str:
    status, uploaded = await ana.upload(ticket, _PICTURE, "image/png")
    assert (status, uploaded["type"]) == (201, "image")
    message = {"type": "image", "media_id": uploaded["media_id"], "caption": "Segue a nota"}
    await ana.post(f"tickets/{ticket}/messages", message)
    status, sent = await ana.post(f"tickets/{ticket}/messages", message)  # Meta has the file now
    assert status == 202, sent

    async def seen() -> Any:  # noqa: ANN401
        found = await customers_screen(system, _CUSTOMER)
        images = [one for one in found if one["type"] == "image"]
        return images if len(images) == 2 else None

    images = await until(seen, what="the customer sees no image")
    assert {one["text"] for one in images} == {"Segue a nota"}
    (meta_id,) = {one["media_id"] for one in images}
    assert await _at_meta(system, meta_id) == _PICTURE
    uploads = [one for one in await system.ledger("requests") if one["kind"] == "upload"]
    assert len(uploads) == 1
    line = await _image(ana, ticket, sent["message_id"], state="stored")
    assert (line["text"], line["media"]["media_id"]) == ("Segue a nota", uploaded["media_id"])
    assert await _by_ranges(ana, uploaded["media_id"]) == _PICTURE
    return uploaded["media_id"]


async def _at_meta(system: System, media_id: str) -> bytes:
    token = system.installation.demo.access_tokens.split(",")[0].partition("=")[2]
    auth = {"Authorization": f"Bearer {token}"}
    url = f"{system.url('simulator')}/v26.0/{media_id}"
    async with system.http.get(url, headers=auth) as answer:
        address = (await answer.json())["url"]
    async with system.http.get(address, headers=auth) as answer:
        return await answer.read()


async def _by_ranges(agent: Agent, media_id: str) -> bytes:
    """The file in two parts, as a player reads it."""
    status, headers, first = await agent.file(media_id, Range="bytes=0-65999")
    assert status == 206, first
    size = int(headers["Content-Range"].rpartition("/")[2])
    assert headers["Content-Range"] == f"bytes 0-65999/{size}"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    _, _, rest = await agent.file(media_id, Range="bytes=66000-")
    assert (await agent.file(media_id, Range=f"bytes={size}-"))[0] == 416
    return first + rest


async def _customer_sends(system: System, ana: Agent, ticket: str) -> str:
    await customer_writes(system, _CUSTOMER, type="image", text="Chegou assim")

    async def arrived() -> Any:  # noqa: ANN401
        line = await _image(ana, ticket, state="stored")
        return line if line["text"] == "Chegou assim" else None

    line = await until(arrived, what="the customer's image is not stored")
    media = line["media"]
    theirs = file_of(media["id"])
    assert theirs is not None
    assert (media["size"], media["sha256"]) == (
        len(theirs.data),
        hashlib.sha256(theirs.data).hexdigest(),
    )
    assert await _by_ranges(ana, media["media_id"]) == theirs.data
    return media["media_id"]


async def _what_meta_forgot_is_unavailable(system: System, ana: Agent, ticket: str) -> None:
    await system.control("faults", {"kind": "media_gone", "next": 1})
    await customer_writes(system, _CUSTOMER, type="image", text="E mais esta")
    line = await _image(ana, ticket, state="unavailable")
    assert (line["text"], line["media"]["reason"]) == ("E mais esta", "expired")
    status, _, body = await ana.file(line["media"]["media_id"])
    assert (status, b"media_not_stored" in body) == (409, True)
    still = {"type": "text", "text": "Pode mandar de novo?"}
    assert (await ana.post(f"tickets/{ticket}/messages", still))[0] == 202


async def _out_of_sight(ana: Agent, media_id: str) -> None:
    async def gone() -> bool:
        return (await ana.file(media_id))[0] == 404

    await until(gone, what="a file out of sight is still shown")
