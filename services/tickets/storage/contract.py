"""What one command brings to the append, how it is judged, and what is read (design.md D3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.plumbing.transient import TransientError


@dataclass(frozen=True, slots=True)
class Meta:
    """Who and why; stored beside every event of the command. `recorded_at` is ours, aware UTC."""

    recorded_at: datetime
    actor: str
    command_id: UUID
    correlation: str


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream and the Kafka key it was born with: its contact's id, an agent's own id (D4)."""

    id: UUID
    key: UUID


@dataclass(frozen=True, slots=True)
class Expectation:
    """The version that the decision saw (0: the stream is new); without events it was only read."""

    stream: Stream
    version: int
    events: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that exists once per account. `value` says who holds it."""

    kind: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class TimerSet:
    """A timer to arm in the append of its cause (D12)."""

    id: UUID
    stream: UUID
    kind: str
    due: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """What one command brings to the append (D3): all of it holds, or nothing is stored.

    `outcome` (with the request's hash inside) becomes the claim ("command", command_id) -> outcome.
    `seal_for` is the contact whose key seals the personal fields of these events.

    After a connection that was lost around COMMIT the writer sends the same command again and must
    know its own work: by its events, byte for byte, at the versions that it expected; a command
    without events by its claims, whose values must therefore name it (its id, or an id it made).
    """

    account: UUID
    meta: Meta
    expectations: tuple[Expectation, ...]
    take: tuple[Claim, ...] = ()
    release: tuple[Claim, ...] = ()
    set_timers: tuple[TimerSet, ...] = ()
    clear_timers: tuple[UUID, ...] = ()
    outcome: bytes | None = None
    seal_for: UUID | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """All of the command is stored; the highest log id that it wrote (0 when it wrote no event)."""

    position: int


@dataclass(frozen=True, slots=True)
class Stale:
    """A stream has another version, which is given: load what is newer and decide again."""

    stream: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim is held; the holder's value comes back: decide again with it."""

    claim: Claim
    holder: bytes


@dataclass(frozen=True, slots=True)
class Repeated:
    """The command's own id was taken: it ran before, and this was its outcome."""

    outcome: bytes


Verdict = Stored | Stale | Taken | Repeated


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event of the log, decoded; personal fields are opened, or tombstones after an erasure."""

    log_id: int
    account: UUID
    stream: UUID
    version: int
    key: UUID
    event: object
    meta: Meta


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in `log` and `stream` for an event that cannot be decoded: no version is skipped."""

    topic: str


class StoreError(Exception):
    """The store could not do what was asked; `code` is stable."""

    code: ClassVar[str] = "store"


class ForeignStreamError(StoreError):
    """A command named a stream of another account: a defect, not a race."""

    code = "foreign_stream"


class UnknownKeyError(StoreError):
    """An event is sealed with a key that exists nowhere; a destroyed one left a marker."""

    code = "unknown_key"


class KeyDestroyedError(StoreError):
    """A command would seal with the key of a contact that was erased."""

    code = "key_destroyed"


class RejectedCommandError(StoreError):
    """PostgreSQL refuses this very command (its neighbours are stored): a defect of the caller."""

    code = "rejected_command"


class UnsealedFieldError(StoreError):
    """An event has something in a personal field and its command names no contact to seal for."""

    code = "unsealed_field"


class StoreTimeoutError(StoreError, TransientError):
    """No verdict within the client's deadline; the command may still be stored: send it again."""

    code = "store_timeout"
