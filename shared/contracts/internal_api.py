"""Bodies of the HTTP calls between services, and of the public commands that pass through them.

All calls carry `Authorization: Bearer <internal token>` (D9). Commands also carry `X-Command-Id`
(UUID derived by the gateway from principal and Idempotency-Key, D5) and may carry
`X-Expected-Version`. Answers that moved the log carry `X-Position: <epoch>.<partition>-<log id>`.
"""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.envelope import Contract
from shared.contracts.inbox import Row, TimelineItem, View

COMMAND_ID_HEADER: Final = "X-Command-Id"
EXPECTED_VERSION_HEADER: Final = "X-Expected-Version"
POSITION_HEADER: Final = "X-Position"
CORRELATION_HEADER: Final = "X-Request-ID"

WITHOUT_NUL: Final = r"^[^\x00]*$"
"""No text column of PostgreSQL holds a NUL; from Meta it comes replaced, from people refused."""

SAYS_SOMETHING: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""And not blanks alone, which Meta refuses."""


class Request(BaseModel):
    """A body that somebody sends us: an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- tickets: POST /internal/tickets/{id}/<path of `ticket_api`> -> CommandAnswer -----------------


class Allowed(Contract):
    """Whether a command would be taken now; `code` names the refusal.

    `needs` names the fields of the body that must be given.
    """

    allowed: bool
    needs: list[str] = []
    code: str | None = None
    detail: str | None = None


class TicketState(Contract):
    """A ticket as its stream knows it."""

    id: UUID
    protocol: str
    lifecycle: str
    placement: str
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    sector_id: UUID | None
    owner_id: UUID | None
    opened_at: datetime
    closed_at: datetime | None
    window_closes_at: datetime | None
    version: int
    allowed: dict[str, Allowed]  # by name of `ticket_api.TICKET_COMMANDS`


class CommandAnswer(Contract):
    """The new state, and where in the log it stands."""

    ticket: TicketState
    version: int
    position: str  # "<epoch>.<partition>-<log id>"
    message_id: UUID | None = None


# --- outbound: PUT, GET /internal/media/{id} -> MediaInfo · GET /internal/media/{id}/content ------
# --- tickets: GET /internal/contacts/{id}/media-key -> MediaKey, for outbound ---------------------


class MediaInfo(Contract):
    """A file: of a customer's message (`inbound`), or uploaded to be sent (`outbound`)."""

    media_id: UUID
    ticket_id: UUID
    contact_id: UUID
    direction: Literal["inbound", "outbound"]
    state: Literal["pending", "stored", "unavailable"]
    mime_type: str
    size: int | None = None  # bytes
    sha256: str | None = None  # hex
    filename: str | None = None
    reason: str | None = None  # why it is unavailable


class MediaUpload(Request):
    """Query of the PUT; the body is the file. Repeating it with the same id is harmless."""

    ticket_id: UUID
    contact_id: UUID
    connection_id: UUID
    mime_type: Annotated[str, Field(max_length=100)]
    filename: Annotated[str, Field(max_length=240, pattern=WITHOUT_NUL)] | None = None


class MediaKey(Contract):
    """What seals the files of a contact (D10): 32 bytes in base64, to be kept in memory only."""

    key: str


# --- tickets: GET /internal/tickets/{id} -> TicketState · GET /internal/events -> FeedPage --------


class FeedEvent(Contract):
    """One message of tickets.events as the feed gives it: same key, headers and body (D6)."""

    key: str
    id: str
    type: str
    source: str
    time: datetime
    subject: str
    account: UUID
    position: str
    stream: UUID
    version: int
    causation: str | None
    correlation: str | None
    actor: str | None
    body: str  # JSON text


class FeedPage(Contract):
    """Events in log order; ask again with `after=next_after` (or `from` the next version)."""

    epoch: int
    events: list[FeedEvent]
    next_after: int
    head: int  # highest log id now


# --- projections: POST /internal/{views,counts,tickets,timeline,contacts,contact}/query ----------


class Scope(Contract):
    """What a person may see, decided by the gateway's one policy function."""

    agent_id: UUID | None
    sector_ids: list[UUID] | None  # None: every sector
    sees_phones: bool = True


class ViewQuery(Request):
    """A page of a view; Aguardando oldest first, the others by last activity, newest first."""

    scope: Scope
    view: View
    q: str | None = None
    sector_ids: list[UUID] | None = None
    owner_id: UUID | None = None
    connection_id: UUID | None = None
    unread: bool | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None
    after: tuple[datetime, UUID] | None = None  # keyset: sort instant and id of the last row
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    min_position: str | None = None


class ViewCount(Contract):
    """How many tickets stand in a view under a sector and owner."""

    view: View
    sector_id: UUID | None
    owner_id: UUID | None
    tickets: int


class ViewPage(Contract):
    """Rows, where to go on, and how many stand in each view for this scope."""

    items: list[Row]
    next_after: tuple[datetime, UUID] | None
    counts: dict[View, int]
    position: str  # highest position folded, per partition, comma separated


class CountsQuery(Request):
    """Counters of what this person may see."""

    scope: Scope
    min_position: str | None = None


class CountsAnswer(Contract):
    """Absolute counters per view, sector and owner."""

    counts: list[ViewCount]


class TicketQuery(Request):
    """One ticket's row; 404 when it does not exist or is out of scope."""

    scope: Scope
    ticket_id: UUID
    min_position: str | None = None


class TimelineQuery(Request):
    """The conversation of a ticket, newest last; pages go back by `before`."""

    scope: Scope
    ticket_id: UUID
    before: tuple[datetime, UUID] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    min_position: str | None = None


class TimelinePage(Contract):
    """Lines, oldest first, and the key of the page before."""

    items: list[TimelineItem]
    previous: tuple[datetime, UUID] | None


class ContactsQuery(Request):
    """A page of contacts, who wrote last first; `q`: words of the name, or a phone in any spelling.

    Who does not see every sector sees the contacts that have a ticket in sight.
    """

    scope: Scope
    q: str | None = None
    after: tuple[datetime, UUID] | None = None  # keyset: last seen and id of the last contact
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    min_position: str | None = None


class ContactTicket(Contract):
    """A ticket of a contact."""

    id: UUID
    protocol: str
    lifecycle: str
    connection_id: UUID
    sector_id: UUID | None
    owner_id: UUID | None
    opened_at: datetime
    closed_at: datetime | None


class ContactItem(Contract):
    """A contact in a list, with its open tickets in sight and the fields that flows stored."""

    id: UUID
    name: str | None
    phone: str | None
    username: str | None
    last_seen_at: datetime | None
    open_tickets: list[ContactTicket]
    fields: dict[str, str]


class ContactsPage(Contract):
    """Contacts, and where to go on."""

    items: list[ContactItem]
    next_after: tuple[datetime, UUID] | None
    position: str  # highest position folded, per partition, comma separated


class ContactQuery(Request):
    """One contact; 404 when it does not exist or is out of scope."""

    scope: Scope
    contact_id: UUID
    min_position: str | None = None


class ContactConflict(Contract):
    """Another contact that may be the same person; `kind` is the identity that both claim."""

    other_contact_id: UUID
    kind: str


class ContactDetail(ContactItem):
    """A contact with its newest 200 tickets in sight, over all connections, newest first."""

    tickets: list[ContactTicket]
    conflicts: list[ContactConflict]


class PositionAnswer(Contract):
    """GET /internal/position: how far the read models are, per partition."""

    epoch: int
    partitions: dict[int, int]


# --- directory: sessions (gateway) and secrets (each service gets only its own) ------------------


class Credentials(Request):
    """POST /internal/sessions."""

    login: Annotated[str, Field(min_length=1, max_length=200, pattern=WITHOUT_NUL)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class RefreshRequest(Request):
    """POST /internal/sessions/refresh · DELETE /internal/sessions."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class SessionAnswer(Contract):
    """Who signed in, and the token with which to renew."""

    account_id: UUID
    agent_id: UUID
    name: str
    roles: list[str]
    sector_ids: list[UUID]
    refresh_token: str
    refresh_expires_at: datetime


class AccountSecrets(Contract):
    """Secrets of an account, base64; fields that a service has no use for are None."""

    account_id: UUID
    pepper: str | None = None  # ingest, tickets
    wrapping_key: str | None = None  # tickets: wraps the keys of contacts


class AppSecrets(Contract):
    """A Meta app: secrets that sign its webhooks (two while rotating), the handshake's token."""

    app_id: str
    account_id: UUID
    app_secrets: list[str]
    verify_token: str
    waba_ids: list[str]  # whose numbers this app may speak for


class ConnectionSecrets(Contract):
    """The bearer token with which a number sends."""

    connection_id: UUID
    access_token: str


class SecretsAnswer(Contract):
    """GET /internal/secrets: only what the asking service needs."""

    service_key: str  # base64, 32 bytes: seals this service's parked items and queue rows
    accounts: list[AccountSecrets] = []
    apps: list[AppSecrets] = []
    connections: list[ConnectionSecrets] = []
