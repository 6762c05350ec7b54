"""How does a session go from node to node until one waits? With guards against loops."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from services.bot.domain import menus
from services.bot.domain.events import LoopStopped, NodeEntered
from services.bot.domain.flow import (
    DONE,
    ELSE,
    ERROR,
    RESERVED,
    Ask,
    Case,
    Close,
    Condition,
    HandOff,
    Menu,
    Message,
    SetField,
    SetSector,
    Wait,
    target,
    target_of_refusal,
)
from services.bot.domain.turn import Turn, types
from shared.contracts.outbound import TextContent
from shared.contracts.ticket_commands import AssignSector, SetContactField

CONDITIONS_PER_STEP: Final = 20_000
"""In characters. The dearest condition of 1,000 takes 10 ms, in which no other session goes on."""


def walk(turn: Turn, output: str) -> None:
    """Leave the active node by this output."""
    found = turn.flow and turn.node and target(turn.flow, turn.node, output)
    if found:
        go_to(turn, found, output)
    else:
        turn.hand_off("error")


def walk_refused(turn: Turn, code: str) -> None:
    """Leave the active node because a command of it was refused."""
    found = turn.flow and turn.node and target_of_refusal(turn.flow, turn.node, code)
    if found:
        go_to(turn, found[1], found[0])
    else:
        turn.hand_off("error", resort="last")


def go_to(turn: Turn, node: str, by_output: str | None) -> None:
    """Enter a node, and those behind it, until one waits or a guard stops the session."""
    at: str | None = node
    output = by_output
    while at is not None:
        guard = _guard(turn, at)
        if guard is not None:
            stop_loop(turn, guard, at)
            return
        turn.tell(NodeEntered(at=turn.at, node=at, by_output=output))
        output = _enter(turn, output)
        if output is None:
            return
        at = turn.flow and turn.node and target(turn.flow, turn.node, output)
    turn.hand_off("error")


def stop_loop(turn: Turn, guard: str, node: str) -> None:
    """A guard has tripped: people go on."""
    turn.tell(LoopStopped(at=turn.at, node=node, guard=guard))
    turn.hand_off("loop")


def prompt(turn: Turn, text: str) -> None:
    """Say what the active node asks, with this text (not yet with its values)."""
    if turn.flow is None:
        return
    if turn.session.outbound >= turn.flow.limits.outbound_without_inbound:
        stop_loop(turn, "outbound", turn.session.node or "")
        return
    said = turn.text(text)
    node, session = turn.node, turn.session
    if isinstance(node, Menu):
        turn.say(menus.content(node, said, session.id, session.step))
    else:
        turn.say(TextContent(text=said))


def _guard(turn: Turn, node: str) -> str | None:
    if turn.flow is None:
        return None
    limits, session = turn.flow.limits, turn.session
    if session.walked >= limits.steps_per_input:
        return "steps"
    if (session.visits or {}).get(node, 0) >= limits.visits_per_node:
        return "visits"
    return None


def _enter(turn: Turn, by_output: str | None) -> str | None:
    """What the node does; an output when it neither waits nor asks."""
    match turn.node:
        case Message(text=text) | Menu(text=text) | Ask(text=text):
            prompt(turn, text)
        case Condition(cases=cases):
            return _way(turn, cases)
        case SetSector(sector=sector):
            return _set_sector(turn, _sector(turn, sector))
        case SetField(name=name, value=value):
            said = turn.text(value)
            turn.ask(lambda fields: SetContactField(**fields, name=name, value=said))
        case Wait():
            pass  # its timer is set when the step rests
        case HandOff() as node:
            _hand_off(turn, node, "customer_asked" if by_output == RESERVED else "node")
        case Close(farewell=farewell):
            turn.close(farewell=farewell)
        case None:
            turn.hand_off("error")
    return None


def _way(turn: Turn, cases: Iterable[Case]) -> str | None:
    """By the first case that holds; what cannot be told decides before those behind it.

    None: a guard has tripped.
    """
    known, values = types(turn.flow), turn.session.variables
    for case in cases:
        turn.judged += len(case.when)
        if turn.judged > CONDITIONS_PER_STEP:
            stop_loop(turn, "conditions", turn.session.node or "")
            return None
        held = turn.reading.condition_holds(case.when, known, values)
        if held is not False:
            return ERROR if held is None else case.output
    return ELSE


def _hand_off(turn: Turn, node: HandOff, reason: str) -> None:
    turn.hand_off(
        reason,
        sector_id=_sector(turn, node.sector),
        with_summary=node.summary,
        unclaimed=node.unclaimed,
        resort="flow",
    )


def _set_sector(turn: Turn, sector_id: UUID | None) -> str | None:
    if sector_id is None:
        return DONE
    turn.ask(lambda fields: AssignSector(**fields, sector_id=sector_id))
    return None


def _sector(turn: Turn, name: str | None) -> UUID | None:
    return None if turn.flow is None or name is None else turn.flow.sectors.get(name)
