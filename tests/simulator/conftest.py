"""A simulator and a receiver over real sockets, fresh for each test."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from deploy.simulator.app import build_app
from deploy.simulator.graph import WORLD
from deploy.simulator.settings import Settings
from deploy.simulator.shapes import Number
from deploy.simulator.world import World
from tests.simulator.receiver import DEADLINE_SECONDS, SECRET, TOKEN, Receiver, listening, start

FIRST = Number("106540352242922", "5511940000001", "102290129340398")
SECOND = Number("106540352242923", "5511940000002", "102290129340398")
A_TOKEN = "t"
QUICK = {"sent_ms": 5, "delivered_ms": 10, "read_ms": 15, "failed_ms": 5, "retry_seconds": [0.01]}


@dataclass
class Simulator:
    """The simulator as its callers see it: an address."""

    url: str
    world: World
    http: aiohttp.ClientSession

    async def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        async with self.http.request(method, f"{self.url}/control/{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.status != 204 else {}

    async def post(
        self, body: object, number: str = FIRST.phone_number_id, token: str | None = A_TOKEN
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}/v26.0/{number}/messages"
        async with self.http.post(url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def write(self, phone: str, **body: object) -> list[str]:
        answer = await self.control("POST", f"customers/{phone}/messages", body)
        wamids: list[str] = answer["wamids"]
        return wamids

    async def delivered(self, wamid: str) -> dict[str, Any]:
        """The item of the ledger, once it got its 200."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                found = (await self.control("GET", f"ledger?only=items&key={wamid}"))["items"]
                if found and found[0]["acknowledged"]:
                    return found[0]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with listening() as receiver:
        yield receiver


@pytest.fixture
async def receivers(receiver: Receiver) -> AsyncIterator[tuple[Receiver, Receiver]]:
    """Two processes of one business."""
    async with listening() as second:
        yield receiver, second


@pytest.fixture
async def simulator(receiver: Receiver) -> AsyncIterator[Simulator]:
    async with _delivering_to(receiver) as simulator:
        yield simulator


@pytest.fixture
async def balanced(receivers: tuple[Receiver, Receiver]) -> AsyncIterator[Simulator]:
    """A simulator that delivers to both."""
    async with _delivering_to(*receivers) as simulator:
        yield simulator


@asynccontextmanager
async def _delivering_to(*receivers: Receiver) -> AsyncGenerator[Simulator]:
    settings = Settings(
        numbers=(FIRST, SECOND),
        webhooks=tuple(receiver.url for receiver in receivers),
        app_secret=SECRET,
        verify_token=TOKEN,
        seed="7",
    )
    application = build_app(settings)
    runner, url = await start(application)
    async with aiohttp.ClientSession() as http:
        simulator = Simulator(url, application[WORLD], http)
        await simulator.control("POST", "behaviour", QUICK)
        yield simulator
    await runner.cleanup()


def a_text(to: str, body: str = "Olá!", opaque: str | None = None) -> dict[str, object]:
    """The body of a send."""
    shape: dict[str, object] = {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "text",
        "text": {"body": body},
    }
    return shape | ({"biz_opaque_callback_data": opaque} if opaque else {})
