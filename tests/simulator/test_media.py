"""Files at Meta: uploaded for one number, found by id, fetched by an address for five minutes."""

import base64
import hashlib
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from deploy.simulator.files import png
from deploy.simulator.shapes import Number
from tests.simulator.conftest import A_TOKEN, FIRST, SECOND, Simulator
from tests.simulator.receiver import Receiver

ANA = "5511988887777"
AUTH = {"Authorization": f"Bearer {A_TOKEN}"}
PICTURE = png("ours")


async def upload(
    simulator: Simulator, data: bytes = PICTURE, mime_type: str = "image/png"
) -> tuple[int, Any]:
    form = aiohttp.FormData({"messaging_product": "whatsapp", "type": mime_type})
    form.add_field("file", BytesIO(data), filename="a.png", content_type=mime_type)
    url = f"{simulator.url}/v26.0/{FIRST.phone_number_id}/media"
    async with simulator.http.post(url, data=form, headers=AUTH) as answer:
        return answer.status, await answer.json()


async def described(simulator: Simulator, media_id: str) -> tuple[int, Any]:
    url = f"{simulator.url}/v26.0/{media_id}"
    async with simulator.http.get(url, headers=AUTH) as answer:
        return answer.status, await answer.json()


async def fetched(simulator: Simulator, url: str, **headers: str) -> tuple[int, bytes]:
    async with simulator.http.get(url, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_an_uploaded_image_is_sent_by_its_id_and_found_again(simulator: Simulator) -> None:
    await simulator.write(ANA)
    status, uploaded = await upload(simulator)
    assert status == 200
    image = {"id": uploaded["id"], "caption": "nota"}
    message = {"messaging_product": "whatsapp", "to": ANA, "type": "image", "image": image}
    assert (await simulator.post(message))[0] == 200
    (seen,) = (await simulator.control("GET", f"customers/{ANA}"))["messages"]
    assert (seen["type"], seen["text"], seen["media_id"]) == ("image", "nota", uploaded["id"])
    _, told = await described(simulator, uploaded["id"])
    assert told["sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert await fetched(simulator, told["url"], **AUTH) == (200, PICTURE)


@pytest.mark.parametrize("number", [FIRST, SECOND])
async def test_an_id_is_known_to_the_number_that_uploaded_it_only(
    simulator: Simulator, number: Number
) -> None:
    await simulator.write(ANA, phone_number_id=number.phone_number_id)
    _, uploaded = await upload(simulator)
    media_id = uploaded["id"] if number is SECOND else "123"
    message = {"messaging_product": "whatsapp", "to": ANA, "type": "image"}
    status, refusal = await simulator.post(
        {**message, "image": {"id": media_id}}, number.phone_number_id
    )
    assert (status, refusal["error"]["code"]) == (400, 100)


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [(b"", "image/png"), (PICTURE, "image/gif"), (bytes(5 * 1024 * 1024 + 1), "image/png")],
    ids=["empty", "type", "size"],
)
async def test_a_wrong_file_is_refused(simulator: Simulator, data: bytes, mime_type: str) -> None:
    status, refusal = await upload(simulator, data, mime_type)
    assert (status, refusal["error"]["code"]) == (400, 131053)


async def test_a_customers_image_has_the_bytes_that_its_checksum_says(
    simulator: Simulator, receiver: Receiver
) -> None:
    (wamid,) = await simulator.write(ANA, type="image", text="olha")
    await simulator.delivered(wamid)
    (message,) = receiver.messages()
    image = message["image"]
    assert image["caption"] == "olha"
    _, told = await described(simulator, image["id"])
    status, data = await fetched(simulator, told["url"], **AUTH)
    assert (status, data[:4]) == (200, b"\x89PNG")
    assert hashlib.sha256(data).digest() == base64.b64decode(image["sha256"])


async def test_an_address_needs_the_token_and_lives_five_minutes(simulator: Simulator) -> None:
    _, uploaded = await upload(simulator)
    _, told = await described(simulator, uploaded["id"])
    assert (await fetched(simulator, told["url"]))[0] == 401
    await simulator.control("POST", "clock", {"offset_seconds": 301})
    assert (await fetched(simulator, told["url"], **AUTH))[0] == 404


async def test_an_upload_is_gone_after_thirty_days_or_when_deleted(simulator: Simulator) -> None:
    _, first = await upload(simulator)
    _, second = await upload(simulator)
    url = f"{simulator.url}/v26.0/{first['id']}"
    async with simulator.http.delete(url, headers=AUTH) as answer:
        assert await answer.json() == {"success": True}
    assert (await described(simulator, first["id"]))[0] == 400
    await simulator.control("POST", "clock", {"offset_seconds": 30 * 86_400 + 1})
    status, refusal = await described(simulator, second["id"])
    assert (status, refusal["error"]["error_subcode"]) == (400, 33)


async def test_faults_of_files(simulator: Simulator) -> None:
    await simulator.control("POST", "faults", {"kind": "upload_refuse", "next": 1, "code": 131000})
    assert (await upload(simulator))[0] == 500
    _, uploaded = await upload(simulator)
    await simulator.control("POST", "faults", {"kind": "media_gone", "next": 1})
    assert (await described(simulator, uploaded["id"]))[0] == 400
    _, told = await described(simulator, uploaded["id"])
    await simulator.control("POST", "faults", {"kind": "media_corrupt", "next": 1})
    assert (await fetched(simulator, told["url"], **AUTH))[1] != PICTURE
    await simulator.control("POST", "faults", {"kind": "media_url_expired", "next": 1})
    assert (await fetched(simulator, told["url"], **AUTH))[0] == 404
