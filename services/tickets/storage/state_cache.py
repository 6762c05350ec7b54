"""The newest states in memory: safe to decide on, because the append checks their versions."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, cast
from uuid import UUID
from weakref import WeakValueDictionary

from services.tickets.domain.contact.evolve import evolve as evolve_contact
from services.tickets.domain.contact.state import Contact
from services.tickets.domain.conversation.evolve import evolve as evolve_conversation
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.message.evolve import evolve as evolve_message
from services.tickets.domain.message.state import MessageState
from services.tickets.domain.ticket.evolve import evolve as evolve_ticket
from services.tickets.domain.ticket.state import Ticket
from services.tickets.storage.contract import Expectation, Stored, StoredEvent, Stream, Unreadable
from services.tickets.storage.snapshots import EVERY_EVENTS, Snapshot, Snapshots
from services.tickets.storage.store import EventStore
from shared.plumbing.loops import Body, Heartbeat

State = TypeVar("State")
Fold = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Kind(Generic[State]):
    """What a stream holds, and how it is folded."""

    name: str
    fold: Fold

    def after(self, state: State | None, events: Iterable[object]) -> State | None:
        """The state after all of these events."""
        for event in events:
            state = self.fold(state, event)
        return state


CONTACT: Kind[Contact] = Kind("contact", evolve_contact)
CONVERSATION: Kind[Conversation] = Kind("conversation", evolve_conversation)
TICKET: Kind[Ticket] = Kind("ticket", evolve_ticket)
MESSAGE: Kind[MessageState] = Kind("message", evolve_message)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[State]):
    """A stream as last seen; version 0 and no state when it does not exist.

    `key` is the Kafka key it was born with: its contact's id.
    """

    id: UUID
    state: State | None = None
    version: int = 0
    log_id: int = 0
    account: UUID | None = None
    key: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    held: Versioned[Any]
    fold: Fold
    written: int = 0  # the version of the newest snapshot that we know of


class UnreadableStreamError(Exception):
    """A stream holds an event that cannot be decoded: nothing is decided on half a state."""


class StateCache:
    """The newest `capacity` streams; a lock per contact keeps this process from racing itself."""

    def __init__(
        self, store: EventStore, capacity: int, snapshots: Snapshots | None = None
    ) -> None:
        self._store = store
        self._capacity = capacity
        self._snapshots = snapshots
        self._grown: dict[UUID, UUID] = {}  # long since the last snapshot -> Kafka key
        self._entries: OrderedDict[UUID, _Entry] = OrderedDict()
        self._locks: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def lock(self, key: object) -> AsyncGenerator[None]:
        """Nobody else in this process decides about this contact meanwhile (protocols.md 2)."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield

    async def get(self, kind: Kind[State], id_: UUID) -> Versioned[State]:
        """One stream."""
        return cast("Versioned[State]", (await self.all({id_: kind}))[id_])

    async def all(self, wanted: Mapping[UUID, Kind[Any]]) -> dict[UUID, Versioned[Any]]:
        """Several streams; those that are not warm are read in one go."""
        held: dict[UUID, Versioned[Any]] = {}  # taken before waiting: others may drop meanwhile
        for id_ in wanted:
            if id_ in self._entries:
                self._entries.move_to_end(id_)
                held[id_] = self._entries[id_].held
        missing = [id_ for id_ in wanted if id_ not in held]
        if missing:
            held |= await self._loaded({id_: wanted[id_] for id_ in missing})
        return held

    async def _loaded(self, wanted: Mapping[UUID, Kind[Any]]) -> dict[UUID, Versioned[Any]]:
        long = [id_ for id_, kind in wanted.items() if kind is CONVERSATION]
        kept: Mapping[UUID, Snapshot] = {}
        if self._snapshots is not None:
            kept = await self._snapshots.load(long)
        begun = {id_: _begun(one) for id_, one in kept.items()}
        known: dict[UUID, Versioned[Any]] = {
            id_: begun.get(id_) or Versioned(id_) for id_ in wanted
        }
        loaded = await self._store.load([(id_, one.version) for id_, one in known.items()])
        held: dict[UUID, Versioned[Any]] = {}
        for id_, kind in wanted.items():
            held[id_] = _folded(known[id_], loaded[id_], kind.fold)
            self._keep(id_, held[id_], kind.fold, known[id_].version)
            if loaded[id_]:
                self._note_growth(id_, loaded[id_][-1].key)
        return held

    def grown(self) -> list[Snapshot]:
        """Conversations to be written down; each is told once, as it is now."""
        found, self._grown = self._grown, {}
        snapshots: list[Snapshot] = []
        for id_, key in found.items():
            entry = self._entries.get(id_)
            if entry is None or entry.held.account is None:
                continue
            held = entry.held
            snapshots.append(
                Snapshot(
                    stream=id_,
                    account=entry.held.account,
                    key=key,
                    version=held.version,
                    log_id=held.log_id,
                    state=held.state,
                )
            )
            self._entries[id_] = replace(entry, written=held.version)
        return snapshots

    def drop(self, ids: Iterable[UUID]) -> None:
        """Forget: somebody else has written there."""
        for id_ in ids:
            self._entries.pop(id_, None)

    def stored(self, account: UUID, expectations: Iterable[Expectation], verdict: Stored) -> None:
        """Fold what was just stored."""
        for expectation in expectations:
            if not expectation.events:
                continue
            entry = self._entries.get(expectation.stream.id)
            if entry is None or entry.held.version != expectation.version:
                self.drop([expectation.stream.id])
                continue
            state = entry.held.state
            for event in expectation.events:
                state = entry.fold(state, event)
            version = expectation.version + len(expectation.events)
            stream = expectation.stream
            held = Versioned(stream.id, state, version, verdict.position, account, stream.key)
            self._keep(held.id, held, entry.fold, entry.written)
            self._note_growth(held.id, expectation.stream.key)

    def _note_growth(self, id_: UUID, key: UUID) -> None:
        entry = self._entries.get(id_)
        if entry is None or entry.fold is not CONVERSATION.fold:
            return
        if entry.held.version - entry.written >= EVERY_EVENTS:
            self._grown[id_] = key

    def _keep(self, id_: UUID, held: Versioned[Any], fold: Fold, written: int) -> None:
        self._entries[id_] = _Entry(held, fold, written)
        self._entries.move_to_end(id_)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)


def save_grown(cache: StateCache, snapshots: Snapshots) -> Body:
    """The body of a loop: write down what has grown long enough since the last time."""

    async def body(beat: Heartbeat) -> None:
        for snapshot in cache.grown():
            await snapshots.save(snapshot)
            beat.beat()

    return body


def expect(held: Versioned[Any], key: UUID, *events: object) -> Expectation:
    """The stream at the version that was seen; without events it was only read."""
    return Expectation(Stream(held.id, key), held.version, tuple(events))


def folded_to(events: Iterable[StoredEvent], kind: Kind[State], version: int) -> State | None:
    """The state at a version."""
    state: Any = None
    for stored in events:
        if stored.version > version:
            break
        state = kind.fold(state, stored.event)
    return cast("State | None", state)


def _begun(snapshot: Snapshot) -> Versioned[Any]:
    return Versioned(
        snapshot.stream,
        snapshot.state,
        snapshot.version,
        snapshot.log_id,
        snapshot.account,
        snapshot.key,
    )


def _folded(known: Versioned[Any], events: Iterable[StoredEvent], fold: Fold) -> Versioned[Any]:
    for stored in events:
        if isinstance(stored.event, Unreadable):
            raise UnreadableStreamError(known.id)
        known = Versioned(
            known.id,
            fold(known.state, stored.event),
            stored.version,
            stored.log_id,
            stored.account,
            stored.key,
        )
    return known
