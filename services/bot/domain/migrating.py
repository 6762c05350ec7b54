"""May a session go on in another version of its flow, and how (bots.md, session rule 2)?

A node goes by the operator's map, else by its own id; what stands there must be of the same kind,
for it waits for the same sort of answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from services.bot.domain.events import SessionMigrated
from services.bot.domain.flow import AnyNode, Flow, Listening, Wait
from services.bot.domain.hearing import take_queue
from services.bot.domain.reading import Reading
from services.bot.domain.session import Session
from services.bot.domain.step import Stepped
from services.bot.domain.turn import Turn, patience


def faults(
    old: Mapping[int, Flow],
    new: Flow,
    nodes: Mapping[str, str],
    standing: Iterable[tuple[int, str]],
) -> list[str]:
    """All that forbids to migrate sessions of these versions, who stand at these nodes."""
    wrong = list(_of_the_map(old, new, nodes))
    for version, node in sorted(set(standing)):
        fault = _fault_of(old.get(version), new, nodes, node)
        wrong += [] if fault is None else [f"version {version}, {fault}"]
    return wrong


def _fault_of(old: Flow | None, new: Flow, nodes: Mapping[str, str], node: str) -> str | None:
    if old is None:
        return f"node {node}: cannot be read any more, stop the sessions that stand here"
    return fault_at(old, new, nodes, node)


def fault_at(old: Flow, new: Flow, nodes: Mapping[str, str], node: str) -> str | None:
    """Why a session that rests at this node cannot be migrated; None: it can, or does not rest."""
    here = old.nodes[node]
    if not isinstance(here, Listening | Wait):
        return None
    to = nodes.get(node, node)
    there = new.nodes.get(to)
    if there is None:
        return f"node {node}: sessions stand here, and the new version has no node {to}"
    if type(there) is not type(here):
        return f"node {node}: is of kind {_kind(here)}, and {to} of the new version {_kind(there)}"
    return None


def migrated(
    session: Session,
    flows: tuple[Flow, Flow],
    version: int,
    nodes: Mapping[str, str],
    at: datetime,
    reading: Reading,
) -> Stepped:
    """The session in the new one of (old, new); it must be free and have no fault where it is."""
    old, new = flows
    turn = Turn(new, session, at, reading)
    here, to = session.node or "", nodes.get(session.node or "", session.node or "")
    rearm = patience(old.nodes[here]) != patience(new.nodes[to])
    turn.tell(SessionMigrated(at=at, version=version, nodes=nodes, rearm=rearm))
    take_queue(turn)  # a wait may have become one that can be interrupted
    turn.rest()
    return Stepped(turn.session, tuple(turn.events), tuple(turn.effects))


def _of_the_map(old: Mapping[int, Flow], new: Flow, nodes: Mapping[str, str]) -> Iterator[str]:
    for node, to in sorted(nodes.items()):
        if old and not any(node in flow.nodes for flow in old.values()):
            yield f"{node}={to}: no version that is left has a node {node}"
        if to not in new.nodes:
            yield f"{node}={to}: the new version has no node {to}"


def _kind(node: AnyNode) -> str:
    return type(node).__name__.lower()
