"""`migrate` and `stop`, as an operator calls them while the bot runs."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.bot.ops import app
from shared.contracts.ticket_commands import HandOff
from tests.bot.service.office import ACCOUNT, FLOW
from tests.bot.service.stand import Stand, a_stand
from tests.support.stack import Kafka, Postgres
from tests.support.waiting import until

QUESTION = """
key: recepcao
name: Recepção
entry: pergunta
variables: {assunto: {label: Assunto}}
defaults: {refused: pessoa, invalid_exhausted: pessoa, timeout: pessoa}
nodes:
  pergunta:
    {type: ask, title: Pergunta, text: "O que você precisa?", save_as: assunto, next: pessoa}
  pessoa: {type: hand_off}
"""


async def call(*arguments: str) -> tuple[int, str]:
    result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    return result.exit_code, result.output


@pytest.mark.timeout(240)
async def test_sessions_are_moved_and_stopped_while_the_bot_runs(
    postgres: Postgres,
    kafka: Kafka,
    kafka_prefix: str,
    keys_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_stand(postgres, kafka, kafka_prefix, keys_dir, tmp_path) as stand:
        for name, value in stand.environment.items():
            monkeypatch.setenv(name, value)
        await publishes(stand, QUESTION)
        process = await stand.process()
        try:
            await stand.tickets.arrive(1, 2)
            await until(lambda: where(stand), lambda found: found == [(1, "pergunta")] * 2)
            await until(lambda: free(stand), lambda done: done)
            await publishes(stand, QUESTION.replace("pergunta", "duvida"))
            await moved(stand)
            await publishes(
                stand, QUESTION.replace("pergunta", "duvida").replace("O que", "Do que")
            )
            await stopped(stand)
        finally:
            await stand.stop(process)


async def publishes(stand: Stand, text: str) -> None:
    path = stand.flows / "recepcao.yaml"
    path.write_text(text)
    code, _ = await call("publish", str(path), "--account", str(ACCOUNT))
    assert code == 0  # also where the process was faster


async def moved(stand: Stand) -> None:
    code, text = await call("migrate", str(FLOW))
    assert code == 1
    assert "version 1, node pergunta: sessions stand here, and the new version has no" in text
    assert await where(stand) == [(1, "pergunta")] * 2
    code, text = await call("migrate", str(FLOW), "--node", "pergunta")
    assert (code, "--node pergunta: write OLD=NEW" in text) == (1, True)
    code, text = await call("migrate", str(FLOW), "--node", "pergunta=duvida")
    assert code == 0
    assert "2 moved, 0 with a step under way" in text
    assert text.rstrip().endswith("no session of an older version is left")
    assert await where(stand) == [(2, "duvida")] * 2
    code, text = await call("migrate", str(FLOW))
    assert (code, text.strip()) == (0, "no session of an older version is left")


async def stopped(stand: Stand) -> None:
    code, text = await call("stop", str(FLOW))
    assert code == 0
    assert "2 handed off" in text
    assert await stand.ended() == 2
    commands = [each for each in stand.tickets.commands.values() if isinstance(each, HandOff)]
    assert [each.reason for each in commands] == ["stopped"] * 2
    assert all(each.summary == "Caminho: Pergunta" for each in commands)
    code, text = await call("stop", str(ACCOUNT))
    assert (code, "no version of this flow" in text) == (1, True)


async def where(stand: Stand) -> list[tuple[int, str]]:
    async with stand.pool.connection() as conn:
        return await (await conn.execute("SELECT version, node FROM session")).fetchall()


async def free(stand: Stand) -> bool:
    """Whether both have been asked: what was queued is known to the sessions."""
    async with stand.pool.connection() as conn:
        found = await (await conn.execute("SELECT count(*) FROM unsent_message")).fetchone()
    return found == (2,)
