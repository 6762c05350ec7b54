"""How is a flow written down? The file format, from which its JSON Schema is generated.

Raises pydantic's ValidationError, which names the field. What needs the whole flow is judged by
`validate`.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.functional_validators import BeforeValidator

from services.bot.domain.flow import AnswerKind, OldTaps
from services.bot.domain.reading import LONGEST_CONDITION, VariableType
from services.bot.texts import pt_br

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID_PATTERN: Final = r"^[a-z][a-z0-9_]{0,63}$"
_WITHOUT_NUL: Final = r"^[^\x00]*$"
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Id = Annotated[str, Field(pattern=ID_PATTERN)]
Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=_WITHOUT_NUL)]
Label = Annotated[str, Field(min_length=1, max_length=80, pattern=_WITHOUT_NUL)]
Condition = Annotated[str, Field(min_length=1, max_length=LONGEST_CONDITION, pattern=_WITHOUT_NUL)]


def _seconds(value: object) -> object:
    if isinstance(value, str) and value[:-1].isdigit() and value[-1:] in _SECONDS:
        return int(value[:-1]) * _SECONDS[value[-1]]
    if isinstance(value, int):
        return value
    message = "is no duration: write seconds, or a number with s, m, h or d, as 30m"
    raise ValueError(message)


Duration = Annotated[
    int,
    BeforeValidator(_seconds, json_schema_input_type=int | str),
    Field(ge=1, le=30 * 86_400),
    PlainSerializer(int),
]
"""Seconds, or a number with `s`, `m`, `h` or `d`; 30 days at most."""


class Part(BaseModel):
    """A part of the file; what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Edges: TypeAlias = Id | dict[str, Id]
"""The node behind the main output, or the node behind each output."""


class AnyNodePart(Part):
    """Common to all nodes."""

    title: Label | None = None
    next: Edges = {}


class MessagePart(AnyNodePart):
    """Says something."""

    type: Literal["message"]
    text: Text


class ListeningPart(AnyNodePart):
    """Asks and waits for an answer."""

    text: Text
    invalid: list[Text] = Field(default=[pt_br.INVALID], min_length=1)
    attempts: int = Field(default=3, ge=1, le=10)
    timeout: Duration | None = None
    reserved: bool = True
    save_as: Id | None = None


class OptionPart(Part):
    """A choice; its id is the output."""

    id: Id
    title: Label
    description: Annotated[str, Field(min_length=1, max_length=72)] | None = None
    synonyms: list[Label] = []
    next: Id | None = None


class MenuPart(ListeningPart):
    """Offers choices."""

    type: Literal["menu"]
    options: list[OptionPart] = Field(min_length=1, max_length=30)
    button: Annotated[str, Field(min_length=1, max_length=20)] = pt_br.SEE_OPTIONS
    footer: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    as_text: bool = False


class AskPart(ListeningPart):
    """Asks for one thing."""

    type: Literal["ask"]
    kind: AnswerKind = "text"
    pattern: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    minimum: float | None = None
    maximum: float | None = None


class CasePart(Part):
    """The way to go when a condition over the variables holds; CEL."""

    when: Condition
    next: Id
    output: Id | None = None


class ConditionPart(Part):
    """Goes by the first case that holds; by `error`, or `else`, at one that cannot be told."""

    type: Literal["condition"]
    title: Label | None = None
    cases: list[CasePart] = Field(min_length=1, max_length=20)
    else_: Id = Field(alias="else")
    error: Id | None = None


class SetSectorPart(AnyNodePart):
    """The ticket belongs to this sector from now on."""

    type: Literal["set_sector"]
    sector: Label


class SetFieldPart(AnyNodePart):
    """Remembers something about the contact."""

    type: Literal["set_field"]
    name: Id
    value: Text


class WaitPart(AnyNodePart):
    """Lets time pass."""

    type: Literal["wait"]
    duration: Duration
    interruptible: bool = True


class UnclaimedPart(Part):
    """What follows when nobody takes the ticket in time; `reason` is the id of a close reason."""

    after: Duration
    then: Literal["message", "flow", "close"]
    text: Text | None = None
    reason: UUID | None = None


class HandOffPart(AnyNodePart):
    """People go on."""

    type: Literal["hand_off"]
    sector: Label | None = None
    summary: bool = True
    unclaimed: UnclaimedPart | None = None


class ClosePart(AnyNodePart):
    """Everything is answered."""

    type: Literal["close"]
    farewell: bool = False


NodePart = Annotated[
    MessagePart
    | MenuPart
    | AskPart
    | ConditionPart
    | SetSectorPart
    | SetFieldPart
    | WaitPart
    | HandOffPart
    | ClosePart,
    Field(discriminator="type"),
]


class VariablePart(Part):
    """What an answer is kept as, and of what type it is where a condition looks at it."""

    label: Label | None = None
    type: VariableType = "text"
    max_length: int = Field(default=200, ge=1, le=1000)


class OldTapsPart(Part):
    """What a tap on a menu of before does."""

    policy: OldTaps = "ignore_with_notice"
    notice: Text = pt_br.OLD_MENU


class LimitsPart(Part):
    """Guards against loops."""

    steps_per_input: int = Field(default=100, ge=1, le=100)
    visits_per_node: int = Field(default=20, ge=1, le=100)
    outbound_without_inbound: int = Field(default=10, ge=1, le=30)
    silent_timeouts: int = Field(default=5, ge=1, le=20)
    session: Duration = 86_400


class Definition(Part):
    """A flow as its file holds it."""

    key: Id
    name: Label
    entry: Id
    variables: dict[Id, VariablePart] = {}
    defaults: dict[Id, Id] = {}
    reserved: dict[Annotated[str, Field(min_length=1, max_length=30)], str] = pt_br.RESERVED
    old_taps: OldTapsPart = OldTapsPart()
    limits: LimitsPart = LimitsPart()
    nodes: dict[Id, NodePart] = Field(min_length=1, max_length=300)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the file."""
    return {"$schema": DIALECT, **Definition.model_json_schema(by_alias=True)}
