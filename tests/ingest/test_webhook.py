"""What Meta sees at the door: 200, 401, 403, 413, 503 (Cloud API 3)."""

from collections.abc import AsyncIterator, Sequence

import httpx2
import pytest
import uuid_utils.compat as uuid_utils
from fastapi import FastAPI

from services.ingest.adapters import webhook
from services.ingest.handlers.accept import Accept
from shared.contracts.problems import PROBLEMS
from shared.plumbing.problems import install_problems
from tests.ingest.fakes import FakeDirectory, FakeKafka
from tests.ingest.samples import NOW, a_body, a_message, a_value, signed

Headers = Sequence[tuple[bytes, bytes]]

PATH = webhook.PATH
BODY = a_body(a_value(messages=[a_message()]))
HEADER = b"X-Hub-Signature-256"
SIGNED = [(HEADER, signed(BODY))]


class Door:
    """The routes over a Kafka and a directory that the test steers."""

    def __init__(self) -> None:
        self.kafka = FakeKafka()
        self.directory = FakeDirectory()
        self.refusing: str | None = None
        app = FastAPI()
        install_problems(app, PROBLEMS)
        accept = Accept(self.directory, self.kafka, now=lambda: NOW, new_id=uuid_utils.uuid7)
        webhook.routes(app, accept, self.directory, lambda: self.refusing)
        transport = httpx2.ASGITransport(app=app)
        self.http = httpx2.AsyncClient(transport=transport, base_url="http://ingest")

    async def post(
        self, content: bytes | AsyncIterator[bytes], headers: Headers
    ) -> httpx2.Response:
        return await self.http.post(PATH, content=content, headers=headers)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    found = Door()
    async with found.http:
        yield found


async def test_a_signed_webhook_is_taken(door: Door) -> None:
    response = await door.post(BODY, SIGNED)
    assert (response.status_code, response.content) == (200, b"")
    assert len(door.kafka.messages) == 1


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"X-Hub-Signature", b"sha1=00")],
        [(HEADER, signed(BODY)), (HEADER, signed(BODY))],
        [(HEADER, signed(BODY).upper())],
        [(HEADER, b"sha256=\xe9")],
        [(HEADER, signed(BODY, b"guess"))],
    ],
)
async def test_a_forged_webhook_is_refused_and_nothing_is_produced(
    door: Door, headers: Headers
) -> None:
    response = await door.post(BODY, headers)
    assert (response.status_code, response.json()["code"]) == (401, "invalid_signature")
    assert door.kafka.messages == []


async def test_a_body_too_large_is_refused_before_it_is_read_whole(door: Door) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"x" * 100_000

    response = await door.post(endless(), SIGNED)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert sent < 50


async def test_kafka_away_is_503(door: Door) -> None:
    door.kafka.away = True
    response = await door.post(BODY, SIGNED)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


async def test_an_account_without_pepper_is_503(door: Door) -> None:
    door.directory.peppers.clear()
    response = await door.post(BODY, SIGNED)
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")


@pytest.mark.parametrize("code", ["not_ready", "unavailable"])
async def test_nothing_is_taken_while_the_service_refuses(door: Door, code: str) -> None:
    door.refusing = code
    response = await door.post(BODY, SIGNED)
    assert (response.status_code, response.json()["code"]) == (503, code)
    assert "retry-after" in response.headers
    assert (await door.http.get(PATH)).status_code == 503


async def test_the_handshake_gives_the_challenge_back(door: Door) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "verify me", "hub.challenge": "42é"}
    response = await door.http.get(PATH, params=query)
    assert (response.status_code, response.text) == (200, "42é")
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"hub.mode": "subscribe", "hub.challenge": "42"},
        {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "42"},
        {"hub.mode": "subscribe", "hub.verify_token": "verify mé", "hub.challenge": "42"},
        {"hub.mode": "unsubscribe", "hub.verify_token": "verify me", "hub.challenge": "42"},
    ],
)
async def test_a_handshake_with_another_token_is_refused(door: Door, query: dict[str, str]) -> None:
    response = await door.http.get(PATH, params=query)
    assert (response.status_code, response.json()["code"]) == (403, "verification_failed")


async def test_an_empty_token_opens_nothing(door: Door) -> None:
    door.directory.verify_tokens = [b""]
    query = {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "42"}
    assert (await door.http.get(PATH, params=query)).status_code == 403
