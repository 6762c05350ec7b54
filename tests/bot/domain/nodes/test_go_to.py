"""`go_to` jumps to a node of the flow, and no guard is passed by."""

from services.bot.adapters.evaluators import EVALUATORS
from services.bot.domain.events import NodeEntered
from services.bot.domain.flow import Flow
from services.bot.domain.flow_settings import Limits
from services.bot.domain.nodes import Ask, Close, GoTo, Message
from services.bot.domain.validate import faults
from shared.contracts.ticket_commands import HandOff
from tests.bot.talking import Talk, a_flow, node

JUMP = node(GoTo, id="jump", node="bye")
BYE = node(Close, id="bye")


def faults_of(flow: Flow) -> list[str]:
    return [str(fault) for fault in faults(flow, evaluators=EVALUATORS, sectors=None)]


def test_it_leads_to_the_node_at_once() -> None:
    talk = Talk(a_flow(JUMP, BYE))
    assert talk.path == ["jump", "bye"]
    assert [event.by_output for event in talk.told(NodeEntered)] == [None, "done"]


def test_it_may_lead_back_to_a_question() -> None:
    ask = node(Ask, id="ask", text="?", next="back")
    talk = Talk(a_flow(ask, node(GoTo, id="back", node="ask"))).done().says("a").done().says("b")
    assert talk.path == ["ask", "back", "ask", "back", "ask"]


def test_a_circle_is_stopped() -> None:
    circle = node(GoTo, id="one", node="two"), node(GoTo, id="two", node="one")
    talk = Talk(a_flow(*circle, limits=Limits(visits_per_node=3)))
    assert talk.guards == ["visits"]
    assert [command.reason for command in talk.asked(HandOff)] == ["loop"]
    again = node(Message, id="again", text="Oi", next="back"), node(GoTo, id="back", node="again")
    loud = Talk(a_flow(*again, limits=Limits(outbound_without_inbound=4))).done()
    assert loud.guards == ["outbound"]


def test_a_circle_is_not_published() -> None:
    circle = node(GoTo, id="one", node="two"), node(GoTo, id="two", node="one")
    found = faults_of(a_flow(*circle))
    assert "nodes.one.next: comes back to itself without a node that waits" in found


def test_a_node_that_is_not_there_is_named() -> None:
    (fault,) = faults_of(a_flow(node(GoTo, id="jump", node="gone")))
    assert fault == "nodes.jump.node: there is no node gone"
