"""`end` ends the session; tickets gives the ticket back, or lets it wait for people."""

from services.bot.adapters.evaluators import EVALUATORS
from services.bot.domain.events import SessionFinished
from services.bot.domain.nodes import Ask, Close, End
from services.bot.domain.validate import faults
from shared.contracts.ticket_commands import CancelMessage, HandOff
from tests.bot.talking import Talk, a_flow, altered, node

ASK = node(Ask, id="ask", text="Nota?", save_as="grade", next="end")
END = node(End, id="end")
BYE = node(Close, id="bye")
VARIABLES = {"grade": {"label": "Nota"}}


def test_the_ticket_is_handed_off_as_ended_with_a_summary() -> None:
    talk = Talk(a_flow(ASK, END, variables=VARIABLES)).done().says("10")
    (command,) = talk.asked(HandOff)
    assert (command.reason, command.sector_id, command.unclaimed) == ("ended", None, None)
    assert command.summary == "Caminho: ask > end\nRespostas:\n- Nota: 10"


def test_a_summary_may_be_left_out() -> None:
    (command,) = Talk(a_flow(altered(END, summary=False))).asked(HandOff)
    assert command.summary is None


def test_the_session_finishes_with_end() -> None:
    talk = Talk(a_flow(END)).done()
    assert [(each.reason, each.cut) for each in talk.told(SessionFinished)] == [("end", False)]


def test_what_tickets_says_of_it_first_is_its_own_end() -> None:
    talk = Talk(a_flow(ASK, END, variables=VARIABLES)).done().says("10")
    talk.ended("handoff", by_flow=True)
    assert talk.session.finished == "end"
    assert talk.asked(CancelMessage) == []


def test_a_refusal_leads_on_where_the_node_says_so() -> None:
    end = altered(END, next="bye")
    assert Talk(a_flow(end, BYE)).refused("busy").path == ["end", "bye"]
    talk = Talk(a_flow(END)).refused("busy")
    assert [command.reason for command in talk.asked(HandOff)] == ["ended", "error"]


def test_a_flow_may_end_with_it_alone() -> None:
    flow = a_flow(ASK, END, variables=VARIABLES, defaults={"refused": "end"}, reserved={})
    nodes = {**flow.nodes}
    del nodes["people"]
    alone = flow.model_copy(update={"nodes": nodes, "defaults": dict.fromkeys(DEFAULTS, "end")})
    assert faults(alone, evaluators=EVALUATORS, sectors=()) == []


DEFAULTS = ("refused", "invalid_exhausted", "timeout")
