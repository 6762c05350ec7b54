"""Which flows are published, when again, and what is refused."""

from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from services.bot.adapters.files import read_flow
from services.bot.domain.flow import Flow
from services.bot.domain.nodes import hand_off as nodes_of
from services.bot.domain.nodes.hand_off import Unclaimed
from services.bot.handlers.publish import FlowRefusedError
from shared.contracts.bot import FlowNodeEntered, FlowPublished
from shared.contracts.directory import CloseReasonChanged, SectorChanged
from shared.contracts.ticket_commands import HandOff
from shared.plumbing.postgres import Pool
from tests.bot.service.office import (
    ACCOUNT,
    DEMO,
    FLOW,
    SECTORS,
    Customer,
    Log,
    Office,
    received,
    the_directory,
)


def without(office: Office, name: str) -> None:
    gone = SectorChanged(id=SECTORS[name], account_id=ACCOUNT, name=name, active=False)
    number = 1 + list(SECTORS).index(name)
    office.book.on_message(received("directory.events", gone, b"%d" % number, account=ACCOUNT))


async def versions(office: Office) -> list[int]:
    found = await office.rows("SELECT version FROM flow_version ORDER BY version")
    return [row[0] for row in found]


async def test_a_flow_is_published_once_for_the_account_whose_connection_enters_it(
    office: Office,
) -> None:
    await office.publishing.look()
    (published,) = await office.facts()
    assert isinstance(published, FlowPublished)
    assert (published.flow_id, published.version) == (FLOW, 1)
    assert await versions(office) == [1]


async def test_nobody_s_flow_is_not_published(pool: Pool) -> None:
    office = Office(pool, Log())
    nobody = the_directory(flow=UUID(int=9))[-1]
    office.book.on_message(received("directory.events", nobody, b"4", account=ACCOUNT))
    await office.publishing.look()
    assert await versions(office) == []


async def test_a_change_is_a_new_version_and_running_sessions_keep_theirs(
    office: Office, tmp_path: Path
) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    file = tmp_path / "recepcao.yaml"
    file.write_text(DEMO.read_text().replace("Olá, {nome|tudo bem}!", "Oi!"))
    office.definitions = [read_flow(file)]
    await office.publishing.look()
    assert await versions(office) == [1, 2]
    await office.answers()
    newcomer = Customer(office.log, 2)
    await office.takes(*newcomer.arrives())
    assert (await office.session(customer.session_id)).version == 1
    assert (await office.session(newcomer.session_id)).version == 2
    hellos = [text.split()[0] for text in await office.said() if "Você fala" in text]
    assert hellos == ["Olá,", "Oi!"]


def saying(hello: str, tmp_path: Path) -> Flow:
    file = tmp_path / f"{hello}.yaml"
    file.write_text(DEMO.read_text().replace("Olá, {nome|tudo bem}!", hello))
    return read_flow(file)


async def test_what_an_operator_has_published_stays_until_the_file_changes(
    office: Office, tmp_path: Path
) -> None:
    await office.publishing.publish(ACCOUNT, saying("Oi!", tmp_path))
    for _ in range(2):
        await office.publishing.look()
    assert await versions(office) == [1, 2]
    restarted = Office(office.pool, Log())
    await restarted.publishing.look()
    assert await versions(office) == [1, 2]
    before = office.definitions
    office.definitions = [saying("E aí!", tmp_path)]
    await office.publishing.look()
    assert await versions(office) == [1, 2, 3]
    office.definitions = before  # somebody takes the change of the file back
    await office.publishing.look()
    assert await versions(office) == [1, 2, 3, 4]


async def test_processes_with_different_files_do_not_publish_in_turn(
    office: Office, tmp_path: Path
) -> None:
    other = Office(office.pool, Log())
    other.definitions = [saying("Oi!", tmp_path)]
    for _ in range(3):
        await office.publishing.look()
        await other.publishing.look()
    assert await versions(office) == [1, 2]


async def test_a_close_reason_must_be_one_of_the_account(office: Office) -> None:
    reason = UUID(int=700)
    (flow,) = office.definitions
    nodes = {
        id_: node.model_copy(update={"unclaimed": Unclaimed(after=60, then="close", reason=reason)})
        if isinstance(node, nodes_of.HandOff)
        else node
        for id_, node in flow.nodes.items()
    }
    changed = flow.model_copy(update={"nodes": nodes})
    with pytest.raises(FlowRefusedError, match="the account has no active close"):
        await office.publishing.publish(ACCOUNT, changed)
    known = CloseReasonChanged(id=reason, account_id=ACCOUNT, name="Sem resposta")
    office.book.on_message(received("directory.events", known, b"reason"))
    published = await office.publishing.publish(ACCOUNT, changed)
    assert published is not None


async def test_a_broken_flow_is_refused_noted_and_mended(office: Office) -> None:
    good = office.definitions
    office.definitions = [good[0].model_copy(update={"entry": "nowhere"})]
    await office.publishing.look()
    note = office.notes["flow recepcao.yaml"]
    assert note == f"account {ACCOUNT}: entry: there is no node nowhere"
    assert await versions(office) == [1]
    office.definitions = good
    await office.publishing.look()
    assert office.notes["flow recepcao.yaml"] is None


async def test_a_version_that_cannot_be_read_any_more_is_replaced_and_its_sessions_handed_over(
    office: Office,
) -> None:
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    await office.make_unreadable()
    upgraded = Office(office.pool, office.log)
    await upgraded.publishing.look()
    await upgraded.takes(customer.says("1"))
    assert await versions(upgraded) == [1, 2]
    assert [each.reason for each in await handed_over(upgraded)] == ["error"]
    newcomer = Customer(office.log, 2)
    await upgraded.takes(*newcomer.arrives())
    assert (await upgraded.session(newcomer.session_id)).version == 2


async def test_where_the_newest_cannot_be_read_people_answer(office: Office) -> None:
    await office.make_unreadable()
    upgraded = Office(office.pool, office.log)
    upgraded.definitions = []
    customer = Customer(office.log)
    await upgraded.takes(*customer.arrives())
    assert [each.reason for each in await handed_over(upgraded)] == ["error"]


async def handed_over(office: Office) -> list[HandOff]:
    return [command for command in await office.commands() if isinstance(command, HandOff)]


def with_condition(folder: Path, when: str) -> Flow:
    """The demo, where the subject leads to a condition before the goodbye."""
    node = f'  qual: {{type: condition, cases: [{{when: "{when}", next: pessoa}}], else: ate_logo}}'
    text = DEMO.read_text().replace("next: ate_logo", "next: qual") + f"\n{node}\n"
    file = folder / "recepcao.yaml"
    file.write_text(text)
    return read_flow(file)


async def test_a_condition_that_loops_is_refused_and_the_version_before_it_stays(
    office: Office, tmp_path: Path
) -> None:
    office.definitions = [with_condition(tmp_path, "[1, 2, 3].all(x, [1, 2].all(y, x > y))")]
    await office.publishing.look()
    note = office.notes["flow recepcao.yaml"]
    assert note is not None
    assert note.startswith(f"account {ACCOUNT}: nodes.qual.cases.0.when: line 1, column ")
    assert await versions(office) == [1]


@pytest.mark.parametrize(
    ("when", "node", "output"),
    [
        ("folded.assunto.contains('nao liga')", "pessoa", "case_1"),
        ("assunto == 'outro'", "ate_logo", "else"),
        ("1 / (size(assunto) - size(assunto)) == 1", "ate_logo", "error"),
    ],
)
async def test_a_condition_leads_on_and_its_output_is_told(
    office: Office, tmp_path: Path, when: str, node: str, output: str
) -> None:
    office.definitions = [with_condition(tmp_path, when)]
    await office.publishing.look()
    customer = Customer(office.log)
    await office.takes(*customer.arrives())
    await office.answers()
    for text in ("1", "Não liga"):
        await office.takes(customer.says(text))
        await office.answers()
    entered = [each for each in await office.facts() if isinstance(each, FlowNodeEntered)]
    behind = entered[[each.node for each in entered].index("qual") + 1]
    assert (behind.node, behind.by_output) == (node, output)


async def test_a_sector_that_is_gone_is_refused(office: Office) -> None:
    without(office, "Vendas")
    with pytest.raises(FlowRefusedError, match=r"no active sector Vendas"):
        await office.publishing.publish(ACCOUNT, read_flow(DEMO))


async def test_a_sector_is_known_however_it_is_written(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "recepcao.yaml"
    file.write_text(DEMO.read_text().replace("sector: Vendas", "sector: VENDAS"))
    version = await office.publishing.publish(ACCOUNT, read_flow(file))
    assert version is not None
    assert version.sectors["VENDAS"] == SECTORS["Vendas"]


async def test_two_processes_publish_one_version(pool: Pool) -> None:
    one, other = Office(pool, Log()), Office(pool, Log())
    await one.publishing.look()
    await other.publishing.look()
    assert await versions(one) == [1]


async def test_a_version_never_changes(office: Office) -> None:
    with pytest.raises(psycopg.errors.RaiseException):
        await office.rows("UPDATE flow_version SET name = 'x'")
