"""What each node does, by each of its outputs."""

from uuid import UUID

import pytest

from services.bot.domain.events import InputAccepted, NodeEntered, TimerArmed
from services.bot.domain.flow_settings import Variable
from services.bot.domain.nodes import (
    NODES,
    Ask,
    Close,
    Condition,
    HandOff,
    Menu,
    Message,
    SetField,
    SetSector,
    Wait,
)
from services.bot.domain.nodes.base import Node
from services.bot.domain.nodes.hand_off import Unclaimed
from services.bot.domain.nodes.menu import Option
from shared.contracts.content import Buttons, ListMenu, Text
from shared.contracts.ticket_commands import (
    AssignSector,
    CloseTicket,
    KeepSession,
    QueueAutomaticMessage,
    SetContactField,
)
from shared.contracts.ticket_commands import HandOff as HandOffCommand
from shared.contracts.ticket_commands import Unclaimed as UnclaimedPart
from tests.bot.talking import NOON, SUPORTE, VENDAS, Named, Talk, a_flow, altered, ids_of, node

SECTORS = (
    Option(id="vendas", title="Vendas", synonyms=("comprar",)),
    Option(id="suporte", title="Suporte"),
)
MENU = node(
    Menu,
    id="menu",
    text="Qual setor?",
    invalid=("one", "two"),
    options=SECTORS,
    button="Ver",
    save_as="sector",
    next={"vendas": "people", "suporte": "wait"},
)
ASK = node(
    Ask,
    id="ask",
    text="CPF?",
    invalid=("again",),
    attempts=2,
    kind="cpf",
    save_as="cpf",
    next={"answered": "people"},
)
WAIT = node(Wait, id="wait", duration=60, next={"elapsed": "people", "interrupted": "bye"})
BYE = node(Close, id="bye", farewell=True)
VARIABLES = {
    "sector": Variable(max_length=24, label="Setor"),
    "cpf": Variable(max_length=11),
}


def of(*nodes: Named) -> Talk:
    return Talk(a_flow(*nodes, variables=VARIABLES))


def test_a_message_goes_on_when_it_is_queued_and_not_before() -> None:
    talk = of(
        node(Message, id="hello", text="Olá, {nome}!", next={"done": "menu"}), MENU, WAIT, BYE
    )
    assert talk.path == ["hello"]
    assert talk.said == ["Olá, Maria!"]
    talk.done()
    assert talk.path == ["hello", "menu"]


def test_a_refused_message_goes_by_the_code_else_by_refused() -> None:
    hello = node(Message, id="hello", text="Oi", next={"done": "people", "window_closed": "bye"})
    assert of(hello, BYE).refused("window_closed").path == ["hello", "bye"]
    assert of(hello, BYE).refused("contact_blocked").path == ["hello", "people"]
    assert of(hello, BYE).refused(None).path == ["hello", "people"]


def test_few_short_options_are_buttons_with_ids_of_session_and_step() -> None:
    talk = of(MENU, WAIT, BYE)
    (shown,) = talk.asked(QueueAutomaticMessage)
    assert isinstance(shown.content, Buttons)
    assert ids_of(shown) == [f"{talk.session.id}:1:{id_}" for id_ in ("vendas", "suporte")]


def test_more_or_longer_options_are_a_list_and_too_many_a_numbered_text() -> None:
    many = tuple(Option(id=f"o{n}", title=f"Opção {n}") for n in range(1, 12))
    ten = of(altered(MENU, options=many[:10])).asked(QueueAutomaticMessage)[0].content
    assert isinstance(ten, ListMenu)
    eleven = of(altered(MENU, options=many)).asked(QueueAutomaticMessage)[0].content
    assert isinstance(eleven, Text)
    assert "11 - Opção 11" in eleven.text
    long = of(altered(MENU, options=(Option(id="a", title="Segunda via de boleto"),)))
    assert isinstance(long.asked(QueueAutomaticMessage)[0].content, ListMenu)
    asked_for = of(altered(MENU, as_text=True)).asked(QueueAutomaticMessage)[0].content
    assert isinstance(asked_for, Text)


def test_a_menu_is_answered_by_tap_number_title_prefix_and_synonym() -> None:
    for text in ("1", "1.", "Vendas", "VENDAS", " véndas ", "ven", "comprar"):
        talk = of(MENU, WAIT, BYE).done().says(text)
        assert talk.path == ["menu", "people"], text
    assert of(MENU, WAIT, BYE).done().taps("suporte").path == ["menu", "wait"]


def test_an_answer_of_a_menu_is_kept_by_its_title() -> None:
    talk = of(MENU, WAIT, BYE).done().says("comprar")
    assert talk.session.variables["sector"] == "Vendas"


def test_a_menu_that_is_not_understood_asks_again_with_each_text_and_then_gives_up() -> None:
    talk = of(MENU, WAIT, BYE).done()
    talk.says("xyz").done().says("s v").done().says(None)
    assert talk.said == ["Qual setor?", "one", "two"]
    assert talk.path == ["menu", "people"]
    first, _, last = talk.asked(QueueAutomaticMessage)
    assert ids_of(first) == ids_of(last)


def test_a_prefix_of_two_options_is_no_answer() -> None:
    two = (Option(id="a", title="Boleto novo"), Option(id="b", title="Boleto velho"))
    menu = altered(MENU, options=two, next={"a": "people", "b": "people"})
    assert of(menu).done().says("boleto").path == ["menu"]
    assert of(menu).done().says("boleto n").path == ["menu", "people"]


def test_a_menu_times_out_by_its_output() -> None:
    talk = of(altered(MENU, timeout=60, next={"timeout": "bye"}), BYE).done()
    assert talk.told(TimerArmed)[-1].due.timestamp() == NOON.timestamp() + 60
    assert talk.after(59).path == ["menu"]
    assert talk.after(1).path == ["menu", "bye"]


def test_an_ask_takes_one_answer_in_its_one_form() -> None:
    talk = of(ASK).done().says("529.982.247-25")
    assert talk.session.variables["cpf"] == "52998224725"
    assert talk.path == ["ask", "people"]


def test_an_ask_gives_up_after_its_attempts() -> None:
    talk = of(ASK).done().says("529.982.247-26").done().says("11111111111")
    assert talk.said == ["CPF?", "again"]
    assert talk.path == ["ask", "people"]


def test_yes_and_no_are_outputs() -> None:
    ask = altered(ASK, kind="yes_no", save_as=None, next={"yes": "people", "no": "bye"})
    assert of(ask, BYE).done().says("Sim!").path == ["ask", "people"]
    assert of(ask, BYE).done().says("NÃO").path == ["ask", "bye"]


def test_a_condition_goes_by_the_first_case_that_holds() -> None:
    ana = {"when": "folded.nome == 'ana'", "next": "people"}
    maria = {"when": "folded.nome == 'maria'", "next": "bye", "output": "maria"}
    condition = node(Condition, id="which", cases=[ana, maria], else_="people")
    talk = of(condition, BYE)
    assert talk.path == ["which", "bye"]
    assert talk.told(NodeEntered)[-1].by_output == "maria"
    assert of(altered(condition, cases=[ana]), BYE).path == ["which", "people"]


def test_a_condition_that_cannot_be_evaluated_leaves_by_error_before_the_cases_behind_it() -> None:
    cases = [
        {"when": "1 / size(gone) == 1", "next": "people"},
        {"when": "true", "next": "people"},
    ]
    condition = node(Condition, id="which", cases=cases, else_="people", error="bye")
    talk = Talk(a_flow(condition, BYE, variables={"gone": Variable(max_length=10)}))
    assert talk.path == ["which", "bye"]
    assert talk.told(NodeEntered)[-1].by_output == "error"


def test_without_an_error_of_its_own_a_condition_goes_by_else() -> None:
    cases = [{"when": "age > 18.0", "next": "people"}]
    condition = node(Condition, id="which", cases=cases, else_="bye")
    talk = Talk(a_flow(condition, BYE, variables={"age": Variable(type="number")}))
    assert talk.path == ["which", "bye"]
    assert talk.told(NodeEntered)[-1].by_output == "error"


def test_a_sector_is_set_and_its_refusal_is_an_output() -> None:
    sector = node(
        SetSector, id="sector", sector="Vendas", next={"done": "bye", "sector_inactive": "people"}
    )
    talk = of(sector, BYE)
    assert [command.sector_id for command in talk.asked(AssignSector)] == [VENDAS]
    assert talk.done().path == ["sector", "bye"]
    assert of(sector, BYE).refused("sector_inactive").path == ["sector", "people"]


def test_a_field_of_the_contact_is_set_with_values() -> None:
    field = node(
        SetField, id="field", name="greeted", value="{nome} {protocolo}", next={"done": "bye"}
    )
    talk = of(field, BYE)
    (asked,) = talk.asked(SetContactField)
    assert (asked.name, asked.value) == ("greeted", "Maria 20261123-000001")
    assert talk.done().path == ["field", "bye"]


def test_a_wait_lets_time_pass() -> None:
    talk = of(WAIT, BYE)
    assert [type(each) for each in talk.commands] == [KeepSession]  # it is not silent
    assert talk.after(60).path == ["wait", "people"]


def test_a_wait_is_interrupted_by_the_customer() -> None:
    assert of(WAIT, BYE).says("oi").path == ["wait", "bye"]


def test_what_is_said_in_a_wait_that_is_not_interruptible_waits() -> None:
    wait = node(Wait, id="wait", duration=60, interruptible=False, next={"elapsed": "menu"})
    talk = of(wait, MENU, BYE).says("2")
    assert [type(effect) for effect in talk.last] == [KeepSession]
    assert talk.path == ["wait"]
    talk.after(60)
    assert talk.told(InputAccepted) == []
    talk.done()
    assert [event.output for event in talk.told(InputAccepted)] == ["suporte"]


def test_a_hand_off_gives_the_sector_and_a_summary_of_path_and_answers() -> None:
    end = node(HandOff, id="end", title="Fim", sector="Suporte")
    menu = altered(MENU, title="Setor", next={"vendas": "ask", "suporte": "ask"})
    ask = altered(ASK, next={"answered": "end"})
    talk = of(menu, ask, end).done().says("1").done().says("52998224725")
    (command,) = talk.asked(HandOffCommand)
    assert (command.sector_id, command.reason) == (SUPORTE, "node")
    assert (command.summary or "").splitlines() == [
        "Caminho: Setor > ask > Fim",
        "Respostas:",
        "- Setor: Vendas",
        "- cpf: 52998224725",
    ]
    assert talk.done().session.finished == "handoff"


def test_a_hand_off_may_go_without_a_summary() -> None:
    (command,) = of(node(HandOff, id="end", summary=False)).asked(HandOffCommand)
    assert command.summary is None


def test_a_hand_off_says_what_follows_when_nobody_takes_the_ticket() -> None:
    waits = Unclaimed(after=900, then="message", text="Ainda não, {nome}. {sector|…}")
    end = node(HandOff, id="end", unclaimed=waits)
    ask = altered(MENU, next={"vendas": "end", "suporte": "end"})
    (command,) = of(ask, end).done().says("1").asked(HandOffCommand)
    assert command.unclaimed == UnclaimedPart(
        after_seconds=900, then="message", text="Ainda não, Maria. Vendas"
    )
    reason = UUID(int=99)
    closes = node(HandOff, id="end", unclaimed=Unclaimed(after=60, then="close", reason=reason))
    (command,) = of(closes).asked(HandOffCommand)
    assert command.unclaimed == UnclaimedPart(after_seconds=60, then="close", reason_id=reason)


def test_a_refused_hand_off_goes_by_its_own_edge_only() -> None:
    end = node(HandOff, id="end", sector="Vendas", next={"sector_inactive": "bye"})
    assert of(end, BYE).refused("sector_inactive").path == ["end", "bye"]
    talk = of(end, BYE).refused("busy")
    assert [command.reason for command in talk.asked(HandOffCommand)] == ["node", "error"]
    assert talk.refused("busy").session.finished == "error"


def test_a_close_ends_the_session() -> None:
    talk = of(BYE)
    assert [command.farewell for command in talk.asked(CloseTicket)] == [True]
    assert talk.done().session.finished == "closed"


def test_ids_of_commands_are_made_of_session_step_and_number() -> None:
    one, other = of(MENU, WAIT, BYE).done().says("?"), of(MENU, WAIT, BYE).done().says("?")
    ids = [command.command_id for command in one.commands]
    assert ids == [command.command_id for command in other.commands]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(id_, UUID) for id_ in ids)


@pytest.mark.parametrize("kind", NODES, ids=lambda kind: kind.__name__)
def test_a_node_that_hears_takes_what_it_hears(kind: type[Node]) -> None:
    """Wait hears only if it may be interrupted: a class that can hear has a `hear` of its own."""
    can_hear = kind.hears is not Node.hears
    assert can_hear == (kind.hear is not Node.hear)
