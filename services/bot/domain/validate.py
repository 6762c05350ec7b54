"""What does publishing refuse? Everything that would only fail when a customer is there.

bots.md, "Limits to enforce when publishing" and session rule 12; lengths of Cloud API 3.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from services.bot.domain import flow as made
from services.bot.domain import menus
from services.bot.domain.folding import fold
from services.bot.domain.reading import Reading
from services.bot.domain.rendering import render, variables_in, worst_length
from services.bot.domain.turn import longest, types
from shared.contracts.problems import PROBLEMS

LONGEST_TEXT: Final = 4096
LONGEST_BODY: Final = 1024
_LONGEST_FIELD: Final = 1000
_TERMINAL: Final = made.HandOff | made.Close
_WAITING: Final = made.Listening | made.Wait
_ASKING: Final = (
    made.Message | made.Menu | made.Ask | made.SetSector | made.SetField | made.HandOff | made.Close
)


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


def faults(flow: made.Flow, *, reading: Reading, sectors: Iterable[str] | None) -> list[Fault]:
    """All that is wrong with a flow; `sectors` None: they are not looked at."""
    wrong = list(_edges(flow))
    for node in flow.nodes.values():
        wrong += _outputs(flow, node)
        wrong += _texts(flow, node)
        wrong += _of_its_kind(flow, node, reading)
        if sectors is not None:
            wrong += _sector(node, set(sectors))
    return wrong or list(_ways(flow))  # ways only make sense when every edge leads somewhere


def outputs(node: made.AnyNode) -> list[str]:
    """The outputs that must lead somewhere."""
    found: list[str] = []
    match node:
        case made.Menu(options=options):
            found = [option.id for option in options]
        case made.Ask(kind=kind):
            found = [made.YES, made.NO] if kind == "yes_no" else [made.ANSWERED]
        case made.Condition(cases=cases):
            found = [*(case.output for case in cases), made.ELSE, made.ERROR]
        case made.Wait(interruptible=interruptible):
            found = [made.ELAPSED, *([made.INTERRUPTED] if interruptible else [])]
        case made.HandOff() | made.Close():
            return []
        case _:
            found = [made.DONE]
    if isinstance(node, made.Listening):
        found.append(made.INVALID_EXHAUSTED)
        if node.timeout_seconds is not None:
            found.append(made.TIMEOUT)
    if isinstance(node, _ASKING):
        found.append(made.REFUSED)
    return found


def _edges(flow: made.Flow) -> Iterator[Fault]:
    if flow.entry not in flow.nodes:
        yield Fault("", "entry", f"there is no node {flow.entry}")
    for output, node in flow.defaults.items():
        if node not in flow.nodes:
            yield Fault("", f"defaults.{output}", f"there is no node {node}")
    for word, action in flow.reserved.items():
        if action not in flow.nodes and action not in made.ACTIONS:
            known = ", ".join(sorted(made.ACTIONS))
            yield Fault("", f"reserved.{word}", f"{action} is neither a node nor {known}")


def _outputs(flow: made.Flow, node: made.AnyNode) -> Iterator[Fault]:
    wanted = outputs(node)
    known = {*wanted, *(PROBLEMS if isinstance(node, _ASKING) else ()), made.REFUSED}
    for output, behind in node.next.items():
        if output not in known:
            yield Fault(node.id, f"next.{output}", "the node has no such output")
        if behind not in flow.nodes:
            yield Fault(node.id, f"next.{output}", f"there is no node {behind}")
    for output in wanted:
        if made.target(flow, node, output) is None:
            yield Fault(node.id, f"next.{output}", "leads nowhere, and has no default")


def _texts(flow: made.Flow, node: made.AnyNode) -> Iterator[Fault]:
    sizes = longest(flow)
    for field, text, limit in _said(flow, node):
        for name in sorted(variables_in(text) - sizes.keys()):
            yield Fault(node.id, field, f"there is no variable {name}")
        size = worst_length(text, sizes)
        if size > limit:
            yield Fault(node.id, field, f"may have {size} characters, {limit} at most")
        if not render(text, {}, {}).strip():
            yield Fault(node.id, field, "may be empty: give the variable a text, {name|text}")


def _said(flow: made.Flow, node: made.AnyNode) -> Iterator[tuple[str, str, int]]:
    """Each text of the node, as long as it gets, with its limit."""
    if isinstance(node, made.Listening):
        limit = LONGEST_TEXT
        shown: Callable[[str], str] = str
        if isinstance(node, made.Menu):
            as_text = menus.shape(node) == "text"
            limit = LONGEST_TEXT if as_text else LONGEST_BODY
            shown = (lambda text: menus.numbered(node, text)) if as_text else str
        yield "text", shown(node.text), limit
        for number, text in enumerate(node.invalid):
            yield f"invalid.{number}", shown(text), limit
        yield "old_taps.notice", shown(flow.old_tap_notice), limit
    elif isinstance(node, made.Message):
        yield "text", node.text, LONGEST_TEXT
    elif isinstance(node, made.SetField):
        yield "value", node.value, _LONGEST_FIELD
    elif isinstance(node, made.HandOff) and node.unclaimed is not None and node.unclaimed.text:
        yield "unclaimed.text", node.unclaimed.text, LONGEST_TEXT


def _of_its_kind(flow: made.Flow, node: made.AnyNode, reading: Reading) -> Iterator[Fault]:
    if isinstance(node, made.Listening) and node.save_as is not None:
        yield from _saved(flow, node, node.save_as)
    if isinstance(node, made.Menu):
        yield from _menu(flow, node)
    elif isinstance(node, made.Ask):
        yield from _ask(node, reading)
    elif isinstance(node, made.Condition):
        yield from _condition(flow, node, reading)
    elif isinstance(node, made.HandOff) and node.unclaimed is not None:
        yield from _unclaimed(node.id, node.unclaimed)


def _saved(flow: made.Flow, node: made.Listening, name: str) -> Iterator[Fault]:
    variable = flow.variables.get(name)
    kind = node.kind if isinstance(node, made.Ask) else "text"
    if variable is None:
        yield Fault(node.id, "save_as", f"there is no variable {name}")
    elif variable.type not in {"text", kind}:
        yield Fault(node.id, "save_as", f"{name} is of type {variable.type}, and this is not")


def _unclaimed(node: str, waits: made.Unclaimed) -> Iterator[Fault]:
    if waits.then == "message" and waits.text is None:
        yield Fault(node, "unclaimed.text", "belongs to a message, which needs it")
    if waits.then == "flow" and waits.text is not None:
        yield Fault(node, "unclaimed.text", "is not said: the flow speaks for itself")
    if waits.then != "close" and waits.reason_id is not None:
        yield Fault(node, "unclaimed.reason", "belongs to close")


def _menu(flow: made.Flow, menu: made.Menu) -> Iterator[Fault]:
    for field, values in (
        ("id", [option.id for option in menu.options]),
        ("title", [fold(option.title) for option in menu.options]),
    ):
        for number, value in enumerate(values):
            if value in values[:number]:
                yield Fault(menu.id, f"options.{number}.{field}", "stands twice")
    for number, option in enumerate(menu.options):
        words = {fold(word) for word in (option.title, *option.synonyms)}
        for word in sorted(words & flow.reserved.keys() if menu.reserved else ()):
            yield Fault(menu.id, f"options.{number}", f"{word} is a reserved word")


def _ask(ask: made.Ask, reading: Reading) -> Iterator[Fault]:
    if (ask.kind == "regex") != (ask.pattern is not None):
        yield Fault(ask.id, "pattern", "belongs to kind regex, which needs it")
    elif ask.pattern is not None and not reading.compiles(ask.pattern):
        yield Fault(ask.id, "pattern", "is no pattern (without look-around or back-references)")
    bounds = (ask.minimum, ask.maximum)
    if ask.kind not in {"text", "number"} and bounds != (None, None):
        yield Fault(ask.id, "minimum", "belongs to text and number")
    if None not in bounds and (ask.minimum or 0) > (ask.maximum or 0):
        yield Fault(ask.id, "minimum", "is above the maximum")


def _condition(flow: made.Flow, condition: made.Condition, reading: Reading) -> Iterator[Fault]:
    known = types(flow)
    seen: set[str] = {made.ELSE, made.ERROR}
    for number, case in enumerate(condition.cases):
        fault = reading.condition_fault(case.when, known)
        if fault is not None:
            yield Fault(condition.id, f"cases.{number}.when", fault)
        if case.output in seen:
            yield Fault(condition.id, f"cases.{number}.output", "stands twice")
        seen.add(case.output)


def _sector(node: made.AnyNode, sectors: set[str]) -> Iterator[Fault]:
    if not isinstance(node, made.SetSector | made.HandOff):
        return
    if node.sector is not None and node.sector not in sectors:
        known = ", ".join(sorted(sectors)) or "none"
        message = f"the account has no active sector {node.sector} (it has: {known})"
        yield Fault(node.id, "sector", message)


def _ways(flow: made.Flow) -> Iterator[Fault]:
    """Nodes nobody comes to, nodes without an end in sight, circles that nobody stops."""
    behind = {id_: _behind(flow, node) for id_, node in flow.nodes.items()}
    words = [action for action in flow.reserved.values() if action in flow.nodes]
    reached = _reached([flow.entry, *words], behind)
    for id_ in flow.nodes.keys() - reached:
        yield Fault(id_, "next", "no way leads to this node")
    ends = [id_ for id_, node in flow.nodes.items() if isinstance(node, _TERMINAL)]
    before: dict[str, set[str]] = {id_: set() for id_ in flow.nodes}
    for id_, nodes in behind.items():
        for each in nodes:
            before[each].add(id_)
    for id_ in sorted(reached - _reached(ends, before)):
        yield Fault(id_, "next", "no way leads from here to a hand_off or a close")
    yield from _circles(flow, behind)


def _behind(flow: made.Flow, node: made.AnyNode) -> set[str]:
    wanted = (made.target(flow, node, output) for output in outputs(node))
    return {*node.next.values(), *(found for found in wanted if found)}


def _reached(starts: Iterable[str], behind: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = list(starts)
    while waiting:
        id_ = waiting.pop()
        if id_ not in seen:
            seen.add(id_)
            waiting += behind[id_]
    return seen


def _circles(flow: made.Flow, behind: Mapping[str, set[str]]) -> Iterator[Fault]:
    """Nodes that come to themselves without a node that waits for somebody or for time."""
    moving = {id_ for id_, node in flow.nodes.items() if not isinstance(node, _WAITING | _TERMINAL)}
    among = {id_: behind[id_] & moving for id_ in moving}
    for id_ in sorted(moving):
        if id_ in _reached(among[id_], among):
            yield Fault(id_, "next", "comes back to itself without a node that waits")
