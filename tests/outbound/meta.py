"""Meta as outbound meets it: the simulator over a real socket, its statuses as ingest has them."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web

from deploy.simulator.app import build_app
from deploy.simulator.settings import Settings
from deploy.simulator.shapes import Number
from shared.contracts.inbound import (
    Status,
    StatusDelivered,
    StatusFailed,
    StatusPlayed,
    StatusRead,
    StatusSent,
)
from shared.contracts.outbound import SendMessage
from tests.outbound.samples import a_phone, a_status
from tests.simulator.receiver import SECRET, TOKEN, start

NUMBER = Number("200000000000001", "5511940000001", "102290129340398")
QUICK = {"sent_ms": 20, "delivered_ms": 40, "read_ms": 60, "failed_ms": 20, "retry_seconds": [0.02]}
KINDS: dict[str, type[Status]] = {
    "sent": StatusSent,
    "delivered": StatusDelivered,
    "read": StatusRead,
    "played": StatusPlayed,
    "failed": StatusFailed,
}
OnStatuses = Callable[[list[Status]], Awaitable[None]]


@dataclass
class Meta:
    """The simulator; `graph_url` is what a connection has."""

    url: str
    http: aiohttp.ClientSession

    @property
    def graph_url(self) -> str:
        return f"{self.url}/v26.0"

    async def control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        async with self.http.request(method, f"{self.url}/control/{path}", json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.status != 204 else {}

    async def customers_write(self, count: int) -> None:
        """Open the windows of customers 0 to count - 1."""
        for number in range(count):
            await self.control("POST", f"customers/{a_phone(number)}/messages", {"text": "oi"})

    async def fault(self, kind: str, **more: object) -> None:
        await self.control("POST", "faults", {"kind": kind, **more})

    async def requests(self, kind: str = "message") -> list[dict[str, Any]]:
        """Every Graph call in order; `accepted` is the truth."""
        found = await self.control("GET", f"ledger?only=requests&kind={kind}")
        return found["requests"]

    async def settled(self) -> None:
        """Every status was delivered."""
        async with asyncio.timeout(20):
            while True:
                async with self.http.get(f"{self.url}/health") as answer:
                    if (await answer.json())["pending"] == 0:
                        return
                await asyncio.sleep(0.02)


WhatsApp = tuple[Meta, list[Status]]
"""Meta, and the statuses that it delivered."""


@asynccontextmanager
async def meta(on_statuses: OnStatuses, *, seed: str = "7") -> AsyncGenerator[Meta]:
    """A simulator whose statuses go to `on_statuses`; 200 only after it returned."""

    async def hook(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.Response(text=request.query["hub.challenge"])
        statuses = list(_statuses(json.loads(await request.read())))
        if statuses:
            await on_statuses(statuses)
        return web.Response()

    receiver = web.Application()
    receiver.add_routes([web.route("*", "/hook", hook)])
    hook_runner, hook_url = await start(receiver)
    settings = Settings(
        numbers=(NUMBER,),
        webhooks=(f"{hook_url}/hook",),
        app_secret=SECRET,
        verify_token=TOKEN,
        seed=seed,
    )
    runner, url = await start(build_app(settings))
    try:
        async with aiohttp.ClientSession() as http:
            made = Meta(url, http)
            await made.control("POST", "behaviour", QUICK)
            yield made
    finally:
        await runner.cleanup()
        await hook_runner.cleanup()


def _statuses(envelope: dict[str, Any]) -> list[Status]:
    values = [c["value"] for entry in envelope["entry"] for c in entry["changes"]]
    return [_status(item) for value in values for item in value.get("statuses", ())]


def _status(item: dict[str, Any]) -> Status:
    errors: list[dict[str, Any]] = item.get("errors", [])
    return a_status(
        KINDS[item["status"]],
        item.get("biz_opaque_callback_data"),
        item["id"],
        at=datetime.fromtimestamp(int(item["timestamp"]), UTC),
        code=errors[0]["code"] if errors else 0,
    )


def truly_accepted(requests: list[dict[str, Any]]) -> dict[UUID, int]:
    """How often Meta accepted each of our ids."""
    found: dict[UUID, int] = {}
    for request in requests:
        if request["accepted"]:
            id_ = UUID(request["opaque"])
            found[id_] = found.get(id_, 0) + 1
    return found


def overtaken(requests: list[dict[str, Any]], commands: Sequence[SendMessage]) -> list[UUID]:
    """Conversations in which a message was sent after a later one."""
    place = {str(c.message_id): (c.conversation_id, n) for n, c in enumerate(commands)}
    last: dict[UUID, int] = {}
    found: list[UUID] = []
    for request in requests:
        conversation, number = place[request["opaque"]]
        if number < last.get(conversation, -1):
            found.append(conversation)
        last[conversation] = number
    return found
