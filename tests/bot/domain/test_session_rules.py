"""The rules of sessions (bots.md, 1 to 13)."""

from uuid import UUID, uuid5

import pytest

from services.bot.domain.events import (
    InputAccepted,
    InputRejected,
    SessionFinished,
    TimerFired,
)
from services.bot.domain.flow_settings import Limits, OldTaps, Variable
from services.bot.domain.inputs import Begun, Replied, Said, TimerDue
from services.bot.domain.nodes import Ask, Close, Condition, Menu, Message, Wait
from services.bot.domain.nodes.menu import Option
from services.bot.domain.session import SESSION_ENDED
from services.bot.domain.step_context import CONDITIONS_PER_STEP
from shared.contracts.ticket_commands import (
    CancelMessage,
    CloseTicket,
    HandOff,
    KeepSession,
    QueueAutomaticMessage,
)
from tests.bot.talking import OPENED_BY, Talk, a_flow, altered, node

NEVER = {"when": "nome == 'nobody'", "next": "people"}
RESERVED = {"atendente": "hand_off", "sair": "close", "menu": "restart", "#": "restart"}
FIRST = node(
    Menu,
    id="first",
    text="First?",
    invalid=("again",),
    button="Ver",
    options=(Option(id="a", title="Alfa"), Option(id="b", title="Beta")),
    next={"a": "second", "b": "ask"},
)
SECOND = altered(FIRST, id="second", text="Second?", next={"a": "people", "b": "first"})
ASK = node(
    Ask, id="ask", text="Name?", invalid=("again",), kind="text", next={"answered": "people"}
)
IGNORE = OldTaps(notice="old")
HONOUR = OldTaps(policy="honour_if_same_version", notice="old")
RESTART = OldTaps(policy="restart_here", notice="old")
NODES = (FIRST, SECOND, ASK)


def talk(**changed: object) -> Talk:
    return Talk(a_flow(*NODES, reserved=RESERVED, **changed)).done()


def test_the_message_that_opened_the_ticket_is_no_answer() -> None:
    first = talk()
    first.comes(Said(message_id=OPENED_BY, text="1"))
    assert first.path == ["first"]
    assert first.last == ()


def test_one_input_at_a_time_the_others_wait_and_none_is_lost() -> None:
    busy = Talk(a_flow(*NODES))
    busy.says("1").says("2").says("Alfa")
    assert busy.path == ["first"]
    assert len(busy.session.queue) == 3
    busy.done()
    assert busy.path == ["first", "second", "first", "second"]
    assert [event.output for event in busy.told(InputAccepted)] == ["a", "b", "a"]


def test_a_flow_that_nobody_knows_is_handed_off_at_once() -> None:
    unknown = Talk(None)
    (command,) = unknown.asked(HandOff)
    assert (command.reason, command.sector_id) == ("error", None)
    assert unknown.done().session.finished == "error"


def test_a_session_that_is_not_begun_hears_and_waits() -> None:
    noted = Talk(a_flow(*NODES), begin=False)
    noted.says("1")
    assert noted.commands == []
    noted.comes(Begun()).done()
    assert noted.path == ["first", "second"]


@pytest.mark.parametrize("reason", ["human_takeover", "closed", "bot_silent"])
def test_an_end_from_outside_clears_the_timer_and_takes_back_what_was_not_sent(reason: str) -> None:
    ended = talk().ended(reason)
    assert ended.session.timer is None
    (said,) = ended.asked(QueueAutomaticMessage)
    (taken_back,) = ended.asked(CancelMessage)
    assert taken_back.message_id == uuid5(said.command_id, "message")
    assert [event.reason for event in ended.told(SessionFinished)] == [reason]
    assert ended.says("1").last == ()


def test_what_was_sent_is_not_taken_back() -> None:
    assert talk().sent().ended("human_takeover").asked(CancelMessage) == []


def test_what_the_ended_session_had_under_way_is_taken_back_when_it_is_answered() -> None:
    busy = Talk(a_flow(*NODES))
    id_ = busy.session.pending[0]
    busy.ended("human_takeover")
    assert busy.asked(CancelMessage) == []
    busy.comes(Replied(command_id=id_, message_id=UUID(int=9)))
    assert [command.message_id for command in busy.asked(CancelMessage)] == [UUID(int=9)]


def test_its_own_end_takes_nothing_back() -> None:
    leaving = talk().says("atendente")
    leaving.ended("handoff", by_flow=True)
    assert leaving.asked(CancelMessage) == []
    assert leaving.session.finished == "handoff"


@pytest.mark.parametrize("leaves", ["atendente", "sair"])
def test_a_person_who_closes_while_the_session_is_leaving_takes_back_what_was_not_sent(
    leaves: str,
) -> None:
    leaving = talk().says(leaves)
    assert leaving.session.leaving is not None
    leaving.ended("closed")
    assert len(leaving.asked(CancelMessage)) == 1
    assert leaving.session.finished == "closed"


def test_what_came_while_a_step_was_under_way_is_confirmed_when_it_is_done() -> None:
    busy = Talk(a_flow(*NODES))
    (first,) = busy.commands
    busy.says("mais uma coisa")
    second = busy.session.heard
    assert second is not None
    assert first.heard != second
    busy.done()
    assert busy.session.confirmed == second
    assert busy.commands[-1].heard == second


def test_a_command_after_the_end_stops_the_session_until_the_end_says_why() -> None:
    late = talk().says("1").refused(SESSION_ENDED)
    assert late.last == ()
    assert late.says("1").last == ()
    assert late.ended("human_takeover").session.finished == "human_takeover"


@pytest.mark.parametrize(
    ("word", "effect"), [("Atendente", HandOff), ("SAIR", CloseTicket), ("menu", None), ("#", None)]
)
def test_reserved_words_come_first(word: str, effect: type | None) -> None:
    said = talk().says("1").done().says(word)
    if effect is None:
        assert said.path == ["first", "second", "first"]
    else:
        assert isinstance(said.last[0], effect)


def test_reserved_words_can_be_switched_off() -> None:
    assert Talk(a_flow(*NODES)).done().says("sair").told(InputRejected)
    off = altered(ASK, reserved=False)
    kept = Talk(a_flow(off, reserved=RESERVED)).done().says("menu")
    assert kept.path == ["ask", "people"]


def test_a_reserved_word_may_lead_to_a_node() -> None:
    led = Talk(a_flow(FIRST, SECOND, ASK, reserved={"nome": "ask"})).done().says("Nome")
    assert led.path == ["first", "ask"]


def test_who_asks_for_a_person_is_told_apart_from_the_flows_own_hand_off() -> None:
    action = talk().says("atendente")
    assert [command.reason for command in action.asked(HandOff)] == ["customer_asked"]
    assert action.done().session.finished == "handoff"
    node = Talk(a_flow(*NODES, reserved={"atendente": "people"})).done().says("atendente")
    assert [command.reason for command in node.asked(HandOff)] == ["customer_asked"]
    flow = talk().says("1").done().says("1")
    assert [command.reason for command in flow.asked(HandOff)] == ["node"]


def test_a_tap_on_an_old_menu_is_told_so() -> None:
    old = talk().says("1").done().taps("b", step=1)
    assert [event.reason for event in old.told(InputRejected)] == ["old_menu"]
    assert old.said[-1] == "old"
    assert old.session.attempt == 0
    assert old.done().taps("a").path == ["first", "second", "people"]


def test_a_tap_on_an_old_menu_may_be_honoured() -> None:
    old = talk(old_taps=HONOUR).says("1").done().taps("b", step=1)
    assert old.path == ["first", "second", "ask"]


def test_a_tap_on_an_old_menu_may_restart_there() -> None:
    old = talk(old_taps=RESTART).says("2").done().taps("a", step=1)
    assert old.path == ["first", "ask", "first"]


@pytest.mark.parametrize("policy", [IGNORE, HONOUR, RESTART])
def test_a_tap_on_a_menu_of_another_session_is_only_told_so(policy: OldTaps) -> None:
    other = talk(old_taps=policy).taps("a", session=UUID(int=99))
    assert other.path == ["first"]
    assert other.said[-1] == "old"


PAUSE = node(Wait, id="pause", duration=60, next={"elapsed": "people", "interrupted": "ask"})


def paused() -> Talk:
    """In a wait behind a menu, whose buttons can still be tapped."""
    menu = altered(FIRST, next={"a": "pause", "b": "ask"})
    return Talk(a_flow(menu, PAUSE, ASK)).done().says("1")


def test_a_tap_on_an_old_menu_during_a_wait_is_told_so_and_the_wait_goes_on() -> None:
    old = paused().taps("b", step=1)
    assert old.said[-1] == "old"
    old.done()
    assert old.asked(HandOff) == []
    assert old.path == ["first", "pause"]
    assert old.says("oi").path == ["first", "pause", "ask"]


def test_such_a_tap_does_not_make_the_wait_longer() -> None:
    old = paused().after(50).taps("b", step=1).after(5).done()
    assert old.after(4).path == ["first", "pause"]
    assert old.after(1).path == ["first", "pause", "people"]


def test_such_a_notice_may_be_refused() -> None:
    old = paused().taps("b", step=1).refused("window_closed")
    assert old.path == ["first", "pause"]
    assert old.after(60).path == ["first", "pause", "people"]


def test_silence_again_and_again_stops_the_session() -> None:
    circle = (
        node(Wait, id="wait", duration=1, next={"elapsed": "wait", "interrupted": "wait"}),
        node(Close, id="bye"),
    )
    silent = Talk(a_flow(*circle, limits=Limits(silent_timeouts=3)))
    for _ in range(6):
        silent.after(1)
    assert silent.guards == ["silent_timeouts"]
    assert [command.reason for command in silent.asked(HandOff)] == ["loop"]
    assert len(silent.told(TimerFired)) == 4


def test_a_session_ends_after_its_time() -> None:
    old = talk(limits=Limits(session=100)).after(100)
    assert [command.reason for command in old.asked(HandOff)] == ["timeout"]


def test_a_word_of_the_customer_ends_the_silence() -> None:
    wait = node(Wait, id="wait", duration=1, next={"elapsed": "wait", "interrupted": "wait"})
    talk = Talk(a_flow(wait, limits=Limits(silent_timeouts=3)))
    for _ in range(3):
        talk.after(1).after(1).after(1).says("oi")
    assert talk.guards == []


def test_nothing_waits_longer_than_the_session() -> None:
    wait = node(Wait, id="wait", duration=1000, next={"elapsed": "people", "interrupted": "people"})
    talk = Talk(a_flow(wait, limits=Limits(session=100))).after(100)
    assert [command.reason for command in talk.asked(HandOff)] == ["timeout"]


def test_an_answer_is_kept_no_longer_than_its_variable() -> None:
    ask = altered(ASK, save_as="name")
    kept = Talk(a_flow(ask, variables={"name": Variable(max_length=5)}))
    kept.done().says("Ana Maria").done()
    assert kept.session.variables["name"] == "Ana M"
    (command,) = kept.asked(HandOff)
    assert (command.summary or "").endswith("- name: Ana M")


def test_a_stale_timer_does_nothing() -> None:
    stale = talk()
    timer = stale.session.timer
    assert timer is not None
    stale.says("1").done().comes(TimerDue(timer.id))
    assert stale.path == ["first", "second"]


def test_a_circle_of_nodes_that_do_not_wait_is_stopped() -> None:
    circle = (
        node(Condition, id="one", cases=[NEVER], else_="two"),
        node(Condition, id="two", cases=[NEVER], else_="one"),
    )
    steps = Talk(a_flow(*circle, limits=Limits(steps_per_input=100, visits_per_node=100)))
    assert steps.guards == ["steps"]
    assert len(steps.path) == 100
    visits = Talk(a_flow(*circle, limits=Limits(visits_per_node=3)))
    assert visits.guards == ["visits"]
    assert len(visits.path) == 6


def test_many_dear_conditions_for_one_input_are_stopped() -> None:
    dear = "name == 'x'" + " || name == 'x'" * 60
    cases = [{"when": dear, "next": "people"}] * 5
    one = node(Condition, id="one", cases=cases, else_="two")
    circle = (one, altered(one, id="two", **{"else": "one"}))
    talk = Talk(a_flow(*circle, variables={"name": Variable(max_length=5)}))
    assert talk.guards == ["conditions"]
    assert len(talk.path) == CONDITIONS_PER_STEP // (5 * len(dear)) + 1
    assert [command.reason for command in talk.asked(HandOff)] == ["loop"]


def test_too_many_messages_without_an_answer_stop_the_session() -> None:
    circle = node(Message, id="again", text="Oi", next={"done": "again"})
    loud = Talk(a_flow(circle, limits=Limits(outbound_without_inbound=4))).done()
    assert loud.guards == ["outbound"]
    assert len(loud.asked(QueueAutomaticMessage)) == 4


def test_an_input_that_leads_to_no_command_keeps_the_session() -> None:
    wait = node(Wait, id="wait", duration=60, next={"elapsed": "people", "interrupted": "people"})
    quiet = Talk(a_flow(altered(ASK, next={"answered": "wait"}), wait)).done().says("Ana")
    assert [type(effect) for effect in quiet.last] == [KeepSession]
    assert quiet.comes(Replied(command_id=quiet.last[0].command_id)).last == ()


def test_a_reply_that_comes_twice_is_one() -> None:
    twice = Talk(a_flow(*NODES))
    reply = Replied(command_id=twice.session.pending[0], message_id=UUID(int=9))
    twice.comes(reply)
    before = twice.session
    assert twice.comes(reply).session == before


def test_what_came_during_a_step_and_must_wait_on_keeps_the_session() -> None:
    hello = node(Message, id="hello", text="Oi", next={"done": "wait"})
    wait = node(Wait, id="wait", duration=90, interruptible=False, next={"elapsed": "ask"})
    waiting = Talk(a_flow(hello, wait, ASK)).says("Ana").done()
    assert [type(effect) for effect in waiting.last] == [KeepSession]
    assert waiting.after(90).done().path == ["hello", "wait", "ask", "people"]


def test_what_is_said_while_the_ticket_is_given_away_is_heard_if_it_is_not() -> None:
    end = node(Close, id="end", next={"busy": "ask"})
    refused = Talk(a_flow(end, ASK)).says("Ana").refused("busy").done()
    assert refused.path == ["end", "ask", "people"]
