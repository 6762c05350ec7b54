"""`end`: the flow has done its part."""

from typing import Literal

from services.bot.domain.nodes.base import LastNode
from services.bot.domain.step_context import StepContext


class End(LastNode):
    """Ends the flow; the ticket goes back to the agent who started it, else it waits for people."""

    type: Literal["end"] = "end"
    summary: bool = True

    def enter(self, context: StepContext) -> str | None:
        context.hand_off("ended", with_summary=self.summary, resort="flow")
        return None
