"""A business's webhook over a real socket: it checks signatures and answers what it is told."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECRET = "test_app_secret"
TOKEN = "verify-me"
DEADLINE_SECONDS = 10


@dataclass
class Receiver:
    """Posts as they came; `answers` gives codes to come, then 200 for ever."""

    bodies: list[bytes] = field(default_factory=list[bytes])
    codes: list[int] = field(default_factory=list[int])
    answers: list[int] = field(default_factory=list[int])
    bad_signatures: int = 0
    handshakes: int = 0
    refuse_handshakes: int = 0
    url: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    runner: web.AppRunner | None = None

    async def gone(self) -> None:
        """Nobody listens at this address any more."""
        if self.runner is not None:
            await self.runner.cleanup()

    async def get(self, request: web.Request) -> web.Response:
        self.handshakes += 1
        query = request.query
        if self.handshakes <= self.refuse_handshakes or query["hub.verify_token"] != TOKEN:
            return web.Response(status=403)
        assert query["hub.mode"] == "subscribe"
        return web.Response(text=query["hub.challenge"])

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        mac = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if request.headers.get("X-Hub-Signature-256") != mac:
            self.bad_signatures += 1
            return web.Response(status=401)
        code = self.answers.pop(0) if self.answers else 200
        self.bodies.append(body)
        self.codes.append(code)
        self.changed.set()
        return web.Response(status=code)

    def values(self) -> list[dict[str, Any]]:
        """The value of each change that got 200, in the order of arrival."""
        envelopes = [
            json.loads(body)
            for body, code in zip(self.bodies, self.codes, strict=True)
            if code == 200
        ]
        return [
            change["value"]
            for envelope in envelopes
            for entry in envelope["entry"]
            for change in entry["changes"]
        ]

    def messages(self) -> list[dict[str, Any]]:
        return [item for value in self.values() for item in value.get("messages", ())]

    def statuses(self) -> list[dict[str, Any]]:
        return [item for value in self.values() for item in value.get("statuses", ())]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition on what came."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def start(application: web.Application, port: int = 0) -> tuple[web.AppRunner, str]:
    """Serve an application on a free port; the runner to clean up, and the address."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    host, bound = runner.addresses[0][:2]
    return runner, f"http://{host}:{bound}"


def application_of(receiver: Receiver) -> web.Application:
    application = web.Application(client_max_size=4 * 1024 * 1024)
    application.add_routes([web.get("/hook", receiver.get), web.post("/hook", receiver.post)])
    return application


@asynccontextmanager
async def listening() -> AsyncGenerator[Receiver]:
    """A receiver at an address of its own."""
    receiver = Receiver()
    receiver.runner, url = await start(application_of(receiver))
    receiver.url = f"{url}/hook"
    yield receiver
    await receiver.gone()
