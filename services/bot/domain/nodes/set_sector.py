"""`set_sector`: moves the ticket to a sector."""

from typing import Literal

from services.bot.domain.fields import Label
from services.bot.domain.nodes.base import DONE, LinkedNode
from services.bot.domain.step_context import StepContext
from shared.contracts.ticket_commands import AssignSector


class SetSector(LinkedNode):
    """The ticket belongs to this sector from now on."""

    type: Literal["set_sector"] = "set_sector"
    sector: Label

    OUTPUTS = "`done`"
    COMMANDS = True

    @property
    def sector_name(self) -> str | None:
        return self.sector

    def enter(self, context: StepContext) -> str | None:
        sector_id = context.sector_id(self.sector)
        if sector_id is None:
            return DONE
        context.issue(lambda fields: AssignSector(**fields, sector_id=sector_id))
        return None
