"""Consume inbox.changes, all partitions, without a group: every gateway gets every change."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from shared.contracts.envelope import Message
from shared.contracts.inbox import INBOX_TYPES, RebuiltModels, RowChanged, TimelineChanged
from shared.plumbing.kafka import Received

InboxMessage = RowChanged | TimelineChanged | RebuiltModels


@dataclass(frozen=True, slots=True)
class Change:
    """A message of inbox.changes and where it stands; one account lives on one partition."""

    partition: int
    offset: int
    message: InboxMessage

    @property
    def id(self) -> str:
        """The event id that a screen resumes from."""
        return f"{self.partition}-{self.offset}"


Listener = Callable[[Change], None]


@dataclass(slots=True)
class _Account:
    ring: deque[Change]
    listeners: set[Listener] = field(default_factory=set[Listener])


class Changes:
    """The last changes of each account, and who listens."""

    def __init__(self, ring_changes: int) -> None:
        self._size = ring_changes
        self._accounts: dict[UUID, _Account] = {}
        self._read: dict[int, int] = {}  # partition -> highest offset: a reader may begin again

    def on_message(self, received: Received) -> None:
        """Keep one message and give it to who listens."""
        if received.offset <= self._read.get(received.partition, -1):
            return
        self._read[received.partition] = received.offset
        message = _message(received)
        if message is None:
            return
        change = Change(received.partition, received.offset, message)
        account = self._account(message.account_id)
        account.ring.append(change)
        for listener in tuple(account.listeners):
            listener(change)

    def listen(self, account_id: UUID, listener: Listener) -> None:
        """Give every later change of the account to the listener, at once and in order."""
        self._account(account_id).listeners.add(listener)

    def leave(self, account_id: UUID, listener: Listener) -> None:
        """Stop."""
        self._account(account_id).listeners.discard(listener)

    def newest(self, account_id: UUID) -> str | None:
        """The id of the account's newest change."""
        ring = self._account(account_id).ring
        return ring[-1].id if ring else None

    def since(self, account_id: UUID, event_id: str) -> list[Change] | None:
        """The changes after this event; None when the event is no longer kept: screens reload."""
        ring = self._account(account_id).ring
        for index in range(len(ring) - 1, -1, -1):
            if ring[index].id == event_id:
                return list(ring)[index + 1 :]
        return None

    def _account(self, account_id: UUID) -> _Account:
        found = self._accounts.get(account_id)
        if found is None:
            found = self._accounts[account_id] = _Account(deque(maxlen=self._size))
        return found


def _message(received: Received) -> InboxMessage | None:
    kind: type[Message] | None = INBOX_TYPES.get(received.envelope.type)
    if kind is None:
        return None
    message = kind.read(received.body)
    return message if isinstance(message, RowChanged | TimelineChanged | RebuiltModels) else None
