"""What the handlers need of the world around them."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.outbound.domain.fate import Change
from services.outbound.domain.outcome import Outcome
from services.outbound.domain.pace import Level
from services.outbound.domain.queue_row import QueueRow
from services.outbound.domain.retrying import Hold
from services.outbound.handlers.media_ports import MediaTables, Number
from shared.contracts.content import Media
from shared.contracts.inbound import Status
from shared.contracts.outbound import SendMessage, SendReadReceipt


def file_of(command: SendMessage) -> Media | None:
    """The file that a message carries."""
    media: object = getattr(command.content, "media", None)
    return media if isinstance(media, Media) else None


@dataclass(frozen=True, slots=True)
class Queued:
    """A command and what its row needs besides."""

    command: SendMessage | SendReadReceipt
    key: bytes  # Kafka's
    identities: tuple[bytes, ...]  # HMACs of whom it goes to
    correlation: str | None = None  # of the envelope

    @property
    def message_id(self) -> UUID:
        """The row's id: the message's or the receipt's."""
        command = self.command
        return command.message_id if isinstance(command, SendMessage) else command.receipt_id

    @property
    def media_id(self) -> UUID | None:
        """The file that the message carries."""
        media = None if isinstance(self.command, SendReadReceipt) else file_of(self.command)
        return None if media is None else media.media_id


@dataclass(frozen=True, slots=True)
class Due:
    """A row whose turn has come; the command is None when its seal is broken."""

    row: QueueRow
    command: SendMessage | SendReadReceipt | None  # with Meta's id of the file that it carries
    window_closes_at: datetime | None  # the newest that is known


@dataclass(frozen=True, slots=True)
class Held:
    """A number that refused; when `may_probe`, one message finds out whether it still does."""

    error_class: str
    may_probe: bool


@dataclass(frozen=True, slots=True)
class Levels:
    """What locked numbers may send, and the instant by the database's clock, in seconds."""

    now: float
    numbers: Mapping[UUID, Level]


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended, for whoever must judge an unknown one."""

    message_id: UUID
    number: int
    outcome: str
    code: int | None


class Work(MediaTables, Protocol):
    """One transaction."""

    async def insert(self, queued: Sequence[Queued]) -> int:
        """Store rows in this order; repeats do nothing. How many are new."""
        ...

    async def meet(self, connection_ids: Iterable[UUID]) -> None:
        """Every number that has rows has a level."""
        ...

    async def numbers(self, ready: Sequence[UUID], session: UUID, now: datetime) -> Levels:
        """Lock the numbers that have something due and that no other process has locked.

        None, when this session has shown no sign of life for 15 seconds.
        """
        ...

    async def pairs(self, conversation_ids: Sequence[UUID]) -> Mapping[UUID, Level]:
        """The levels of these conversations; the others were not used lately."""
        ...

    async def spend(self, numbers: Mapping[UUID, Level], pairs: Mapping[UUID, Level]) -> None:
        """Store the levels of numbers that are locked here, and of their conversations."""
        ...

    async def held(self, now: datetime) -> Mapping[UUID, Held]:
        """The numbers that refused; one probes when no attempt of it is under way anywhere."""
        ...

    async def due(self, limits: Mapping[UUID, int], most: int, now: datetime) -> Sequence[Due]:
        """Lock the first rows of conversations whose time has come, so many of each number."""
        ...

    async def locked(self, message_ids: Iterable[UUID]) -> Mapping[UUID, QueueRow]:
        """Lock these rows."""
        ...

    async def abandoned(self, most: int) -> Sequence[QueueRow]:
        """Lock rows in `sending` whose worker shows no sign of life."""
        ...

    async def save(self, changes: Sequence[Change]) -> None:
        """Store the rows and, in the same transaction, the messages that tell of them."""
        ...

    async def delete(self, message_ids: Sequence[UUID]) -> None:
        """Forget rows (of receipts)."""
        ...

    async def start_attempts(self, rows: Sequence[QueueRow]) -> None:
        """Write down that these rows are about to be sent."""
        ...

    async def end_attempts(self, ended: Sequence[Ended], now: datetime) -> None:
        """Write down how attempts ended."""
        ...

    async def hold(self, connection_id: UUID, hold: Hold, now: datetime) -> None:
        """Nothing leaves by this number for a while."""
        ...

    async def release(self, working: Mapping[UUID, datetime]) -> None:
        """End the holds of numbers that accepted an attempt which began after the hold."""
        ...

    async def keep_orphans(self, statuses: Sequence[tuple[UUID, Status]], now: datetime) -> None:
        """Keep statuses whose row is not there."""
        ...

    async def orphans(self, message_ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Status]]:
        """Statuses that came before their row."""
        ...

    async def heard(self, instants: Mapping[tuple[UUID, bytes], datetime]) -> None:
        """The last instant at which a customer (connection, identity) wrote."""
        ...

    async def keep_ruling(self, message_id: UUID, reason: str, at: datetime) -> None:
        """Why a person ruled that a send of unknown fate counts as failed."""
        ...

    async def forget_settled(self, before: datetime, most: int) -> int:
        """Delete rows that were settled before, with what belongs to them; how many."""
        ...

    async def forget_orphans(self, before: datetime, most: int) -> int:
        """Delete statuses whose row did not come; how many."""
        ...

    async def forget_heard(self, before: datetime, most: int) -> int:
        """Delete instants of customers whose window is long closed; how many."""
        ...

    async def forget_pairs(self, most: int) -> int:
        """Delete pairs that have rested until they are like new ones; how many."""
        ...

    async def forget_workers(self, before: datetime, most: int) -> int:
        """Delete instances that are gone; how many."""
        ...

    async def begin_session(self, instance: str, session: UUID) -> None:
        """The first sign of life; another session of this instance is dead from now on."""
        ...

    async def alive(self, session: UUID) -> bool:
        """A sign of life; False: another session has taken the instance's place."""
        ...


class Store(Protocol):
    """outbound's tables."""

    def begin(self) -> AbstractAsyncContextManager[Work]:
        """A transaction that commits when the block ends without an error."""
        ...


class Hashes(Protocol):
    """HMACs of what contains a phone number (D3)."""

    def wamid(self, account_id: UUID, connection_id: UUID, wamid: str) -> bytes:
        """The HMAC of a wamid; raises SecretMissingError."""
        ...

    def identity(self, account_id: UUID, connection_id: UUID, identity: str) -> bytes:
        """The HMAC of a customer's phone or user id; raises SecretMissingError."""
        ...


class Numbers(Protocol):
    """The business numbers, as directory last published them."""

    def ready(self) -> Sequence[UUID]:
        """Connections that are active and have a token."""
        ...

    def get(self, connection_id: UUID) -> Number | None:
        """The number of a connection, if it is ready."""
        ...


class Graph(Protocol):
    """Meta's API."""

    async def send(
        self, number: Number, command: SendMessage | SendReadReceipt, *, connect_seconds: float
    ) -> Outcome:
        """One call, never repeated; a connection must be there within `connect_seconds`."""
        ...
