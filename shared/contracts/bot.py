"""bot.events: which way a conversation took through a flow. Never what the customer answered."""

from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from shared.contracts.envelope import Message, registry_of


class FlowPublished(Message):
    """A version of a flow can be used from now on; it never changes (bots.md, session rule 2)."""

    TYPE: ClassVar[str] = "bot.FlowPublished.v1"
    account_id: UUID
    flow_id: UUID
    name: str
    version: int
    hash: str  # hex SHA-256 of the definition
    occurred_at: datetime


class SessionFact(Message):
    """Common to what happens in a session; `step` counts from 1 within it."""

    session_id: UUID
    account_id: UUID
    contact_id: UUID
    ticket_id: UUID
    flow_id: UUID
    version: int
    step: int
    occurred_at: datetime


class FlowSessionMigrated(SessionFact):
    """The session goes on in another version, `version`, at what `node` is called there."""

    TYPE: ClassVar[str] = "bot.FlowSessionMigrated.v1"
    node: str | None


class FlowNodeEntered(SessionFact):
    """The session stands at this node."""

    TYPE: ClassVar[str] = "bot.FlowNodeEntered.v1"
    node: str
    by_output: str | None = None  # of the node before


class FlowInputAccepted(SessionFact):
    """What the customer wrote or tapped was understood."""

    TYPE: ClassVar[str] = "bot.FlowInputAccepted.v1"
    node: str
    message_id: UUID
    output: str


class FlowInputRejected(SessionFact):
    """What the customer wrote or tapped was not understood, or belonged to an old menu."""

    TYPE: ClassVar[str] = "bot.FlowInputRejected.v1"
    node: str
    message_id: UUID
    reason: str  # unmatched | invalid | old_menu
    attempt: int


class FlowTimerArmed(SessionFact):
    """The node waits until then at most."""

    TYPE: ClassVar[str] = "bot.FlowTimerArmed.v1"
    node: str
    timer_id: UUID
    due: datetime


class FlowTimerFired(SessionFact):
    """The time was over."""

    TYPE: ClassVar[str] = "bot.FlowTimerFired.v1"
    node: str
    timer_id: UUID


class FlowLoopStopped(SessionFact):
    """A guard against loops ended the session (bots.md, session rules 8 and 9)."""

    TYPE: ClassVar[str] = "bot.FlowLoopStopped.v1"
    node: str
    guard: str  # steps | visits | conditions | outbound | silent_timeouts


class FlowSessionFinished(SessionFact):
    """The session has no active step any more."""

    TYPE: ClassVar[str] = "bot.FlowSessionFinished.v1"
    reason: str  # handoff | closed | end | loop | error | as tickets' FlowSessionEnded says


BOT_EVENTS_TYPES: Final = registry_of(
    FlowPublished,
    FlowSessionMigrated,
    FlowNodeEntered,
    FlowInputAccepted,
    FlowInputRejected,
    FlowTimerArmed,
    FlowTimerFired,
    FlowLoopStopped,
    FlowSessionFinished,
)
