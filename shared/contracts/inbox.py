"""inbox.changes: what changed on the screens, with who could see it before and can see it now."""

from datetime import datetime
from typing import ClassVar, Final, Literal, get_args
from uuid import UUID

from pydantic import JsonValue

from shared.contracts.content import Media, ProviderError
from shared.contracts.conversations import Circumstances
from shared.contracts.envelope import Contract, Message, registry_of

View = Literal["aguardando", "atendendo", "resolvidos", "bot"]
"""Where a ticket stands; each in one. `bot`: a flow answers it (domain.md 2.7)."""
VIEWS: Final[tuple[View, ...]] = get_args(View)


class ContactCard(Contract):
    """The person on a card; `phone` only for who may see it."""

    id: UUID
    name: str | None = None
    phone: str | None = None
    username: str | None = None


class LastMessage(Contract):
    """The newest message of a ticket, as edited, shortened to 200 characters.

    One that was revoked has no text.
    """

    message_id: UUID | None = None
    at: datetime
    direction: Literal["in", "out"]
    type: str
    text: str | None = None
    revoked: bool = False


class Row(Contract):
    """A ticket as the read models keep it; other names than the contact's are joined later."""

    id: UUID
    account_id: UUID
    view: View
    protocol: str
    lifecycle: Literal["bot", "waiting", "attending", "paused", "closed"]
    placement: Literal["inbox", "archived", "trashed", "erased"] = "inbox"
    contact: ContactCard
    sector_id: UUID | None = None
    owner_id: UUID | None = None  # of a closed ticket: who owned it last
    connection_id: UUID
    conversation_id: UUID
    opened_at: datetime
    closed_at: datetime | None = None
    waiting_since: datetime | None = None
    last_message: LastMessage | None = None
    unread: int = 0
    window_closes_at: datetime | None = None
    customer_wrote_while_paused_at: datetime | None = None  # policy on_inbound_while_paused
    tags: list[str] = []
    previous_ticket_id: UUID | None = None
    version: int  # of the ticket's stream
    position: str  # "<epoch>.<partition>-<log id>" of the newest event folded into this row


class MessageMedia(Media):
    """The file of a message. Its bytes are at `/v1/media/{media_id}` when it is `stored`."""

    state: Literal["pending", "stored", "unavailable"] | None = None  # None: was never fetched
    reason: str | None = None  # why it is unavailable


class TimelineItem(Circumstances):
    """One line of a conversation: a message, or something that happened to a ticket."""

    id: UUID
    ticket_id: UUID
    conversation_id: UUID
    at: datetime
    kind: Literal["message", "happening"]
    direction: Literal["in", "out"] | None = None
    type: str
    text: str | None = None
    media: MessageMedia | None = None
    details: dict[str, JsonValue] | None = None
    author_kind: Literal["contact", "agent", "bot", "system"]
    author_id: UUID | None = None
    automatic: str | None = None
    fate: str | None = None  # queued accepted sent delivered read played failed unknown cancelled
    fate_reason: str | None = None
    fate_errors: list[ProviderError] = []
    reactions: dict[str, str] = {}  # contact | agent → emoji
    edited: bool = False
    revoked: bool = False
    wamid_hash: str | None = None
    position: str


class Seen(Contract):
    """Where a row stands: decides who sees it."""

    view: View
    sector_id: UUID | None
    owner_id: UUID | None


class RowChanged(Message):
    """A ticket's row appeared, changed or moved between views."""

    TYPE: ClassVar[str] = "inbox.RowChanged.v1"
    account_id: UUID
    before: Seen | None
    after: Seen
    row: Row


class TimelineChanged(Message):
    """A line of a ticket's timeline appeared or changed (a tick, a reaction)."""

    TYPE: ClassVar[str] = "inbox.TimelineChanged.v1"
    account_id: UUID
    seen: Seen
    item: TimelineItem


class RebuiltModels(Message):
    """The read models were switched: screens load again (protocols.md 5, `reset`)."""

    TYPE: ClassVar[str] = "inbox.RebuiltModels.v1"
    account_id: UUID


INBOX_TYPES: Final = registry_of(RowChanged, TimelineChanged, RebuiltModels)
