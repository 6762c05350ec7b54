"""What every node of a flow is: a part of the file, its outputs, and what it does in a step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from pydantic import ConfigDict, Field

from services.bot.domain.faults import Draft, NodeFault
from services.bot.domain.fields import Edges, FilePart, Label
from services.bot.domain.step_context import Heard, StepContext
from shared.contracts.content import Text

DONE: Final = "done"
REFUSED: Final = "refused"
TIMEOUT: Final = "timeout"
RESERVED: Final = "reserved"
"""The output in front of a node that a reserved word led to."""


def _with_required_type(schema: dict[str, Any]) -> None:
    schema["properties"]["type"].pop("default")
    schema["required"] = ["type", *schema.get("required", [])]


class Node(FilePart, ABC):
    """One kind of node; its first line of documentation stands in the README and the schema."""

    model_config = ConfigDict(json_schema_extra=_with_required_type)

    title: Label | None = None

    OUTPUTS: ClassVar[str]
    """Its outputs in words, for the README."""
    ENDS: ClassVar[bool] = False
    """The session leaves the flow here; defaults of the flow do not apply."""
    WAITS: ClassVar[bool] = False
    """The session may rest here, for the customer or for time."""
    COMMANDS: ClassVar[bool] = False
    """It sends commands to the ticket, whose refusals are outputs."""
    TIMER_OUTPUT: ClassVar[str] = TIMEOUT
    """By which it is left when its time is over."""
    KEEPS_DEADLINE: ClassVar[bool] = False
    """Its time counts from when it was entered, whatever is said meanwhile."""

    @classmethod
    def type_name(cls) -> str:
        """What the file calls this type of node."""
        return cls.model_fields["type"].default

    @abstractmethod
    def edges(self) -> Mapping[str, str]:
        """The node behind each output that the file names."""

    @abstractmethod
    def outputs(self) -> Sequence[str]:
        """The outputs that must lead somewhere."""

    def faults(self, draft: Draft) -> Iterator[NodeFault]:  # noqa: ARG002  for those that have some
        """What publishing refuses about this node alone."""
        yield from ()

    @abstractmethod
    def enter(self, context: StepContext) -> str | None:
        """Do what it does; an output when it is left at once."""

    def hear(self, context: StepContext, heard: Heard) -> str | None:  # noqa: ARG002
        """Take what the customer said; an output when it is left. Asked only of who `hears`."""
        return None

    @property
    def patience(self) -> float | None:
        """For how many seconds it waits; None: for as long as the session lives."""
        return None

    @property
    def hears(self) -> bool:
        """Whether it takes what the customer says."""
        return False

    @property
    def hears_reserved_words(self) -> bool:
        """Whether reserved words come before what it takes."""
        return True

    @property
    def sector_name(self) -> str | None:
        """The sector that it names, which the account must have."""
        return None

    @property
    def close_reason_id(self) -> UUID | None:
        """The close reason that it names, which the account must have."""
        return None

    def option_ids(self) -> Sequence[str]:
        """The ids of the options that it shows, which may be tapped now or later."""
        return ()

    def prompt(self, context: StepContext, template: str) -> None:
        """Say a text, with what may be answered."""
        context.say(Text(text=context.text(template)))

    def field_of(self, output: str) -> str:
        """The field of the file that says where an output leads."""
        return f"next.{output}"


class LinkedNode(Node):
    """A node whose `next` is one node, or a node for each output."""

    next: Edges = Field(default={})

    def main_outputs(self) -> Sequence[str]:
        """Those that `next` stands for when it is one node."""
        return (DONE,)

    def edges(self) -> Mapping[str, str]:
        if isinstance(self.next, str):
            return dict.fromkeys(self.main_outputs(), self.next)
        return self.next

    def outputs(self) -> Sequence[str]:
        return (*self.main_outputs(), *((REFUSED,) if self.COMMANDS else ()))


class LastNode(LinkedNode):
    """A node where the session leaves the flow; only a refusal leads on."""

    ENDS = True
    COMMANDS = True
    OUTPUTS = "none; `refused` may lead on"

    def main_outputs(self) -> Sequence[str]:
        return (REFUSED,)

    def outputs(self) -> Sequence[str]:
        return ()
