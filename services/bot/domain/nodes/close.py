"""`close`: everything is answered."""

from typing import Literal

from services.bot.domain.nodes.base import LastNode
from services.bot.domain.step_context import StepContext


class Close(LastNode):
    """Closes the ticket, with the connection's farewell or silently."""

    type: Literal["close"] = "close"
    farewell: bool = False

    def enter(self, context: StepContext) -> str | None:
        context.close(farewell=self.farewell)
        return None
