"""Any flow, any customer, any clock: one active step, guards hold, a replay gives the same."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from services.bot.adapters.reading import READING
from services.bot.domain import flow as made
from services.bot.domain.building import build
from services.bot.domain.definition import Definition
from services.bot.domain.events import CommandIssued, NodeEntered
from services.bot.domain.inputs import Replied
from services.bot.domain.session import rebuilt
from services.bot.domain.step import step
from services.bot.domain.validate import faults, outputs
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
LIMITS = made.Limits(visits_per_node=6, outbound_without_inbound=5, silent_timeouts=3)
CONDITIONS = (
    ("v == 'Alfa'",),
    ("known.v && folded.v != 'beta'", "folded.nome == 'maria'"),
    ("size(v) / size(v) == 1", "true"),
    ("folded.v in ['yes', 'alfa']", "folded.v.startsWith('be')"),
    ("int(v) == 1",),
)
"""Some of them cannot be told for every value."""
NAMES = tuple(f"n{number}" for number in range(5))


def _node(kind: str, id_: str, to: Callable[[], str]) -> made.AnyNode:
    options = (made.Option(id="a", title="Alfa"), made.Option(id="b", title="Beta"))
    asked = {"text": "{nome|x}?", "invalid": ("again",), "timeout_seconds": 60.0}
    match kind:
        case "message":
            bare: made.AnyNode = made.Message(id=id_, text="Oi, {nome|x}")
        case "menu":
            bare = made.Menu(id=id_, options=options, button="Ver", save_as="v", **asked)  # pyright: ignore[reportArgumentType]
        case "ask":
            bare = made.Ask(id=id_, kind="yes_no", attempts=2, save_as="v", **asked)  # pyright: ignore[reportArgumentType]
        case "condition":
            whens = CONDITIONS[NAMES.index(to())]
            cases = [made.Case(output=f"c{n}", when=when) for n, when in enumerate(whens)]
            bare = made.Condition(id=id_, cases=tuple(cases))
        case "set_sector":
            bare = made.SetSector(id=id_, sector="Vendas")
        case "set_field":
            bare = made.SetField(id=id_, name="f", value="{v|x}")
        case "wait":
            bare = made.Wait(id=id_, seconds=30, interruptible=id_ != "n3")
        case "close":
            return made.Close(id=id_)
        case _:
            return made.HandOff(id=id_, sector="Vendas")
    edges = {output: to() for output in outputs(bare)}
    return replace(bare, next=edges)


KINDS = ("message", "menu", "ask", "condition", "set_sector", "set_field", "wait", "close", "end")


@st.composite
def flows(draw: st.DrawFn) -> made.Flow:
    nodes = {
        id_: _node(draw(st.sampled_from(KINDS)), id_, lambda: draw(st.sampled_from(NAMES)))
        for id_ in NAMES[:-1]
    }
    nodes[NAMES[-1]] = made.HandOff(id=NAMES[-1])
    return made.Flow(
        key="any",
        name="Any",
        entry=NAMES[0],
        nodes=nodes,
        variables={"v": made.Variable(name="v", max_length=5)},
        reserved={"menu": "restart", "sair": "close", "atendente": "hand_off"},
        old_taps=draw(
            st.sampled_from(("ignore_with_notice", "honour_if_same_version", "restart_here"))
        ),
        old_tap_notice="old",
        limits=LIMITS,
        sectors={"Vendas": UUID(int=5)},
    )


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


def _holds(talk: Talk, flow: made.Flow) -> None:
    session = talk.session
    assert rebuilt(talk.events) == session
    waits = isinstance(flow.nodes[session.node or ""], made.Listening | made.Wait)
    if session.finished is None and not session.over:
        assert session.pending or (waits and session.timer is not None)
    assert not (session.pending and session.timer)
    assert len(session.pending) <= 1
    assert max((session.visits or {}).values()) <= LIMITS.visits_per_node
    assert session.walked <= LIMITS.steps_per_input
    assert session.outbound <= LIMITS.outbound_without_inbound
    ids = [command.command_id for command in talk.effects]
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
        asked = [effect for effect in talk.last if isinstance(effect, QueueAutomaticMessage)]
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
    assert one.effects == other.effects
    assert one.events == other.events


def test_a_session_is_stepped_by_its_state_alone() -> None:
    """What was rebuilt from the events goes on exactly as what was kept."""
    definition = Definition.model_validate(
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
    flow = build(definition, {})
    assert faults(flow, reading=READING, sectors=()) == []
    talk = Talk(flow).done()
    again = rebuilt(talk.events)
    assert again is not None
    reply = Replied(command_id=UUID(int=1))
    kept = step(flow, talk.session, reply, talk.now, READING)
    assert step(flow, again, reply, talk.now, READING) == kept
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
