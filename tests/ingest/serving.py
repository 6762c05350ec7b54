"""ingest as a server on a free port, over a real Kafka; only directory's HTTP answer is given."""

import base64
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import aiohttp

from services.ingest.app import build_app
from services.ingest.settings import Settings
from shared.contracts.internal_api import AccountSecrets, AppSecrets, SecretsAnswer
from shared.plumbing import clock
from shared.plumbing.http import Answer
from shared.plumbing.secrets_client import Fetch
from tests.ingest.samples import ACCOUNT, OURS, PEPPER, SECRET, WABA, signed
from tests.support.company import a_connection, outgoing
from tests.support.serving import serving
from tests.support.waiting import until
from tests.wire.support import publish

SECRETS = SecretsAnswer(
    service_key=base64.b64encode(b"k" * 32).decode(),
    accounts=[AccountSecrets(account_id=ACCOUNT, pepper=base64.b64encode(PEPPER).decode())],
    apps=[
        AppSecrets(
            app_id="app",
            account_id=ACCOUNT,
            app_secrets=[SECRET.decode()],
            verify_token="verify me",  # noqa: S106
            waba_ids=[WABA],
        )
    ],
)


async def given_secrets() -> Answer:
    return Answer(200, SECRETS.model_dump_json().encode(), {})


async def announce_the_connection(settings: Settings) -> None:
    """What directory publishes of OURS."""
    changed = a_connection(
        OURS.account_id,
        OURS.id,
        waba_id=OURS.waba_id,
        phone_number_id=OURS.phone_number_id,
        display_phone=OURS.display_phone,
    )
    await publish(settings, [outgoing("directory.events", OURS.id, changed)])


class Served:
    """The running service, as Meta and an operator see it."""

    def __init__(self, base_url: str, http: aiohttp.ClientSession) -> None:
        self._base_url = base_url
        self._http = http

    async def get(self, path: str) -> tuple[int, str]:
        async with self._http.get(self._base_url + path) as response:
            return response.status, await response.text()

    async def post(self, body: bytes) -> int:
        """The status that Meta gets for a signed body."""
        headers = {"X-Hub-Signature-256": signed(body).decode()}
        url = f"{self._base_url}/webhooks/whatsapp"
        async with self._http.post(url, data=io.BytesIO(body), headers=headers) as response:
            return response.status

    async def is_ready(self) -> bool:
        return (await self.get("/ready"))[0] == 200

    async def until_ready(self) -> None:
        await until(self.is_ready)


@asynccontextmanager
async def serve(
    settings: Settings,
    *,
    now: Callable[[], datetime] = clock.now,
    fetch_secrets: Fetch = given_secrets,
) -> AsyncGenerator[Served]:
    app = build_app(settings, fetch_secrets=fetch_secrets, now=now)
    async with serving(app) as url, aiohttp.ClientSession() as http:
        yield Served(url, http)
