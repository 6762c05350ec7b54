"""`message`: says something."""

from collections.abc import Iterator
from typing import Literal

from services.bot.domain.faults import LONGEST_TEXT, Draft, NodeFault, text_faults
from services.bot.domain.fields import Text
from services.bot.domain.nodes.base import LinkedNode
from services.bot.domain.step_context import StepContext


class Message(LinkedNode):
    """Says something, and goes on when it is queued."""

    type: Literal["message"] = "message"
    text: Text

    OUTPUTS = "`done`"
    COMMANDS = True

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        return text_faults(draft, "text", self.text, LONGEST_TEXT)

    def enter(self, context: StepContext) -> str | None:
        self.prompt(context, self.text)
        return None
