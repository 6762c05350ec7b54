"""tickets as a server on a free port; only directory's HTTP answer is given."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from services.tickets.app import build_app
from services.tickets.settings import Settings
from shared.contracts.directory import (
    AccountChanged,
    AgentChanged,
    ConnectionChanged,
    Policies,
    SectorChanged,
    Texts,
)
from shared.contracts.envelope import Message
from shared.contracts.inbound import Item, Sender, TextReceived
from shared.contracts.internal_api import AccountSecrets, SecretsAnswer
from shared.plumbing.http import Answer
from shared.plumbing.kafka import Outgoing
from shared.plumbing.secrets_client import Fetch
from shared.plumbing.tokens import TokenSigner
from tests.support import company
from tests.support.company import a_connection, an_agent
from tests.support.serving import serving
from tests.support.waiting import until_ready
from tests.wire.support import publish

HEARD = (
    "inbound.events",
    "outbound.events",
    "directory.events",
    "tickets.commands",
    "tickets.replies",
)
ACCOUNT = UUID("0192f0c1-0000-7000-8000-0000000000a1")
CONNECTION = UUID("0192f0c1-0000-7000-8000-0000000000c1")
FLOW = UUID("0192f0c1-0000-7000-8000-0000000000f1")
SECTOR = UUID("0192f0c1-0000-7000-8000-0000000000d1")
ANA = UUID("0192f0c1-0000-7000-8000-0000000000e1")
BIA = UUID("0192f0c1-0000-7000-8000-0000000000e2")
STRANGER = UUID("0192f0c1-0000-7000-8000-0000000000e3")  # of no sector


def _base64(key: bytes) -> str:
    return base64.b64encode(key).decode()


SECRETS = SecretsAnswer(
    service_key=_base64(b"s" * 32),
    accounts=[
        AccountSecrets(
            account_id=ACCOUNT, pepper=_base64(b"p" * 32), wrapping_key=_base64(b"w" * 32)
        )
    ],
)


async def given_secrets() -> Answer:
    return Answer(200, SECRETS.model_dump_json().encode(), {})


def entities() -> list[AccountChanged | SectorChanged | AgentChanged | ConnectionChanged]:
    """An account with one sector, two agents in it and one outside, and a number."""
    return [
        AccountChanged(id=ACCOUNT, name="Loja", policies=Policies()),
        SectorChanged(id=SECTOR, account_id=ACCOUNT, name="Vendas"),
        an_agent(ACCOUNT, ANA, "Ana", SECTOR),
        an_agent(ACCOUNT, BIA, "Bia", SECTOR),
        an_agent(ACCOUNT, STRANGER, "Caio"),
        a_connection(
            ACCOUNT,
            CONNECTION,
            flow_id=FLOW,  # that an agent may start
            sector_id=SECTOR,
            texts=Texts(acceptance="Olá, sou eu quem atende."),
        ),
    ]


def outgoing(topic: str, key: bytes, message: Message) -> Outgoing:
    return company.outgoing(topic, key, message, ACCOUNT)


async def announce(settings: Settings) -> None:
    """What directory publishes."""
    await publish(
        settings,
        [outgoing("directory.events", str(entity.id).encode(), entity) for entity in entities()],
    )


def a_text(phone: str, text: str, wamid: str | None = None) -> TextReceived:
    at = datetime.now(UTC)
    return TextReceived(
        account_id=ACCOUNT,
        connection_id=CONNECTION,
        phone_number_id="100200300",
        body_sha256="00" * 32,
        index="0/0/messages/0",
        received_at=at,
        raw="{}",
        wamid=wamid or f"wamid.{uuid4().hex}",
        sender=Sender(phone=phone, name="Cliente"),
        occurred_at=at,
        text=text,
    )


async def customers_write(settings: Settings, *items: Item) -> None:
    """What ingest publishes; here the phone is key enough."""

    def key(item: Item) -> bytes:
        return item.sender.phone.encode() if isinstance(item, TextReceived) else b"status"  # pyright: ignore[reportOptionalMemberAccess]

    await publish(settings, [outgoing("inbound.events", key(item), item) for item in items])


@dataclass
class Said:
    """An answer over HTTP."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]  # names in lower case


class Served:
    """The running service, as the gateway and read models see it."""

    def __init__(self, url: str, http: aiohttp.ClientSession, keys_dir: Path) -> None:
        self.url = url
        self._http = http
        self._keys_dir = keys_dir

    def token(
        self,
        service: str = "gateway",
        audience: str = "tickets",
        agent: UUID = ANA,
        account: UUID | None = ACCOUNT,
    ) -> str:
        signer = TokenSigner(service, self._keys_dir)
        return signer.sign(audience, account=account, principal=str(agent))

    async def get(self, path: str, token: str | None = None) -> Said:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self._http.get(self.url + path, headers=headers) as response:
            return await _said(response)

    async def command(
        self,
        ticket: UUID,
        verb: str,
        body: dict[str, Any] | None = None,
        *,
        agent: UUID = ANA,
        command_id: UUID | None = None,
        expected: int | None = None,
        token: str | None = None,
    ) -> Said:
        headers = {
            "Authorization": f"Bearer {token or self.token(agent=agent)}",
            "X-Command-Id": str(command_id or uuid4()),
        }
        if expected is not None:
            headers["X-Expected-Version"] = str(expected)
        url = f"{self.url}/internal/tickets/{ticket}/{verb}"
        async with self._http.post(url, json=body or {}, headers=headers) as response:
            return await _said(response)

    async def feed(self) -> list[dict[str, Any]]:
        """Everything in the log, as the feed tells it."""
        said = await self.get(
            "/internal/events?limit=1000", self.token("projections", account=None)
        )
        assert said.status == 200
        return said.body["events"]

    async def until_ready(self) -> None:
        await until_ready(self.url)

    async def until_told(
        self, kind: str, count: int, contact: str | None = None
    ) -> list[dict[str, Any]]:
        """The bodies of the feed's events of a kind (of a contact), once there are so many."""
        async with asyncio.timeout(30):
            while True:
                found = [
                    json.loads(event["body"])
                    for event in await self.feed()
                    if event["type"] == f"tickets.{kind}.v1" and contact in {None, event["key"]}
                ]
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.05)

    async def until_waiting(self, phone: str) -> dict[str, Any]:
        """The opened ticket of the customer who wrote from this number."""
        async with asyncio.timeout(30):
            while True:
                known = await self.until_told("ContactIdentified", 1)
                for contact in (one["contact_id"] for one in known if one["phone"] == phone):
                    return (await self.until_told("TicketOpened", 1, contact))[0]
                await asyncio.sleep(0.05)


async def _said(response: aiohttp.ClientResponse) -> Said:
    text = await response.text()
    body: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
    return Said(response.status, body, {k.lower(): v for k, v in response.headers.items()})


@asynccontextmanager
async def serve(settings: Settings, fetch_secrets: Fetch = given_secrets) -> AsyncGenerator[Served]:
    app = build_app(settings, fetch_secrets=fetch_secrets)
    async with serving(app) as url, aiohttp.ClientSession() as http:
        yield Served(url, http, settings.keys_dir)
