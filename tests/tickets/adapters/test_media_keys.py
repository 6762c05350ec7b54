"""outbound, and nobody else, gets the key of a contact's files, until the contact is erased."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from services.tickets.adapters import media_keys
from services.tickets.storage.event_database import EventDatabase
from shared.contracts.problems import PROBLEMS
from shared.plumbing import clock
from shared.plumbing.problems import install_problems
from shared.plumbing.tokens import TokenSigner, TokenVerifier
from tests.support.stack import Postgres

ACCOUNT, ANA, BIA = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[EventDatabase]:
    async def wrapping_key(_: UUID) -> bytes:
        return b"w" * 32

    url = postgres.service_url(postgres.new_database(), "tickets")
    made = EventDatabase(url, wrapping_key)
    await made.pool.open()
    yield made
    await made.pool.close()


async def ask(
    database: EventDatabase, keys_dir: Path, contact: UUID, service: str = "outbound"
) -> httpx2.Response:
    app = FastAPI()
    install_problems(app, PROBLEMS)
    verifier = TokenVerifier("tickets", keys_dir, now=clock.now)
    app.include_router(media_keys.router(database.keys, verifier))
    signer = TokenSigner(service, keys_dir, now=clock.now)
    token = signer.sign("tickets", account=ACCOUNT, principal="x", roles=())
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tickets") as http:
        return await http.get(
            f"/internal/contacts/{contact}/media-key", headers={"Authorization": f"Bearer {token}"}
        )


async def test_each_contact_has_a_key_of_its_own_until_it_is_destroyed(
    database: EventDatabase, keys_dir: Path
) -> None:
    for contact in (ANA, BIA):
        await database.keys.to_seal(ACCOUNT, contact)
    ana, bia = [(await ask(database, keys_dir, one)).json()["key"] for one in (ANA, BIA)]
    assert ana != bia
    assert (await ask(database, keys_dir, ANA)).json()["key"] == ana
    await database.keys.destroy(ANA)
    refused = await ask(database, keys_dir, ANA)
    assert (refused.status_code, refused.json()["code"]) == (409, "contact_erased")


async def test_who_is_not_outbound_or_asks_for_nobody_gets_nothing(
    database: EventDatabase, keys_dir: Path
) -> None:
    await database.keys.to_seal(ACCOUNT, ANA)
    assert (await ask(database, keys_dir, ANA, "gateway")).status_code == 403
    assert (await ask(database, keys_dir, BIA)).status_code == 404
