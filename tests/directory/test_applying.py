"""A seed is applied whole: what it leaves out becomes inactive, what people changed stays."""

from pathlib import Path

import pytest

from services.directory.domain.seed import SeedError
from services.directory.handlers.sessions import InvalidCredentialsError
from services.directory.storage import entities
from shared.contracts.directory import AccountChanged, AgentChanged, SectorChanged
from shared.contracts.entities import Entity
from shared.contracts.internal_api import Credentials
from tests.directory.test_directory import ANA, SEED, Setup, directory
from tests.support.stack import Postgres

BIA = "      - {key: bia, name: Bia, login: bia@demo, password: outra, roles: [agent]}\n"
WITH_BIA = SEED.replace("    connections:\n", f"{BIA}    connections:\n")
SECOND = """
  - key: second
    name: Segunda
    agents: [{key: ana, name: Ana, login: ANA@demo, password: x, roles: [agent]}]
"""


async def stored(made: Setup, kind: type[Entity]) -> dict[str, Entity]:
    async with made.pool.connection() as conn:
        found = [each.entity for each in await entities.everything(conn)]
    return {each.name: each for each in found if isinstance(each, kind)}


async def policy_version(made: Setup) -> int:
    (account,) = (await stored(made, AccountChanged)).values()
    assert isinstance(account, AccountChanged)
    return account.policies.version


async def test_an_agent_who_is_taken_out_is_inactive_and_cannot_sign_in(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        made.seed.write_text(WITH_BIA)
        await made.apply()
        bia = Credentials(login="bia@demo", password="outra")  # noqa: S106
        session = await made.sessions.sign_in(bia)
        made.seed.write_text(SEED)
        assert await made.apply() == 1
        found = (await stored(made, AgentChanged))["Bia"]
        assert isinstance(found, AgentChanged)
        assert not found.active
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.sign_in(bia)
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.renew(session.refresh_token)
        assert await made.apply() == 0
        made.seed.write_text(WITH_BIA)
        assert await made.apply() == 1
        assert (await made.sessions.sign_in(bia)).name == "Bia"


async def test_a_collection_that_the_seed_does_not_write_down_is_left_alone(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        lines = [line for line in SEED.splitlines() if "agents:" not in line and "ana" not in line]
        made.seed.write_text("\n".join(lines))
        assert await made.apply() == 0
        assert (await made.sessions.sign_in(ANA)).name == "Ana"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("login: Ana@Demo", "login: ana.lima@demo"),
        ("password: segredo", "password: mudou"),
        ("roles: [agent]", "roles: [agent], active: false"),
    ],
)
async def test_another_login_or_password_ends_the_sessions_of_the_agent(
    postgres: Postgres, keys_dir: Path, tmp_path: Path, before: str, after: str
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        session = await made.sessions.sign_in(ANA)
        made.seed.write_text(SEED.replace(before, after))
        await made.apply()
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.renew(session.refresh_token)
        with pytest.raises(InvalidCredentialsError):
            await made.sessions.sign_in(ANA)


async def test_a_login_that_moves_opens_its_new_agent_only(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        moved = BIA.replace("bia@demo", "ana@demo").replace("outra", "segredo")
        seed = SEED.replace("login: Ana@Demo", "login: antiga@demo")
        made.seed.write_text(seed.replace("    connections:\n", f"{moved}    connections:\n"))
        await made.apply()
        assert (await made.sessions.sign_in(ANA)).name == "Bia"


@pytest.mark.parametrize(
    ("seed", "field", "holder"),
    [
        (WITH_BIA.replace("bia@demo", "ana@demo"), "demo.agents.bia", "demo.agents.ana"),
        (SEED + SECOND, "second.agents.ana", "demo.agents.ana"),
    ],
)
async def test_a_second_owner_of_a_login_is_an_error_that_names_both(
    postgres: Postgres, keys_dir: Path, tmp_path: Path, seed: str, field: str, holder: str
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        made.seed.write_text(seed)
        with pytest.raises(SeedError) as failed:
            await made.apply()
        assert failed.value.field == f"accounts.{field}.login"
        assert f"accounts.{holder}.login" in str(failed.value)
        assert str(made.seed) in str(failed.value)
        assert await made.count("entity") == 0


async def test_another_seed_does_not_take_a_login_over(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        made.seed.write_text("accounts:" + SECOND)
        with pytest.raises(SeedError, match=r"second\.agents\.ana\.login: .*belongs to agent"):
            await made.apply()
        assert (await made.sessions.sign_in(ANA)).name == "Ana"


async def test_every_change_raises_the_version_that_events_carry(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        versions: list[int] = []
        for seed in (
            SEED,
            SEED,
            SEED.replace("name: Suporte", "name: Ajuda"),
            SEED.replace("name: Empresa", "name: Empresa\n    policies: {close_reason: required}"),
        ):
            made.seed.write_text(seed)
            await made.apply()
            versions.append(await policy_version(made))
        assert versions == [1, 1, 2, 3]


async def test_the_version_is_not_the_seeds_to_say(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        made.seed.write_text(SEED.replace("sectors: [{", "policies: {version: 9}\n    sectors: [{"))
        with pytest.raises(SeedError, match=r"accounts\.demo\.policies\.version"):
            await made.apply()


async def test_what_people_changed_stays_until_the_seed_says_something_else(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        sector = (await stored(made, SectorChanged))["Suporte"]
        await made.rename(sector, "Ajuda")
        assert await made.apply() == 0
        assert "Ajuda" in await stored(made, SectorChanged)
        made.seed.write_text(SEED.replace("name: Suporte", "name: Atendimento"))
        assert await made.apply() == 1
        assert set(await stored(made, SectorChanged)) == {"Vendas", "Atendimento"}


async def test_what_people_created_is_not_the_seeds_to_take_out(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        await made.create("Cobrança")
        assert await made.apply() == 0
        found = (await stored(made, SectorChanged))["Cobrança"]
        assert isinstance(found, SectorChanged)
        assert found.active


async def test_an_app_that_is_taken_out_signs_no_more(
    postgres: Postgres, keys_dir: Path, tmp_path: Path
) -> None:
    async with directory(postgres, keys_dir, tmp_path) as (made, _):
        await made.apply()
        made.seed.write_text(SEED.replace("{key: app,", "{key: nova,"))
        await made.apply()
        assert [app.app_id for app in (await made.secrets.of("ingest")).apps] == ["demo/nova"]
