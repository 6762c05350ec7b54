"""What a flow's file says beside its nodes: variables, defaults, reserved words, limits."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, TypeAlias
from uuid import UUID

from pydantic import Field, PrivateAttr

from services.bot.domain.evaluators import Types, VariableType
from services.bot.domain.fields import Duration, FilePart, Id, Label, Text
from services.bot.texts import pt_br
from shared.contracts.text_folding import folded

HAND_OFF: Final = "hand_off"
CLOSE: Final = "close"
RESTART: Final = "restart"
ACTIONS: Final = frozenset({HAND_OFF, CLOSE, RESTART})
"""What a reserved word may do besides leading to a node."""

OldTapPolicy: TypeAlias = Literal["ignore_with_notice", "honour_if_same_version", "restart_here"]


class Variable(FilePart):
    """Where an answer is kept, and of what type it is in conditions."""

    label: Label | None = None
    type: VariableType = "text"
    max_length: int = Field(default=200, ge=1, le=1000)


class OldTaps(FilePart):
    """What a tap on a menu of an earlier step does."""

    policy: OldTapPolicy = "ignore_with_notice"
    notice: Text = pt_br.OLD_MENU


class Limits(FilePart):
    """Guards against loops and against sessions that never end (bots.md, session rules 8 and 9)."""

    steps_per_input: int = Field(default=100, ge=1, le=100)
    visits_per_node: int = Field(default=20, ge=1, le=100)
    outbound_without_inbound: int = Field(default=10, ge=1, le=30)
    silent_timeouts: int = Field(default=5, ge=1, le=20)
    session: Duration = 86_400


class FlowSettings(FilePart):
    """A flow without its nodes: as much of it as a single node may see."""

    key: Id
    name: Label
    entry: Id
    variables: dict[Id, Variable] = Field(default={})
    defaults: dict[Id, Id] = Field(default={})
    reserved: dict[Annotated[str, Field(min_length=1, max_length=30)], str] = pt_br.RESERVED
    old_taps: OldTaps = OldTaps()
    limits: Limits = Limits()
    _sectors: dict[str, UUID] = PrivateAttr(default_factory=dict[str, UUID])

    def with_sectors(self, sectors: Mapping[str, UUID]) -> Self:
        """The flow in an account: `sectors` are the ids of its sectors by name."""
        bound = self.model_copy()
        bound._sectors = dict(sectors)  # noqa: SLF001  its own copy
        return bound

    @property
    def sectors(self) -> Mapping[str, UUID]:
        """The ids of the account's sectors by name."""
        return self._sectors

    def title_of(self, node: str) -> str:
        """What people call a node."""
        return node

    def actions(self) -> dict[str, str]:
        """What each reserved word does: one of ACTIONS, or the node that it leads to."""
        return {folded(word): action for word, action in self.reserved.items()}

    def types(self) -> Types:
        """The type of each variable; the built-in ones are texts."""
        known: dict[str, VariableType] = dict.fromkeys(pt_br.BUILT_IN, "text")
        known |= {name: each.type for name, each in self.variables.items()}
        return tuple(known.items())

    def max_lengths(self) -> dict[str, int]:
        """The length of the longest value of each variable."""
        own = {name: each.max_length for name, each in self.variables.items()}
        return {**pt_br.BUILT_IN, **own}
