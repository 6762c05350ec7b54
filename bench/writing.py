"""How do customers write to a system under measurement? Straight to ingest's door, signed."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from time import perf_counter
from typing import Any
from uuid import uuid4

import aiohttp

from tests.checks.agent import Agent
from tests.checks.system import System

CUSTOMERS = 200
RETRY_SECONDS = (0.0, 0.2, 1.0)
"""Meta sends again what met a broken connection; the server may close an idle one at any time."""


async def seen_by_readers(system: System) -> str:
    """The schema of the read models that screens are answered from."""
    ((model,),) = await system.rows("SELECT model FROM projections.pointer")
    return f"rm_v{model}"


def phone(number: int) -> str:
    """The number of a customer."""
    return f"55119{70_000_000 + number}"


async def write(system: System, texts: Sequence[tuple[str, str]]) -> bool:
    """One webhook with these texts (phone, text); whether it was acknowledged."""
    public = system.public
    body = json.dumps(_envelope(public, texts)).encode()
    signature = hmac.digest(public["GUICHE_APP_SECRET"].encode(), body, hashlib.sha256).hex()
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    for pause in RETRY_SECONDS:
        try:
            return await _post(system, body, headers)
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(pause)
    return False


async def _post(system: System, body: bytes, headers: Mapping[str, str]) -> bool:
    where = system.public["GUICHE_WEBHOOK"]
    async with system.http.post(where, data=body, headers=headers) as answer:
        return answer.status == 200


@dataclass
class Writing:
    """Customers who write; a text is a number, so it is found again."""

    system: System
    numbers: "count[int]" = field(default_factory=count)
    sent: dict[str, float] = field(default_factory=dict[str, float])

    async def post(self) -> bool:
        """Whether the webhook was acknowledged."""
        number = next(self.numbers)
        text = f"mensagem {number}"
        self.sent[text] = perf_counter()
        taken = await write(self.system, [(phone(number % CUSTOMERS), text)])
        if not taken:
            del self.sent[text]
        return taken

    async def open_loop(self, rate: float, seconds: float) -> int:
        """Post at the rate, whatever becomes of it; how many were refused."""
        started, posts = perf_counter(), list[asyncio.Task[bool]]()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - perf_counter()))
            posts.append(asyncio.create_task(self.post()))
        return (await asyncio.gather(*posts)).count(False)

    async def drained(self, seconds: float = 120.0) -> None:
        """Wait until every text was seen on the screen; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while self.sent:  # noqa: ASYNC110  `watching` takes them out
                await asyncio.sleep(0.05)


async def watching(agent: Agent, writing: Writing, milliseconds: list[float]) -> None:
    """Note when each text comes to this agent's live stream; for ever."""
    async for kind, _, data in agent.live(None):
        if kind != "message":
            continue
        started = writing.sent.pop(str(json.loads(data)["item"]["text"]), None)
        if started is not None:
            milliseconds.append((perf_counter() - started) * 1000)


async def first_agent(system: System) -> Agent:
    """An agent, signed in."""
    public = system.public
    login = public["GUICHE_AGENT_LOGINS"].split(",")[0]
    agent = Agent(system.http, public["GUICHE_API"], login, public["GUICHE_PASSWORD"])
    await agent.sign_in()
    return agent


def _envelope(public: Mapping[str, str], texts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    value = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": public["GUICHE_DISPLAY_PHONE"],
            "phone_number_id": public["GUICHE_PHONE_NUMBER_ID"],
        },
        "contacts": [{"profile": {"name": "Marina"}, "wa_id": who} for who, _ in texts],
        "messages": [_message(who, text) for who, text in texts],
    }
    change = {"field": "messages", "value": value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": public["GUICHE_WABA_ID"], "changes": [change]}],
    }


def _message(who: str, text: str) -> dict[str, Any]:
    return {
        "from": who,
        "id": f"wamid.{uuid4().hex}",
        "timestamp": str(int(time.time())),
        "type": "text",
        "text": {"body": text},
    }
