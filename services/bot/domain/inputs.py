"""What can come to a session?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Tickets started a flow; `facts` are the built-in variables as they are known now."""

    session_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    flow_id: UUID
    version: int  # 0: the flow is unknown
    opened_by: UUID | None
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Begun:
    """The entry may be entered: at once, or when the past has been read to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The customer wrote or tapped; without text it was a picture, a sound, a place."""

    message_id: UUID
    text: str | None = None
    tap: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replied:
    """What became of a command; `message_id` is what it queued."""

    command_id: UUID
    refused: bool = False
    code: str | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The time was over; another id than the session's is stale."""

    timer_id: UUID


@dataclass(frozen=True, slots=True)
class Settled:
    """A message of ours was sent, or can never be."""

    message_id: UUID


@dataclass(frozen=True, slots=True)
class Ended:
    """Tickets ended the session: handoff, human_takeover, closed, bot_silent."""

    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """An operator ends the version: people go on, as soon as no step is under way."""


Input: TypeAlias = Started | Begun | Said | Replied | TimerDue | Settled | Ended | Stopped
