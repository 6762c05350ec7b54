"""`hand_off`: people go on."""

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from services.bot.domain.faults import LONGEST_TEXT, Draft, NodeFault, text_faults
from services.bot.domain.fields import Duration, FilePart, Label, Text
from services.bot.domain.nodes.base import RESERVED, LastNode
from services.bot.domain.step_context import StepContext
from shared.contracts import ticket_commands as commands


class Unclaimed(FilePart):
    """What follows when nobody takes the ticket in time; `reason` is the id of a close reason."""

    after: Duration
    then: Literal["message", "flow", "close"]
    text: Text | None = None
    reason: UUID | None = None

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        """What publishing refuses about it."""
        if self.text is not None:
            yield from text_faults(draft, "unclaimed.text", self.text, LONGEST_TEXT)
        if self.then == "message" and self.text is None:
            yield NodeFault("unclaimed.text", "belongs to a message, which needs it")
        if self.then == "flow" and self.text is not None:
            yield NodeFault("unclaimed.text", "is not said: the flow speaks for itself")
        if self.then != "close" and self.reason is not None:
            yield NodeFault("unclaimed.reason", "belongs to close")

    def command(self, context: StepContext) -> commands.Unclaimed:
        """As tickets gets it, with the text as it reads now: the session will be over."""
        return commands.Unclaimed(
            after_seconds=self.after,
            then=self.then,
            text=None if self.text is None else context.text(self.text),
            reason_id=self.reason,
        )


class HandOff(LastNode):
    """Gives the ticket to people, with a summary of path and answers."""

    type: Literal["hand_off"] = "hand_off"
    sector: Label | None = None
    summary: bool = True
    unclaimed: Unclaimed | None = None

    @property
    def sector_name(self) -> str | None:
        return self.sector

    @property
    def close_reason_id(self) -> UUID | None:
        return self.unclaimed and self.unclaimed.reason

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        return iter(()) if self.unclaimed is None else self.unclaimed.faults(draft)

    def enter(self, context: StepContext) -> str | None:
        context.hand_off(
            "customer_asked" if context.by_output == RESERVED else "node",
            sector_id=context.sector_id(self.sector),
            with_summary=self.summary,
            unclaimed=None if self.unclaimed is None else self.unclaimed.command(context),
            resort="flow",
        )
        return None
