"""The operators' verbs, as they are called."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.bot.ops import app
from tests.bot.service.office import ACCOUNT, DEMO, FLOW
from tests.bot.service.stand import Stand, a_stand
from tests.support.stack import Kafka, Postgres
from tests.support.waiting import until


def call(*arguments: str, said: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments), input=said)
    return result.exit_code, result.output


def test_a_good_file_is_good() -> None:
    code, text = call("validate", str(DEMO))
    assert (code, text.strip().endswith("good")) == (0, True)


def test_each_fault_of_a_bad_file_is_a_line_with_file_node_and_field(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        DEMO.read_text()
        .replace("{nome|tudo bem}", "{apelido}")
        .replace("next: setor_suporte", "next: gone")
    )
    code, text = call("validate", str(path))
    assert code == 1
    assert f"{path}: nodes.boas_vindas.text: there is no variable apelido" in text
    assert f"{path}: nodes.escolher_setor.next.suporte: there is no node gone" in text


def test_what_is_no_flow_at_all_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("key: [")
    assert call("validate", str(path))[0] == 1
    assert "byte string" not in call("validate", str(path))[1]
    assert call("simulate", str(path))[0] == 1


def test_the_schema_is_json() -> None:
    code, text = call("schema")
    assert (code, json.loads(text)["title"]) == (0, "Flow")


def test_a_talk_can_be_tried_without_a_customer() -> None:
    code, text = call("simulate", str(DEMO), "--name", "Ana", said="xyz\n3\n+60\nboleto\n")
    assert code == 0
    assert "<< Olá, Ana!" in text
    assert "Não entendi." in text
    assert "== AssignSector Financeiro" in text
    assert "- Assunto: boleto" in text
    assert text.rstrip().endswith("-- handoff")


def test_a_talk_says_what_follows_when_nobody_takes_the_ticket() -> None:
    code, text = call("simulate", str(DEMO), said="atendente\n")
    assert code == 0
    assert "== HandOff (customer_asked)" in text
    assert "   unclaimed after 900 s: message: Ainda estamos atendendo outras pessoas." in text


def test_a_talk_runs_on_a_clock_of_its_own() -> None:
    code, text = call("simulate", str(DEMO), said="+1800\n")
    assert code == 0
    assert text.rstrip().endswith("-- handoff")


@pytest.mark.timeout(240)
async def test_flows_and_sessions_are_published_and_shown(
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
        await _published(stand)
        process = await stand.process()
        try:
            await stand.tickets.arrive(1)
            await until(stand.ended, lambda found: found == 1)
            (customer,) = stand.tickets.customers.values()
            code, text = await asyncio.to_thread(call, "session", "show", str(customer.session_id))
            assert code == 0
            kinds = [line.split("  ")[:2] for line in text.splitlines()]
            assert [number for number, _ in kinds] == [str(n) for n in range(1, len(kinds) + 1)]
            assert "InputAccepted" in {kind for _, kind in kinds}
            bodies = [json.loads(line.split("  ", 2)[2]) for line in text.splitlines()]
            assert any("quebrou" in str(body) for body in bodies)
            assert (await asyncio.to_thread(call, "session", "show", str(ACCOUNT)))[0] == 1
        finally:
            await stand.stop(process)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no flow"),
        ("- key: x", "is no flow"),
        ("key: x\nnodes: {a: {type: wait, duration: amanhã}}", "as 30m"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_as_its_writer_knows_it(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    code, output = call("validate", str(path))
    assert (code, said in output) == (1, True), output


async def _published(stand: Stand) -> None:
    arguments = ("publish", str(stand.flows / "recepcao.yaml"), "--account", str(ACCOUNT))
    code, text = await asyncio.to_thread(call, *arguments)
    assert (code, text.strip()) == (0, f"{FLOW}: version 1")
    code, text = await asyncio.to_thread(call, *arguments)
    assert (code, "nothing differs" in text) == (0, True)
    code, text = await asyncio.to_thread(call, *arguments[:-1], str(FLOW))
    assert (code, "no such account" in text) == (1, True)
    code, text = await asyncio.to_thread(call, "flows")
    assert (code, f"{FLOW}  account {ACCOUNT}  recepcao  version 1" in text) == (0, True)
    code, text = await asyncio.to_thread(call, "flows", "--json")
    (told,) = json.loads(text)
    assert (code, told["flow_id"], told["running"]) == (0, str(FLOW), 0)
    code, text = await asyncio.to_thread(call, "parked", "list")
    assert (code, text) == (0, "")
