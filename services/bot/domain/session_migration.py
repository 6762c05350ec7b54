"""Whether a session may go on in another version of its flow, and how (bots.md, session rule 2).

A node goes by the operator's map, else by its own id. A session that rests at a node needs one of
the same type there, for it waits for the same sort of answer.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from services.bot.domain.evaluators import Evaluators
from services.bot.domain.events import SessionMigrated
from services.bot.domain.flow import Flow
from services.bot.domain.input import take_queue
from services.bot.domain.session import Session
from services.bot.domain.step import Stepped, stepped
from services.bot.domain.step_context import StepContext
from services.bot.domain.traversal import rest


def faults(
    old: Mapping[int, Flow],
    new: Flow,
    nodes: Mapping[str, str],
    standing: Iterable[tuple[int, str]],
) -> list[str]:
    """What forbids to migrate sessions; `standing` has the version and node of each."""
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
    here, to = old.nodes[node], nodes.get(node, node)
    if not here.WAITS:
        return None
    there = new.node(to)
    if there is None:
        return f"node {node}: sessions stand here, and the new version has no node {to}"
    if there.type_name() != here.type_name():
        types = here.type_name(), there.type_name()
        return f"node {node}: is of type {types[0]}, and {to} of the new version {types[1]}"
    return None


def migrated(
    session: Session,
    flows: tuple[Flow, Flow],
    version: int,
    nodes: Mapping[str, str],
    at: datetime,
    evaluators: Evaluators,
) -> Stepped:
    """The session in the new one of (old, new); it must be free and have no fault where it is."""
    old, new = flows
    context = StepContext(new, session, at, evaluators)
    here = session.node or ""
    rearm = old.nodes[here].patience != new.nodes[nodes.get(here, here)].patience
    context.record(SessionMigrated(at=at, version=version, nodes=nodes, rearm=rearm))
    take_queue(new, context)  # a wait may have become one that can be interrupted
    rest(new, context)
    return stepped(context)


def _of_the_map(old: Mapping[int, Flow], new: Flow, nodes: Mapping[str, str]) -> Iterator[str]:
    for node, to in sorted(nodes.items()):
        if old and not any(node in flow.nodes for flow in old.values()):
            yield f"{node}={to}: no version that is left has a node {node}"
        if to not in new.nodes:
            yield f"{node}={to}: the new version has no node {to}"
