"""What follows when nobody takes a ticket that a flow handed over (bots.md, rule 11)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid5

KIND: Final = "unclaimed"
"""Of the timer, and of the automatic message that it may cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unclaimed:
    """The timer of one hand-off, and what it does; a text stands beside it, for it is sealed."""

    timer_id: UUID
    due: datetime
    then: Literal["message", "flow", "close"]
    reason_id: UUID | None = None  # with which it closes


def timer_id(ticket_id: UUID, command_id: UUID) -> UUID:
    """Of the command that handed over: another hand-off has another."""
    return uuid5(ticket_id, f"{KIND}:{command_id}")
