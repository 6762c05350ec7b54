"""A session that goes on in another version of its flow (bots.md, session rule 2)."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from services.bot.adapters.evaluators import EVALUATORS
from services.bot.domain.events import InputAccepted, SessionMigrated
from services.bot.domain.flow import Flow
from services.bot.domain.inputs import Stopped
from services.bot.domain.nodes import Ask, Menu, Message, Wait
from services.bot.domain.nodes.menu import Option
from services.bot.domain.session import rebuilt
from services.bot.domain.session_migration import faults, migrated
from services.bot.domain.step import Stepped
from shared.contracts.ticket_commands import HandOff, QueueAutomaticMessage
from tests.bot.talking import NOON, Talk, a_flow, altered, node

MENU = node(
    Menu,
    id="menu",
    text="Qual?",
    invalid=("de novo",),
    timeout=600,
    button="Ver",
    options=(Option(id="a", title="Alfa"), Option(id="b", title="Beta")),
    next={"a": "ask", "b": "people"},
)
ASK = node(
    Ask, id="ask", text="O quê?", invalid=("de novo",), kind="text", next={"answered": "people"}
)
OLD = a_flow(MENU, ASK)
SETOR = altered(MENU, id="setor", text="Qual setor?", next={"a": "assunto", "b": "people"})
ASSUNTO = altered(ASK, id="assunto")
NEW = a_flow(SETOR, ASSUNTO)
NAMES = {"menu": "setor", "ask": "assunto"}


def moved(talk: Talk, new: Flow, nodes: Mapping[str, str]) -> Stepped:
    assert talk.flow is not None
    stepped = migrated(talk.session, (talk.flow, new), 2, nodes, talk.now, EVALUATORS)
    talk.goes_on(new, stepped)
    return stepped


def test_it_goes_on_where_the_map_says() -> None:
    talk = Talk(OLD).done()
    stepped = moved(talk, NEW, NAMES)
    session = talk.session
    assert (session.version, session.node, session.path) == (2, "setor", ("setor",))
    assert (session.visits, session.menus) == ({"setor": 1}, {1: "setor"})
    assert stepped.commands == (), "the customer is not asked again"
    talk.says("1").done().says("boleto").done()
    assert talk.path[-2:] == ["assunto", "people"]
    assert talk.session.finished == "handoff"


def test_its_events_alone_give_the_same_session() -> None:
    talk = Talk(OLD).done()
    moved(talk, NEW, NAMES)
    talk.says("1").done()
    assert rebuilt(talk.events) == talk.session


def test_a_tap_on_the_menu_that_it_was_shown_before_is_understood() -> None:
    talk = Talk(OLD).done()
    moved(talk, NEW, NAMES)
    assert [event.output for event in talk.taps("b").told(InputAccepted)] == ["b"]


def test_nodes_of_the_same_name_need_no_map() -> None:
    talk = Talk(OLD).done()
    again = a_flow(altered(MENU, text="Qual deles?"), ASK)
    assert faults({1: OLD}, again, {}, [(1, "menu")]) == []
    moved(talk, again, {})
    assert talk.says("1").done().path[-1] == "ask"


def test_what_is_still_to_wait_is_kept_unless_the_node_waits_otherwise() -> None:
    same, other = Talk(OLD).done(), Talk(OLD).done()
    for talk in (same, other):
        talk.now += timedelta(minutes=4)
    before = same.session.timer
    moved(same, NEW, NAMES)
    assert same.session.timer == before
    moved(other, a_flow(altered(SETOR, timeout=60), ASSUNTO), NAMES)
    timer = other.session.timer
    assert timer is not None
    assert timer.due == NOON + timedelta(minutes=5)
    assert other.after(60).asked(HandOff)


def test_what_was_said_into_a_wait_is_heard_where_it_may_be_interrupted_now() -> None:
    wait = node(Wait, id="wait", duration=600, interruptible=False, next={"elapsed": "ask"})
    heard = altered(wait, interruptible=True, next={"elapsed": "ask", "interrupted": "ask"})
    talk = Talk(a_flow(wait, ASK)).done().says("oi?")
    moved(talk, a_flow(heard, ASK), {})
    assert talk.path == ["wait", "ask"]
    assert talk.session.queue == ()


def test_two_nodes_may_become_one() -> None:
    first, second = altered(MENU, id="first", next={"a": "second", "b": "people"}), MENU
    talk = Talk(a_flow(first, altered(second, id="second"))).done().says("1").done()
    moved(talk, a_flow(SETOR, ASSUNTO), {"first": "setor", "second": "setor"})
    assert talk.session.visits == {"setor": 2}


FAULTS: list[tuple[dict[str, str], list[tuple[int, str]], str]] = [
    ({}, [(1, "menu")], "version 1, node menu: sessions stand here, and the new version has no"),
    ({"menu": "assunto"}, [(1, "menu")], "version 1, node menu: is of type menu, and assunto of"),
    ({"menu": "gone"}, [], "menu=gone: the new version has no node gone"),
    ({"gone": "setor"}, [], "gone=setor: no version that is left has a node gone"),
]


@pytest.mark.parametrize(("nodes", "standing", "fault"), FAULTS)
def test_this_cannot_be_migrated(
    nodes: dict[str, str], standing: list[tuple[int, str]], fault: str
) -> None:
    found = faults({1: OLD}, NEW, nodes, standing)
    assert any(line.startswith(fault) for line in found), found


def test_where_nobody_rests_nothing_must_be_mapped() -> None:
    hello = a_flow(node(Message, id="hello", text="Olá", next={"done": "menu"}), MENU, ASK)
    assert faults({1: hello}, NEW, NAMES, [(1, "hello"), (1, "ask"), (1, "people")]) == []


def test_an_operator_hands_a_session_off_with_its_summary() -> None:
    talk = Talk(OLD).done().comes(Stopped())
    (command,) = talk.asked(HandOff)
    assert (command.reason, command.sector_id) == ("stopped", None)
    assert command.summary == "Caminho: menu"
    assert talk.comes(Stopped()).last == (), "asked once"
    assert talk.done().session.finished == "handoff"
    assert talk.comes(Stopped()).last == ()


def test_a_step_under_way_is_taken_first() -> None:
    talk = Talk(OLD)
    assert isinstance(talk.last[0], QueueAutomaticMessage)
    assert talk.comes(Stopped()).last == ()
    assert talk.told(SessionMigrated) == []
    assert talk.done().comes(Stopped()).asked(HandOff)


def test_a_hand_off_that_is_refused_is_tried_once_more_without_the_flow() -> None:
    talk = Talk(OLD).done().comes(Stopped()).refused("busy")
    assert [command.reason for command in talk.asked(HandOff)] == ["stopped", "error"]
