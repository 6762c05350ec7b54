"""Any flow, any customer, any clock: one active step, guards hold, a replay gives the same."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bot.adapters.evaluators import EVALUATORS
from services.bot.domain.events import CommandIssued, NodeEntered
from services.bot.domain.flow import Flow
from services.bot.domain.flow_settings import Limits
from services.bot.domain.inputs import Replied
from services.bot.domain.nodes import NODES
from services.bot.domain.nodes.base import Node
from services.bot.domain.session import rebuilt
from services.bot.domain.step import step
from services.bot.domain.validate import faults
from shared.contracts.ticket_commands import HandOff, KeepSession, QueueAutomaticMessage
from tests.bot.talking import SESSION, Talk

WORDS = (
    "1",
    "2",
    "9",
    "Alfa",
    "be",
    "sim",
    "não",
    "menu",
    "sair",
    "atendente",
    "#",
    "oi",
    "",
    None,
)
CODES = (None, "session_ended", "window_closed", "sector_inactive", "busy")
LIMITS = Limits(visits_per_node=6, outbound_without_inbound=5, silent_timeouts=3)
CONDITIONS = (
    ("v == 'Alfa'",),
    ("known.v && folded.v != 'beta'", "folded.nome == 'maria'"),
    ("size(v) / size(v) == 1", "true"),
    ("folded.v in ['yes', 'alfa']", "folded.v.startsWith('be')"),
    ("int(v) == 1",),
)
"""Some of them cannot be evaluated for every value."""
NAMES = tuple(f"n{number}" for number in range(5))
ASKED: dict[str, Any] = {"text": "{nome|x}?", "invalid": ("again",), "timeout": 60, "save_as": "v"}
OPTIONS = [{"id": "a", "title": "Alfa"}, {"id": "b", "title": "Beta"}]
To = Callable[[], str]


def _condition(to: To) -> dict[str, Any]:
    whens = CONDITIONS[NAMES.index(to())]
    return {"cases": [{"when": when, "next": to()} for when in whens], "else": to(), "error": to()}


FIELDS: Final[dict[str, Callable[[To], dict[str, Any]]]] = {
    "message": lambda _: {"text": "Oi, {nome|x}"},
    "menu": lambda _: {**ASKED, "options": OPTIONS, "button": "Ver"},
    "ask": lambda _: {**ASKED, "kind": "yes_no", "attempts": 2},
    "condition": _condition,
    "set_sector": lambda _: {"sector": "Vendas"},
    "set_field": lambda _: {"name": "f", "value": "{v|x}"},
    "wait": lambda to: {"duration": 30, "interruptible": to() != "n3"},
    "hand_off": lambda _: {"sector": "Vendas"},
    "close": lambda _: {},
    "end": lambda _: {},
    "go_to": lambda to: {"node": to()},
    "random_split": lambda to: {
        "branches": [{"next": to()}, {"next": to(), "weight": 3}],
        "sticky": to() != "n3",
    },
}
"""The fields of each type of node besides `next`."""


def _node(type_: type[Node], to: To) -> Node:
    fields = FIELDS[type_.type_name()](to)
    bare = type_.model_validate(fields)
    if "next" not in type_.model_fields:
        return bare
    edges = {output: to() for output in bare.outputs()}
    return type_.model_validate({**fields, "next": edges})


@pytest.mark.parametrize("type_", NODES)
def test_every_type_of_node_occurs_in_histories(type_: type[Node]) -> None:
    assert type_.type_name() in FIELDS


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    nodes = {
        id_: _node(draw(st.sampled_from(NODES)), lambda: draw(st.sampled_from(NAMES)))
        for id_ in NAMES[:-1]
    }
    policies = ("ignore_with_notice", "honour_if_same_version", "restart_here")
    fields: dict[str, Any] = {
        "key": "any",
        "name": "Any",
        "entry": NAMES[0],
        "nodes": {**nodes, NAMES[-1]: {"type": "hand_off"}},
        "variables": {"v": {"max_length": 5}},
        "reserved": {"menu": "restart", "sair": "close", "atendente": "hand_off"},
        "old_taps": {"policy": draw(st.sampled_from(policies)), "notice": "old"},
        "limits": LIMITS,
    }
    return Flow.model_validate(fields).with_sectors({"Vendas": UUID(int=5)})


def _moved(talk: Talk, data: st.DataObject) -> None:
    draw = data.draw
    what = draw(st.sampled_from(("say", "say", "tap", "done", "done", "refuse", "clock", "sent")))
    pending = talk.session.pending
    if what == "say":
        talk.says(draw(st.sampled_from(WORDS)))
    elif what == "tap":
        talk.taps(draw(st.sampled_from(("a", "b", "z"))), step=draw(st.integers(0, 6)))
    elif what == "done" and pending:
        id_ = draw(st.sampled_from(pending))
        talk.comes(Replied(command_id=id_, message_id=uuid5(id_, "m")))
    elif what == "refuse" and pending:
        talk.refused(draw(st.sampled_from(CODES)))
    elif what == "clock":
        talk.after(draw(st.sampled_from((1.0, 31.0, 61.0, 90_000.0))))
    elif what == "sent":
        talk.sent()


def _holds(talk: Talk, flow: Flow) -> None:
    session = talk.session
    assert rebuilt(talk.events) == session
    waits = flow.nodes[session.node or ""].WAITS
    if session.finished is None and not session.over:
        assert session.pending or (waits and session.timer is not None)
    assert not (session.pending and session.timer)
    assert len(session.pending) <= 1
    assert max((session.visits or {}).values()) <= LIMITS.visits_per_node
    assert session.walked <= LIMITS.steps_per_input
    assert session.outbound <= LIMITS.outbound_without_inbound
    ids = [command.command_id for command in talk.commands]
    assert len(ids) == len(set(ids))
    steps = [event for event in talk.events if isinstance(event, NodeEntered)]
    assert len(steps) == session.step


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_it_always_ends_or_waits_one_step_at_a_time(data: st.DataObject) -> None:
    flow = data.draw(flows())
    talk = Talk(flow)
    _holds(talk, flow)
    for _ in range(data.draw(st.integers(0, 25))):
        busy = bool(talk.session.pending)
        _moved(talk, data)
        asked = [each for each in talk.last if isinstance(each, QueueAutomaticMessage)]
        assert len(asked) <= 1, "two active steps"
        if busy and talk.session.pending:
            assert not [each for each in talk.last if isinstance(each, KeepSession)]
        _holds(talk, flow)
    _comes_to_an_end(talk)


def _comes_to_an_end(talk: Talk) -> None:
    """A customer who is silent for ever, and a ticket that does what it is asked."""
    for _ in range(200):
        if not talk.session.running:
            return
        talk.done().after(90_000)
    raise AssertionError(talk.events)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_same_inputs_give_the_same_commands(data: st.DataObject) -> None:
    flow = data.draw(flows())
    one, other = Talk(flow), Talk(flow)
    for text in data.draw(st.lists(st.sampled_from(WORDS), max_size=8)):
        for talk in (one, other):
            talk.done().says(text)
    assert one.commands == other.commands
    assert one.events == other.events


def test_a_session_is_stepped_by_its_state_alone() -> None:
    """What was rebuilt from the events goes on exactly as what was kept."""
    flow = Flow.model_validate(
        {
            "key": "k",
            "name": "K",
            "entry": "a",
            "nodes": {
                "a": {"type": "ask", "text": "?", "next": "h"},
                "h": {"type": "hand_off"},
            },
            "defaults": {"refused": "h", "invalid_exhausted": "h"},
        }
    )
    assert faults(flow, evaluators=EVALUATORS, sectors=()) == []
    talk = Talk(flow).done()
    again = rebuilt(talk.events)
    assert again is not None
    reply = Replied(command_id=UUID(int=1))
    kept = step(flow, talk.session, reply, talk.now, EVALUATORS)
    assert step(flow, again, reply, talk.now, EVALUATORS) == kept
    issued = talk.told(CommandIssued)
    assert [event.command_id for event in issued] == [uuid5(SESSION, "1:0")]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_validation_lets_pass_never_loses_its_way(data: st.DataObject) -> None:
    """Where every output leads somewhere, only a guard or a refusal can end a session early."""
    flow = data.draw(flows())
    talk = Talk(flow).done()
    for _ in range(data.draw(st.integers(0, 12))):
        if data.draw(st.booleans()):
            talk.says(data.draw(st.sampled_from(WORDS))).done()
        else:
            talk.after(61.0).done()
    reasons = [command.reason for command in talk.asked(HandOff)]
    assert "error" not in reasons
    assert reasons.count("loop") == len(talk.guards)
