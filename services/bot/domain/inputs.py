"""What can come to a session."""

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
    """Tickets answered a command; `message_id` is the message that it queued."""

    command_id: UUID
    refused: bool = False
    code: str | None = None
    message_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer is due; one that is not the session's is stale."""

    timer_id: UUID


@dataclass(frozen=True, slots=True)
class Settled:
    """A message of the session was sent, or never will be."""

    message_id: UUID


@dataclass(frozen=True, slots=True)
class Ended:
    """Tickets ended the session: handoff, human_takeover, closed, bot_silent.

    `by_flow`: because the session has asked for it.
    """

    reason: str
    by_flow: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """An operator ends the version: the session is handed off when no step is under way."""


Input: TypeAlias = Started | Begun | Said | Replied | TimerDue | Settled | Ended | Stopped
