"""The seed, the sessions and the secrets, on PostgreSQL and over HTTP."""

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4, uuid5

import psycopg
import pytest
from psycopg import sql

from services.directory.adapters import seed_file
from services.directory.domain.seed import SeedError
from services.directory.entities import account_id_of
from services.directory.handlers.entities import EntityHandler
from services.directory.handlers.secrets import Secrets, UnknownServiceError
from services.directory.handlers.seed import SeedHandler
from services.directory.handlers.sessions import InvalidCredentialsError, Sessions
from services.directory.storage.vault import Vault, master_key
from shared.contracts.directory import ConnectionChanged, SectorChanged
from shared.contracts.entities import Entity
from shared.contracts.entity_api import form_of
from shared.contracts.internal_api import Credentials
from shared.plumbing.kafka import Producer
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.settings import CommonSettings
from tests.support.stack import Postgres

NOON = datetime(2026, 11, 23, 15, tzinfo=UTC)
VARIABLES = {"APP_SECRET": "canary-app-secret", "TOKEN": "canary-access-token"}
SEED = """
accounts:
  - key: demo
    name: Empresa
    sectors: [{key: vendas, name: Vendas}, {key: suporte, name: Suporte}]
    agents:
      - {key: ana, name: Ana, login: Ana@Demo, password: segredo, roles: [agent], sectors: [vendas]}
    connections:
      - key: principal
        name: Principal
        waba_id: "900"
        phone_number_id: "100"
        display_phone: "+55 11 4000-0001"
        graph_url: http://127.0.0.1:1/v26.0
        access_token: "${TOKEN}"
        sector: vendas
    apps:
      - {key: app, app_secrets: ["${APP_SECRET}"], verify_token: verify, waba_ids: ["900"]}
"""
ACCOUNT = account_id_of("demo")
ANA = Credentials(login="ana@demo", password="segredo")  # noqa: S106


class Setup:
    """The handlers of directory over a database of their own; the test moves the clock."""

    def __init__(self, pool: Pool, keys_dir: Path, seed: Path) -> None:
        self.at = NOON
        vault = Vault(master_key(keys_dir))
        self.pool = pool
        self.seed = seed
        outbox = Outbox(pool, Producer(CommonSettings()))
        self.seeds = SeedHandler(pool, outbox, vault)
        self.entities = EntityHandler(pool, outbox, lambda: self.at)
        self.secrets = Secrets(pool, vault)
        self.sessions = Sessions(
            pool,
            now=lambda: self.at,
            new_id=uuid4,
            new_token=lambda: uuid4().hex,
            life=timedelta(days=14),
        )

    async def apply(self) -> int:
        return await self.seeds.apply(seed_file.read(self.seed, VARIABLES), self.at)

    async def create(self, name: str) -> None:
        form = form_of(SectorChanged).model_validate({"name": name})
        await self.entities.create(SectorChanged, ACCOUNT, uuid4(), form, uuid4())

    async def rename(self, entity: Entity, name: str) -> None:
        form = form_of(type(entity)).model_validate({"name": name})
        await self.entities.replace(type(entity), ACCOUNT, entity.id, form, uuid4(), None)

    async def count(self, table: str) -> int:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        async with self.pool.connection() as conn:
            row = await (await conn.execute(query)).fetchone()
        return 0 if row is None else row[0]


@asynccontextmanager
async def directory(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> AsyncGenerator[tuple[Setup, str]]:
    database = postgres.new_database()
    pool = make_pool(postgres.service_url(database, "directory"), min_size=1, max_size=4)
    await pool.open()
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED)
    try:
        yield Setup(pool, keys_dir, seed), database
    finally:
        await pool.close()


async def test_the_seed_applied_twice_changes_and_publishes_nothing(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        assert await made.apply() == 5
        before = [await made.count(name) for name in ("entity", "outbox", "secret", "login")]
        assert await made.apply() == 0
        assert [await made.count(n) for n in ("entity", "outbox", "secret", "login")] == before


async def test_a_changed_entity_is_published_with_the_version_of_its_account(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        made.seed.write_text(SEED.replace("name: Suporte", "name: Suporte Técnico"))
        assert await made.apply() == 1
        assert await made.count("outbox") == 7  # and the account, whose version is higher now


async def test_a_refresh_token_is_used_once_and_its_reuse_ends_the_session(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        first = await made.sessions.sign_in(ANA)
        second = await made.sessions.renew(first.refresh_token)
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.renew(first.refresh_token)
        with pytest.raises(InvalidCredentialsError):  # whoever holds the newer one is out as well
            await made.sessions.renew(second.refresh_token)


async def test_a_session_ends_with_its_time_and_with_sign_out(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        left = await made.sessions.sign_in(ANA)
        await made.sessions.sign_out(left.refresh_token)
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.renew(left.refresh_token)
        kept = await made.sessions.sign_in(ANA)
        made.at = NOON + timedelta(days=15)
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.renew(kept.refresh_token)


@pytest.mark.parametrize(("login", "password"), [("ana@demo", "errado"), ("bia@demo", "segredo")])
async def test_a_wrong_login_or_password_is_refused(
    postgres: Postgres, keys_dir: Path, tmp_path: Path, login: str, password: str
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.sign_in(Credentials(login=login, password=password))


async def test_each_service_gets_only_its_own_secrets(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        ingest, tickets = await made.secrets.of("ingest"), await made.secrets.of("tickets")
        outbound, gateway = await made.secrets.of("outbound"), await made.secrets.of("gateway")
        assert ingest.apps[0].app_secrets == ["canary-app-secret"]
        assert ingest.accounts[0].wrapping_key is None
        assert not ingest.connections
        assert tickets.accounts[0].pepper == ingest.accounts[0].pepper
        assert len(base64.b64decode(tickets.accounts[0].wrapping_key or "")) == 32
        assert not tickets.apps
        assert outbound.connections[0].access_token == "canary-access-token"
        assert not gateway.accounts
        assert not gateway.connections
        keys = {one.service_key for one in (ingest, tickets, outbound, gateway)}
        assert len(keys) == 4
        with pytest.raises(UnknownServiceError):
            await made.secrets.of("somebody")


async def test_no_table_and_no_message_holds_a_secret_in_clear(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, database):
        await made.apply()
        with psycopg.connect(database) as conn:
            for table in ("entity", "secret", "outbox", "login", "app"):
                name = sql.Identifier("directory", table)
                query = sql.SQL("SELECT t::text, t FROM {} t").format(name)
                for row in conn.execute(query).fetchall():
                    text = str(row)
                    for canary in ("canary", "segredo"):
                        assert canary not in text
                        assert canary.encode().hex() not in text


def test_a_seed_that_names_an_unset_variable_says_which(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED)
    with pytest.raises(SeedError, match="APP_SECRET"):
        seed_file.read(seed, {"TOKEN": "x"})


def test_a_seed_with_an_unknown_field_names_it(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED.replace("name: Empresa", "name: Empresa\n    colour: blue"))
    with pytest.raises(SeedError, match=r"seed.yaml: accounts\.demo\.colour"):
        seed_file.read(seed, VARIABLES)


@pytest.mark.parametrize("limit", [0, 101])
def test_a_limit_of_tickets_that_nobody_can_keep_is_refused(tmp_path: Path, limit: int) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED.replace("roles: [agent]", f"roles: [agent], ticket_limit: {limit}"))
    with pytest.raises(SeedError, match=r"accounts\.demo\.agents\.ana\.ticket_limit"):
        seed_file.read(seed, VARIABLES)


async def test_a_seed_that_names_an_unknown_sector_is_refused(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        made.seed.write_text(SEED.replace("sector: vendas", "sector: nenhum"))
        with pytest.raises(SeedError, match="nenhum"):
            await made.apply()
        assert await made.count("entity") == 0


def test_a_number_that_enters_a_flow_names_it_by_the_key_of_which_the_id_is_made(
    tmp_path: Path,
) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED.replace("sector: vendas\n", "entry: flow\n        flow: recepcao\n"))
    (declared,) = seed_file.read(seed, VARIABLES)
    (number,) = [one for one in declared.entities if isinstance(one, ConnectionChanged)]
    assert (number.entry, number.flow_id) == ("flow", uuid5(declared.account_id, "flow:recepcao"))


def test_a_number_that_enters_a_flow_and_names_none_is_refused(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED.replace("sector: vendas\n", "entry: flow\n"))
    with pytest.raises(SeedError, match=r"accounts\.demo\.connections\.principal\.flow"):
        seed_file.read(seed, VARIABLES)


def test_a_menu_as_an_entry_is_refused_by_name(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text(SEED.replace("sector: vendas\n", "entry: menu\n"))
    with pytest.raises(SeedError, match=r"accounts\.demo\.connections\.principal\.entry"):
        seed_file.read(seed, VARIABLES)
