"""Rows that commit 7ddf972 stored are read by the code of now: its flows, its sessions."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from services.bot.adapters.files import read_flow
from services.bot.domain.flow import Flow
from services.bot.domain.inputs import Replied
from services.bot.handlers.publish import content_hash
from shared.contracts.ticket_commands import HandOff
from shared.plumbing.postgres import Pool
from tests.bot.service.office import ACCOUNT, FLOW, NOON, Customer, Log, Office

STORED = Path(__file__).parent / "stored"
ROWS: dict[str, list[dict[str, Any]]] = json.loads((STORED / "rows_of_7ddf972.json").read_text())
PUT = sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s)")
(VERSION,) = ROWS["flow_version"]
NODES = dict(enumerate(("setor", "idade", "pausa", "espera", "assunto", "tchau", "ola"), start=1))
"""Where each customer stood: 6 had come to the end, 7 had a step under way."""


@pytest.fixture
async def upgraded(pool: Pool) -> Office:
    """A process of now on the tables of then."""
    made = Office(pool, Log())
    made.now = NOON + timedelta(hours=1)
    made.definitions = [read_flow(STORED / "every_node.yaml")]
    async with pool.connection() as conn:
        for table, rows in ROWS.items():
            await conn.execute(PUT.format(sql.Identifier(table)), (json.dumps(rows),))
    return made


def customer_of(office: Office, number: int) -> Customer:
    """The customer, with a log as long as the one that was taken then."""
    customer = Customer(office.log, number)
    customer.arrives()
    taken = {UUID(row["stream"]): row["version"] for row in ROWS["stream_version"]}
    while customer.said < taken[customer.conversation_id]:
        customer.says("what was taken then")
    return customer


def test_a_stored_definition_is_read_and_written_as_it_was() -> None:
    flow = Flow.model_validate(VERSION["definition"])
    assert json.loads(flow.model_dump_json(by_alias=True)) == VERSION["definition"]
    sectors = {name: UUID(id_) for name, id_ in VERSION["sectors"].items()}
    assert content_hash(flow, sectors) == VERSION["hash"]


async def test_the_same_file_is_no_new_version(upgraded: Office) -> None:
    assert await upgraded.publishing.publish(ACCOUNT, upgraded.definitions[0]) is None


async def test_sessions_stand_where_they_stood(upgraded: Office) -> None:
    for number, node in NODES.items():
        session = await upgraded.session(customer_of(upgraded, number).session_id)
        assert (session.flow_id, session.version, session.node) == (FLOW, 2, node)


@pytest.mark.parametrize(
    ("number", "word", "path"),
    [
        (1, "Outro", ["idade"]),
        (2, "70", ["qual", "prioridade", "assunto"]),
        (2, "50", ["qual", "assunto"]),
        (4, "oi", ["setor"]),
        (5, "a segunda via", ["pessoa"]),
    ],
)
async def test_a_session_goes_on_with_what_the_customer_says(
    upgraded: Office, number: int, word: str, path: list[str]
) -> None:
    customer = customer_of(upgraded, number)
    await upgraded.takes(customer.says(word))
    await upgraded.answers()
    assert await upgraded.path(customer.session_id) == path


async def test_a_session_goes_on_when_its_timer_is_due(upgraded: Office) -> None:
    customer = customer_of(upgraded, 3)
    await upgraded.fire(3600)
    await upgraded.answers()
    assert await upgraded.path(customer.session_id) == ["espera", "setor"]  # it had said something


async def test_a_step_under_way_goes_on_with_its_reply(upgraded: Office) -> None:
    customer = customer_of(upgraded, 7)
    session = await upgraded.session(customer.session_id)
    (command_id,) = session.pending
    async with upgraded.pool.connection() as conn:
        await upgraded.sessions.take(conn, session.id, Replied(command_id=command_id))
    assert await upgraded.path(session.id) == ["setor"]


async def test_a_summary_has_the_answers_of_then(upgraded: Office) -> None:
    customer = customer_of(upgraded, 5)
    await upgraded.takes(customer.says("a segunda via"))
    (command,) = [each for each in await upgraded.commands() if isinstance(each, HandOff)]
    assert (command.summary or "").splitlines()[1:] == [
        "Respostas:",
        "- Setor: Vendas",
        "- idade: 70",
        "- assunto: a segunda via",
    ]
    assert command.sector_id == UUID(VERSION["sectors"]["suporte"])
