"""What publishing refuses: everything that would only fail when a customer is there.

bots.md, "Limits to enforce when publishing" and session rule 12; lengths of Cloud API 3.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from services.bot.domain.evaluators import Evaluators
from services.bot.domain.faults import Draft
from services.bot.domain.flow import Flow
from services.bot.domain.flow_settings import ACTIONS
from services.bot.domain.nodes import NODES
from services.bot.domain.nodes.base import REFUSED, Node
from shared.contracts.problems import PROBLEMS


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where; `node` is empty for what belongs to the whole flow."""

    node: str
    field: str
    message: str

    def __str__(self) -> str:
        """As the author reads it."""
        where = f"nodes.{self.node}.{self.field}" if self.node else self.field
        return f"{where}: {self.message}"


def faults(
    flow: Flow,
    *,
    evaluators: Evaluators,
    sectors: Collection[str] | None,
    close_reasons: Collection[UUID] | None = None,
) -> list[Fault]:
    """All that is wrong with a flow; what the account has is not looked at where it is None."""
    wrong, draft = list(_references(flow)), Draft(flow, evaluators)
    for id_, node in flow.nodes.items():
        wrong += _outputs(flow, id_, node)
        wrong += [Fault(id_, fault.field, fault.message) for fault in node.faults(draft)]
        if sectors is not None:
            wrong += _sector(id_, node, sectors)
        if close_reasons is not None:
            wrong += _close_reason(id_, node, close_reasons)
    return wrong or list(_ways(flow))  # ways only make sense when every edge leads somewhere


def _references(flow: Flow) -> Iterator[Fault]:
    if flow.entry not in flow.nodes:
        yield Fault("", "entry", f"there is no node {flow.entry}")
    for output, node in flow.defaults.items():
        if node not in flow.nodes:
            yield Fault("", f"defaults.{output}", f"there is no node {node}")
    for word, action in flow.actions().items():
        if action not in flow.nodes and action not in ACTIONS:
            known = ", ".join(sorted(ACTIONS))
            yield Fault("", f"reserved.{word}", f"{action} is neither a node nor {known}")


def _outputs(flow: Flow, id_: str, node: Node) -> Iterator[Fault]:
    wanted = node.outputs()
    known = {*wanted, *(PROBLEMS if node.COMMANDS else ()), REFUSED}
    for output, behind in node.edges().items():
        if output not in known:
            yield Fault(id_, node.field_of(output), "the node has no such output")
        if behind not in flow.nodes:
            yield Fault(id_, node.field_of(output), f"there is no node {behind}")
    for output in wanted:
        if flow.target(id_, output) is None:
            yield Fault(id_, node.field_of(output), "leads nowhere, and has no default")


def _sector(id_: str, node: Node, sectors: Collection[str]) -> Iterator[Fault]:
    if node.sector_name is not None and node.sector_name not in sectors:
        known = ", ".join(sorted(sectors)) or "none"
        message = f"the account has no active sector {node.sector_name} (it has: {known})"
        yield Fault(id_, "sector", message)


def _close_reason(id_: str, node: Node, close_reasons: Collection[UUID]) -> Iterator[Fault]:
    named = node.close_reason_id
    if named is not None and named not in close_reasons:
        yield Fault(id_, "unclaimed.reason", f"the account has no active close reason {named}")


def _ways(flow: Flow) -> Iterator[Fault]:
    """Nodes that cannot be reached, nodes from which no end can be, circles that nobody stops."""
    behind = {id_: _behind(flow, id_, node) for id_, node in flow.nodes.items()}
    words = [action for action in flow.reserved.values() if action in flow.nodes]
    reached = _reached([flow.entry, *words], behind)
    for id_ in flow.nodes.keys() - reached:
        yield Fault(id_, "next", "no way leads to this node")
    ends = [id_ for id_, node in flow.nodes.items() if node.ENDS]
    for id_ in sorted(reached - _reached(ends, _before(behind))):
        yield Fault(id_, "next", f"no way leads from here to a {_last_types()}")
    yield from _circles(flow, behind)


def _behind(flow: Flow, id_: str, node: Node) -> set[str]:
    wanted = (flow.target(id_, output) for output in node.outputs())
    return {*node.edges().values(), *(found for found in wanted if found)}


def _before(behind: Mapping[str, set[str]]) -> dict[str, set[str]]:
    before: dict[str, set[str]] = {id_: set() for id_ in behind}
    for id_, nodes in behind.items():
        for each in nodes:
            before[each].add(id_)
    return before


def _last_types() -> str:
    """The types of nodes that end a flow, in words."""
    *others, last = [kind.type_name() for kind in NODES if kind.ENDS]
    return f"{', '.join(others)} or {last}"


def _reached(starts: Iterable[str], behind: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        id_ = waiting.pop()
        if id_ not in seen:
            seen.add(id_)
            waiting += behind[id_]
    return seen


def _circles(flow: Flow, behind: Mapping[str, set[str]]) -> Iterator[Fault]:
    """Nodes that come to themselves without a node that waits for somebody or for time."""
    moving = {id_ for id_, node in flow.nodes.items() if not node.WAITS and not node.ENDS}
    among = {id_: behind[id_] & moving for id_ in moving}
    for id_ in sorted(moving):
        if id_ in _reached(among[id_], among):
            yield Fault(id_, "next", "comes back to itself without a node that waits")
