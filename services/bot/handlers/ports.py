"""What the handlers need: the database, the feed, publishing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection

from services.bot.domain.events import Event
from services.bot.domain.flow import Flow
from services.bot.domain.session import Session
from shared.plumbing.kafka import Outgoing, Received

Connection = AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersion:
    """A version as it was published; it never changes, but the rules for definitions may."""

    flow_id: UUID
    version: int
    account_id: UUID
    hash: str
    definition: Flow | None  # None: it can't be read any more
    sectors: Mapping[str, UUID]
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """A session from its stream, and how many events that has."""

    session: Session
    events: int


@dataclass(frozen=True, slots=True)
class Due:
    """A timer whose time is over."""

    session_id: UUID
    timer_id: UUID
    due: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in log order; everything up to `next_after` has been read."""

    epoch: int
    messages: Sequence[Received]
    next_after: int
    head: int


class Store(Protocol):
    """The tables of the bot; all but `lease` work in the caller's transaction."""

    async def newest(self, conn: Connection, flow_id: UUID, /) -> FlowVersion | None:
        """The newest version of a flow."""
        ...

    async def is_new(self, conn: Connection, flow_id: UUID, hash_: str, /) -> bool:
        """Whether no version of the flow has this content."""
        ...

    async def version(self, conn: Connection, flow_id: UUID, version: int, /) -> FlowVersion | None:
        """One version of a flow."""
        ...

    async def publish(self, conn: Connection, version: FlowVersion, definition: Flow, /) -> bool:
        """Store a version; false when there is one of that number."""
        ...

    async def locked(self, conn: Connection, session_id: UUID, /) -> Kept | None:
        """A session; nobody else touches it until the transaction ends."""
        ...

    async def of_tickets(self, conn: Connection, tickets: Collection[UUID], /) -> dict[UUID, UUID]:
        """The session of each ticket that has not ended."""
        ...

    async def of_messages(self, conn: Connection, ids: Collection[UUID], /) -> dict[UUID, UUID]:
        """The session of each message that is not known to have left."""
        ...

    async def standing(
        self, conn: Connection, flow_id: UUID, up_to_version: int, /
    ) -> list[tuple[int, str]]:
        """Each version up to this one, with each node where sessions stand."""
        ...

    async def older(
        self, conn: Connection, flow_id: UUID, up_to_version: int, after: UUID, limit: int, /
    ) -> list[UUID]:
        """Sessions of these versions that have not ended, by id after that one."""
        ...

    async def noted(self, conn: Connection, /) -> list[UUID]:
        """Sessions that have not begun."""
        ...

    async def save(
        self,
        conn: Connection,
        before: Kept | None,
        after: Session,
        events: Sequence[Event],
        told: Sequence[Outgoing],
        /,
    ) -> None:
        """A step: events, current row, timer, unsent messages, outbox."""
        ...

    async def tell(self, conn: Connection, told: Sequence[Outgoing], /) -> None:
        """Messages for the outbox."""
        ...

    async def know_contact(self, conn: Connection, contact_id: UUID, name: str | None, /) -> None:
        """The name that a contact has now."""
        ...

    async def know_ticket(self, conn: Connection, ticket_id: UUID, protocol: str, /) -> None:
        """The protocol of a ticket that the bot will answer."""
        ...

    async def facts(self, conn: Connection, contact_id: UUID, ticket_id: UUID, /) -> dict[str, str]:
        """The built-in variables of a session that starts now."""
        ...

    async def epoch(self, conn: Connection, /) -> int | None:
        """The epoch of the event store that is followed; None: its feed has not been read yet."""
        ...

    async def forget(self, conn: Connection, /) -> None:
        """Drop what is known of the event store, and running sessions: it was restored."""
        ...

    async def lease(self, now: datetime, limit: int, /) -> list[Due]:
        """Due timers, leased for ten seconds of the database's clock in their own transaction."""
        ...


class Feed(Protocol):
    """The feed of tickets, by stream."""

    async def stream(self, stream: UUID, from_version: int, /) -> Sequence[Received]:
        """The messages of one stream from a version on."""
        ...


class History(Protocol):
    """The feed of tickets, whole."""

    async def after(self, log_id: int, /) -> Page:
        """The next page of the log."""
        ...


class Publishes(Protocol):
    """Publishes flows."""

    async def look(self) -> None:
        """Publish what differs from the newest version."""
        ...
