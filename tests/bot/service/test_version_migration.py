"""Sessions of older versions on a real database: moved or stopped while the bot goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import JsonValue

from services.bot.domain.flow import Flow
from services.bot.domain.session import rebuilt
from services.bot.handlers.flows import Flows
from services.bot.handlers.version_migration import (
    MigrationRefusedError,
    Round,
    UnknownFlowError,
    VersionMigration,
)
from shared.contracts import bot as told
from shared.contracts.ticket_commands import HandOff
from tests.bot.service.office import ACCOUNT, FLOW, Customer, Office

RENAMED = {"escolher_setor": "menu_de_setores", "assunto": "pergunta"}


@pytest.fixture
def older(office: Office) -> VersionMigration:
    """As the operator's own process has it."""
    flows = Flows(office.store, office.publishing)
    return VersionMigration(office.pool, office.store, flows, office.sessions)


async def publishes(office: Office, **renamed: str) -> None:
    """A second version, in which nodes are called otherwise."""
    definition = office.definitions[0].model_dump(mode="json", by_alias=True, exclude_none=True)
    changed = Flow.model_validate(_renamed(definition, renamed))
    version = await office.publishing.publish(ACCOUNT, changed)
    assert version is not None
    assert (version.flow_id, version.version) == (FLOW, 2)


def _renamed(value: JsonValue, renamed: dict[str, str]) -> JsonValue:
    if isinstance(value, dict):
        return {renamed.get(key, key): _renamed(each, renamed) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, renamed) for each in value]
    if isinstance(value, str):
        text = value.replace("Com qual setor", "Agora, com qual setor")
        return renamed.get(text, text)
    return value


async def rounds(made: AsyncIterator[Round]) -> Round | None:
    """The last word of one round; None where no session was left."""
    seen = [each async for each in made]
    return seen[-1] if seen else None


async def at_the_menu(office: Office, number: int) -> Customer:
    customer = Customer(office.log, number)
    await office.takes(*customer.arrives())
    await office.answers()
    assert (await office.session(customer.session_id)).node == "escolher_setor"
    return customer


async def test_sessions_drain_where_nobody_says_otherwise(office: Office) -> None:
    customer = await at_the_menu(office, 1)
    await publishes(office, **RENAMED)
    await office.takes(customer.says("1"))
    await office.answers()
    assert (await office.session(customer.session_id)).version == 1
    later = Customer(office.log, 2)
    await office.takes(*later.arrives())
    await office.answers()
    assert (await office.session(later.session_id)).version == 2


async def test_they_are_moved_by_the_map_and_go_on(office: Office, older: VersionMigration) -> None:
    customers = [await at_the_menu(office, number) for number in (1, 2, 3)]
    await office.takes(customers[2].says("1"))
    await office.answers()
    await publishes(office, **RENAMED)
    done = await rounds(older.migrate(FLOW, RENAMED))
    assert done is not None
    assert (done.done, done.under_way, done.refused) == (3, 0, {})
    assert await rounds(older.migrate(FLOW, RENAMED)) is None, "nobody is left"
    rows = await office.rows("SELECT version, node FROM session ORDER BY node")
    assert rows == [(2, "menu_de_setores"), (2, "menu_de_setores"), (2, "pergunta")]
    moved = [each for each in await office.facts() if isinstance(each, told.FlowSessionMigrated)]
    assert {(each.version, each.node) for each in moved} == set(rows)
    await office.takes(customers[0].says("suporte"), customers[2].says("boleto"))
    await office.answers()
    assert (await office.path(customers[0].session_id))[-1] == "pergunta"
    assert (await office.session(customers[2].session_id)).finished == "handoff"
    async with office.pool.connection() as conn:
        events = await office.store.stream(conn, customers[0].session_id)
    assert rebuilt(events) == await office.session(customers[0].session_id)


async def test_nothing_is_moved_as_long_as_any_cannot_be(
    office: Office, older: VersionMigration
) -> None:
    await at_the_menu(office, 1)
    other = await at_the_menu(office, 2)
    await office.takes(other.says("1"))
    await office.answers()
    await publishes(office, **RENAMED)
    with pytest.raises(MigrationRefusedError) as refused:
        await rounds(older.migrate(FLOW, {"escolher_setor": "menu_de_setores"}))
    (line,) = refused.value.lines
    assert line.startswith("version 1, node assunto: sessions stand here")
    assert {row[0] for row in await office.rows("SELECT version FROM session")} == {1}


async def test_who_has_gone_on_to_another_node_meanwhile_is_left_and_named(
    office: Office, older: VersionMigration
) -> None:
    customer = await at_the_menu(office, 1)
    await publishes(office, **RENAMED)
    moving = older.migrate(FLOW, {"escolher_setor": "menu_de_setores"})
    newest = older._check  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    async def and_then_the_customer_answers(*given: Any) -> None:  # noqa: ANN401  as it is called
        await newest(*given)
        await office.takes(customer.says("1"))
        await office.answers()

    older._check = and_then_the_customer_answers  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    done = await rounds(moving)
    assert done is not None
    assert list(done.refused) == [customer.session_id]
    assert (await office.session(customer.session_id)).version == 1


async def test_a_step_under_way_is_waited_for(office: Office, older: VersionMigration) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await publishes(office, **RENAMED)
    done = await rounds(older.migrate(FLOW, RENAMED))
    assert done is not None
    assert (done.done, done.under_way) == (0, 1)
    await office.answers()
    done = await rounds(older.migrate(FLOW, RENAMED))
    assert done is not None
    assert (done.done, done.under_way) == (1, 0)


async def test_whoever_writes_while_it_is_moved_is_heard_once(
    office: Office, older: VersionMigration
) -> None:
    customers = [await at_the_menu(office, number) for number in range(1, 11)]
    await publishes(office, **RENAMED)
    _, done = await asyncio.gather(
        office.takes(*(customer.says("1") for customer in customers)),
        rounds(older.migrate(FLOW, RENAMED)),
    )
    assert done is not None
    await office.answers()
    await rounds(older.migrate(FLOW, RENAMED))
    for customer in customers:
        session = await office.session(customer.session_id)
        assert (session.version, session.node) == (2, "pergunta")
        assert session.path.count("setor_vendas") == 1
        async with office.pool.connection() as conn:
            assert rebuilt(await office.store.stream(conn, customer.session_id)) == session


async def test_they_are_stopped_and_people_go_on(office: Office, older: VersionMigration) -> None:
    at_menu, under_way = await at_the_menu(office, 1), Customer(office.log, 2)
    await office.takes(*under_way.arrives())
    await publishes(office, **RENAMED)
    done = await rounds(older.stop(FLOW))
    assert done is not None
    assert (done.done, done.under_way) == (1, 1)
    (command,) = [each for each in await office.commands() if isinstance(each, HandOff)]
    assert (command.reason, command.ticket_id) == ("stopped", at_menu.ticket_id)
    assert (command.summary or "").startswith("Caminho: Boas-vindas > Escolha do setor")
    await office.answers()
    done = await rounds(older.stop(FLOW))
    assert done is not None
    assert (done.done, done.under_way) == (1, 0)
    await office.answers()
    assert await rounds(older.stop(FLOW)) is None
    assert set(await office.rows("SELECT state, ended_by FROM session")) == {("ended", "handoff")}


async def test_sessions_of_the_newest_version_are_let_alone(
    office: Office, older: VersionMigration
) -> None:
    await at_the_menu(office, 1)
    assert await rounds(older.stop(FLOW)) is None
    assert await rounds(older.migrate(FLOW, {})) is None


async def test_a_flow_that_nobody_published_is_unknown(older: VersionMigration) -> None:
    with pytest.raises(UnknownFlowError):
        await rounds(older.stop(ACCOUNT))
    with pytest.raises(UnknownFlowError):
        await rounds(older.migrate(ACCOUNT, {}))


async def test_who_stands_in_a_version_that_cannot_be_read_is_named(
    office: Office, older: VersionMigration
) -> None:
    await at_the_menu(office, 1)
    await office.make_unreadable()
    await publishes(office)
    with pytest.raises(
        MigrationRefusedError, match=r"version 1, node \w+: cannot be read any more"
    ):
        await rounds(older.migrate(FLOW, {}))
