"""The events of a session. Its stream is private to the bot; bot.events has a part of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args
from uuid import UUID

from services.bot.domain.inputs import Said

Resort: TypeAlias = Literal["flow", "guard", "last"]
"""What follows when tickets refuses: the flow goes on, one more hand-off, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    """A version is pinned; version 0 stands for a flow that nobody knows."""

    at: datetime
    session_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    flow_id: UUID
    version: int
    opened_by: UUID | None
    facts: Mapping[str, str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBegun:
    """From here on the session acts."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMigrated:
    """Another version is pinned; `nodes` maps ids to what they are called there, if not the same.

    `rearm`: the node waits otherwise there, so its time begins anew.
    """

    at: datetime
    version: int
    nodes: Mapping[str, str]
    rearm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEntered:
    """The session stands at this node; a new step."""

    at: datetime
    node: str
    by_output: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputArrived:
    """The customer said something; it waits behind what was said before."""

    at: datetime
    said: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class InputAccepted:
    """Understood at this node, which for a tap on an old menu is an earlier one."""

    at: datetime
    node: str
    message_id: UUID
    output: str
    variable: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRejected:
    """Not understood (unmatched, invalid), or from an old menu (old_menu: no attempt)."""

    at: datetime
    node: str
    message_id: UUID
    reason: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandIssued:
    """A command left with this step; `awaited`: the step is under way until it is answered."""

    at: datetime
    command_id: UUID
    number: int  # within the step
    says: bool
    awaited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswered:
    """An awaited command was done or refused."""

    at: datetime
    command_id: UUID
    refused: bool
    code: str | None
    message_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSettled:
    """A message of the session left, or never will."""

    at: datetime
    message_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """A message of an ended session is taken back."""

    at: datetime
    message_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerArmed:
    """The node waits until then at most."""

    at: datetime
    node: str
    timer_id: UUID
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    """The time was over."""

    at: datetime
    node: str
    timer_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStopped:
    """A guard against loops ended the session: steps, visits, outbound, silent_timeouts."""

    at: datetime
    node: str
    guard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingBegun:
    """The session has asked to be handed off or closed, and hears nothing any more."""

    at: datetime
    reason: str  # with which it finishes when the command is done
    resort: Resort


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingRefused:
    """The ticket could not be given away so; the session goes on where the flow says."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFinished:
    """No active step any more; `cut`: ended from outside, what was not sent is taken back."""

    at: datetime
    reason: str
    cut: bool


Event: TypeAlias = (
    SessionStarted
    | SessionBegun
    | SessionMigrated
    | NodeEntered
    | InputArrived
    | InputAccepted
    | InputRejected
    | CommandIssued
    | CommandAnswered
    | MessageSettled
    | CancelAsked
    | TimerArmed
    | TimerFired
    | LoopStopped
    | LeavingBegun
    | LeavingRefused
    | SessionFinished
)
KINDS: Final[tuple[type[Event], ...]] = get_args(Event)
"""The name of the class is its name in the store."""
