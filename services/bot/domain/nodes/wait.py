"""`wait`: lets time pass."""

from collections.abc import Sequence
from typing import Final, Literal

from services.bot.domain.fields import Duration
from services.bot.domain.nodes.base import LinkedNode
from services.bot.domain.step_context import Heard, StepContext

ELAPSED: Final = "elapsed"
INTERRUPTED: Final = "interrupted"


class Wait(LinkedNode):
    """Lets time pass; what the customer says meanwhile interrupts it, or is heard after it."""

    type: Literal["wait"] = "wait"
    duration: Duration
    interruptible: bool = True

    OUTPUTS = "`elapsed`, `interrupted`"
    WAITS = True
    TIMER_OUTPUT = ELAPSED
    KEEPS_DEADLINE = True

    def main_outputs(self) -> Sequence[str]:
        return (ELAPSED, INTERRUPTED) if self.interruptible else (ELAPSED,)

    @property
    def patience(self) -> float | None:
        return self.duration

    @property
    def hears(self) -> bool:
        return self.interruptible

    def enter(self, context: StepContext) -> str | None:  # noqa: ARG002  its timer is armed when the step rests
        return None

    def hear(self, context: StepContext, heard: Heard) -> str | None:
        return context.accept(heard, INTERRUPTED)
