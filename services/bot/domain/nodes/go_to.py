"""`go_to`: jumps to another node of the flow."""

from collections.abc import Mapping, Sequence
from typing import Literal

from services.bot.domain.fields import Id
from services.bot.domain.nodes.base import DONE, Node
from services.bot.domain.step_context import StepContext


class GoTo(Node):
    """Jumps to another `node` of the flow."""

    type: Literal["go_to"] = "go_to"
    node: Id

    OUTPUTS = "`done`, which leads to `node`"

    def edges(self) -> Mapping[str, str]:
        return {DONE: self.node}

    def outputs(self) -> Sequence[str]:
        return (DONE,)

    def field_of(self, output: str) -> str:  # noqa: ARG002  there is one
        return "node"

    def enter(self, context: StepContext) -> str | None:  # noqa: ARG002  it only leads on
        return DONE
