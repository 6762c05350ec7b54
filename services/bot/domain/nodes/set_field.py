"""`set_field`: remembers something about the contact."""

from collections.abc import Iterator
from typing import Final, Literal

from services.bot.domain.faults import Draft, NodeFault, text_faults
from services.bot.domain.fields import Id, Text
from services.bot.domain.nodes.base import LinkedNode
from services.bot.domain.step_context import StepContext
from shared.contracts.ticket_commands import SetContactField

_LONGEST: Final = 1000


class SetField(LinkedNode):
    """Remembers something about the contact, beyond this ticket."""

    type: Literal["set_field"] = "set_field"
    name: Id
    value: Text

    OUTPUTS = "`done`"
    COMMANDS = True

    def faults(self, draft: Draft) -> Iterator[NodeFault]:
        return text_faults(draft, "value", self.value, _LONGEST)

    def enter(self, context: StepContext) -> str | None:
        value = context.text(self.value)
        context.issue(lambda fields: SetContactField(**fields, name=self.name, value=value))
        return None
