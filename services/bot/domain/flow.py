"""What is a flow? Nodes with declared outputs, edges by output, limits; one version never changes.

Lengths are in characters, times in seconds. Texts may hold variables: `{nome}`, `{nome|cliente}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from uuid import UUID

from services.bot.domain.reading import VariableType

DONE: Final = "done"
REFUSED: Final = "refused"
TIMEOUT: Final = "timeout"
INVALID_EXHAUSTED: Final = "invalid_exhausted"
ANSWERED: Final = "answered"
YES: Final = "yes"
NO: Final = "no"
ELSE: Final = "else"
ERROR: Final = "error"
ELAPSED: Final = "elapsed"
INTERRUPTED: Final = "interrupted"
RESERVED: Final = "reserved"
"""No node's own output: the customer wrote a reserved word."""

HAND_OFF: Final = "hand_off"
CLOSE: Final = "close"
RESTART: Final = "restart"
ACTIONS: Final = frozenset({HAND_OFF, CLOSE, RESTART})
"""What a reserved word may do besides leading to a node."""

OldTaps: TypeAlias = Literal["ignore_with_notice", "honour_if_same_version", "restart_here"]
AnswerKind: TypeAlias = Literal[
    "text", "number", "date", "email", "cpf", "cnpj", "cpf_cnpj", "cep", "phone", "yes_no", "regex"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A place in a flow; `next` leads on by output, `title` names it in a summary."""

    id: str
    title: str | None = None
    next: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Node):
    """Says something and goes on when it is queued."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening(Node):
    """Says something and waits for an answer; `invalid` has a text for each attempt."""

    text: str
    invalid: tuple[str, ...]
    attempts: int = 3
    timeout_seconds: float | None = None
    reserved: bool = True  # whether reserved words are heard here
    save_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One choice of a menu; its id is the output."""

    id: str
    title: str
    description: str | None = None
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu(Listening):
    """Offers choices: buttons, a list or numbered text, whichever holds them."""

    options: tuple[Option, ...]
    button: str
    footer: str | None = None
    as_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Listening):
    """Asks for one thing of a kind; `pattern` belongs to `regex`, the bounds to text and number."""

    kind: AnswerKind
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way out of a condition."""

    output: str
    when: str  # a condition in CEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Node):
    """Goes by the first case that holds, else by `else`; by `error` at one that cannot be told."""

    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSector(Node):
    """The ticket belongs to this sector from now on."""

    sector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetField(Node):
    """Remembers something about the contact."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Node):
    """Lets time pass; what the customer says meanwhile interrupts it, or waits."""

    seconds: float
    interruptible: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """What follows when nobody takes the ticket in time: a text, the flow again, or its end."""

    after_seconds: int
    then: Literal["message", "flow", "close"]
    text: str | None = None
    reason_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff(Node):
    """People go on."""

    sector: str | None = None
    summary: bool = True
    unclaimed: Unclaimed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Node):
    """Everything is answered."""

    farewell: bool = False


AnyNode: TypeAlias = (
    Message | Menu | Ask | Condition | SetSector | SetField | Wait | HandOff | Close
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """What an answer is kept as; `label` stands before it in a summary."""

    name: str
    max_length: int
    type: VariableType = "text"
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Guards against loops and against sessions that never end (bots.md, session rules 8, 9)."""

    steps_per_input: int = 100
    visits_per_node: int = 20
    outbound_without_inbound: int = 10
    silent_timeouts: int = 5
    session_seconds: float = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One version of a flow. `defaults` leads on where a node has no edge for an output.

    `reserved` maps folded words to one of ACTIONS or to a node; `sectors` names to ids.
    """

    key: str
    name: str
    entry: str
    nodes: Mapping[str, AnyNode]
    variables: Mapping[str, Variable] = field(default_factory=dict[str, Variable])
    defaults: Mapping[str, str] = field(default_factory=dict[str, str])
    reserved: Mapping[str, str] = field(default_factory=dict[str, str])
    old_taps: OldTaps = "ignore_with_notice"
    old_tap_notice: str = ""
    limits: Limits = field(default_factory=Limits)
    sectors: Mapping[str, UUID] = field(default_factory=dict[str, UUID])


def target(flow: Flow, node: AnyNode, output: str) -> str | None:
    """Where an output leads: by the node's edge, else by the flow's default.

    A node that ends the flow has no defaults: they lead to such nodes.
    """
    if isinstance(node, HandOff | Close):
        return node.next.get(output)
    return node.next.get(output) or flow.defaults.get(output)


def target_of_refusal(flow: Flow, node: AnyNode, code: str) -> tuple[str, str] | None:
    """The output and the node of a refused command: by its code, else by `refused`."""
    for output in (code, REFUSED):
        if found := target(flow, node, output):
            return output, found
    return None
