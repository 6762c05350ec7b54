"""What decisions about a conversation need to know of it: bounded, whatever its length (D1)."""

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Final
from uuid import UUID

REMEMBERED_MESSAGES: Final = 200  # that may be replied to, or named as read
SNAPSHOT_FORM: Final = "conversation/3"  # counts up with this state's fields and with its fold


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message of the conversation; `wamid` of the customer's own."""

    message_id: UUID
    inbound: bool
    wamid: str | None = None
    by_flow: bool = False
    cancelled: bool = False  # somebody asked for it back


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A contact on a connection."""

    last_ticket_id: UUID | None = None
    window_closes_at: datetime | None = None
    greeted_at: datetime | None = None
    last_queued_id: UUID | None = None
    read_up_to: UUID | None = None
    answered_by_session: UUID | None = None  # the flow that has taken the newest message
    messages: tuple[MessageRef, ...] = ()

    def find(self, message_id: UUID) -> MessageRef | None:
        """One of the messages that are still remembered."""
        return next((one for one in reversed(self.messages) if one.message_id == message_id), None)

    def has_read(self, message_id: UUID) -> bool:
        """Read already, by itself or with a later one; what was forgotten is older than both."""
        for one in reversed(self.messages):
            if one.message_id == self.read_up_to:
                return True
            if one.message_id == message_id:
                return False
        return False

    @property
    def last_received_id(self) -> UUID | None:
        """The customer's newest message that is still remembered."""
        return next((one.message_id for one in reversed(self.messages) if one.inbound), None)

    def is_newest_received(self, message_id: UUID | None) -> bool:
        """Whether the customer said nothing after it; of an older bot's None nobody knows."""
        return message_id in {None, self.last_received_id}

    @property
    def unanswered_by_flow(self) -> tuple[UUID, ...]:
        """What a flow has said since then and nobody has cancelled, oldest first."""
        newer = takewhile(lambda one: not one.inbound, reversed(self.messages))
        mine = [one.message_id for one in newer if one.by_flow and not one.cancelled]
        return tuple(reversed(mine))

    def newest_inbound(self, up_to: UUID) -> MessageRef | None:
        """The customer's newest message that is not later than this one."""
        found: MessageRef | None = None
        for one in self.messages:
            found = one if one.inbound else found
            if one.message_id == up_to:
                break
        return found
