"""tickets.events: each version of a stream once and in order, missing ones from the feed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.bot.domain.inputs import Ended, Said, Settled, Started
from services.bot.handlers.ports import Connection, Feed, Store
from services.bot.handlers.sessions import Sessions, committed
from shared.contracts import tickets as published
from shared.contracts.envelope import Message
from shared.contracts.tickets import TICKETS_EVENTS_TYPES
from shared.plumbing.kafka import Received, UnprocessableError
from shared.plumbing.outbox import Outbox
from shared.plumbing.parked_versions import VersionMissingError
from shared.plumbing.postgres import Pool
from shared.plumbing.sequence import APPLY, GAPS_SEEN, Gap, advance, judge
from shared.plumbing.transient import TransientError

_TAPS = frozenset({"button_reply", "list_reply"})
_WRITTEN = frozenset({"text", "template_button", *_TAPS})
_LEFT = (
    published.MessageAccepted,
    published.MessageSent,
    published.MessageDelivered,
    published.MessageRead,
    published.MessageFailed,
    published.MessageOutcomeUnknown,
    published.MessageCancelled,
)


class PastUnknownError(TransientError):
    """The feed has not been read to its head yet: what Kafka brings waits."""


class EpochRaisedError(TransientError):
    """The event store was restored; nothing is taken until its feed has been read again (D6)."""


class _GapError(Exception):
    """A batch with a hole is taken one by one."""


@dataclass(frozen=True, slots=True)
class _Event:
    """What the bot needs of a message."""

    account_id: UUID
    stream: UUID
    version: int
    epoch: int
    message: Message | None  # None: of a type that we do not know


class TicketEvents:
    """Takes messages of tickets.events; what it does, commits with the versions."""

    def __init__(
        self, pool: Pool, store: Store, sessions: Sessions, feed: Feed, outbox: Outbox
    ) -> None:
        self._pool = pool
        self._store = store
        self._sessions = sessions
        self._feed = feed
        self._outbox = outbox

    async def handle(self, received: Received) -> None:
        """Take one, after the versions of its stream that are missing."""
        await self.take_one(received, begin=True)

    async def handle_batch(self, batch: Sequence[Received]) -> None:
        """Take all of them or none."""
        await self.take(batch, begin=True)

    async def take(self, batch: Sequence[Received], *, begin: bool) -> None:
        """Take all or none; without `begin`, sessions that start are only noted."""
        events = [_read(received) for received in batch]
        async with self._pool.connection() as conn:
            events = await self._of_this_epoch(conn, events, begin=begin)
            verdicts = await judge(conn, [(event.stream, event.version) for event in events])
            if any(isinstance(verdict, Gap) for verdict in verdicts):
                raise _GapError
            new = [e for e, verdict in zip(events, verdicts, strict=True) if verdict == APPLY]
            await self._apply(conn, new, begin=begin)
        self._committed()

    async def take_one(self, received: Received, *, begin: bool) -> None:
        """Take one, after what is missing before it. Raises VersionMissingError."""
        event = _read(received)
        missing: list[_Event] = []
        while True:
            async with self._pool.connection() as conn:
                if not await self._of_this_epoch(conn, [event], begin=begin):
                    return
                (gap,) = await judge(conn, [(event.stream, event.version)])
                if isinstance(gap, Gap) and not missing:
                    await conn.rollback()
                else:
                    await self._apply(conn, await _new(conn, [*missing, event]), begin=begin)
                    break
            missing = await self._missing(event, gap.from_version)
        self._committed()

    async def _of_this_epoch(
        self, conn: Connection, events: Sequence[_Event], *, begin: bool
    ) -> list[_Event]:
        """Without those of a history that was lost.

        With `begin`, raises PastUnknownError, or EpochRaisedError after forgetting that history.
        """
        epoch = await self._store.epoch(conn)
        if begin and epoch is None:
            raise PastUnknownError
        if begin and any(event.epoch > (epoch or 0) for event in events):
            await self._store.forget(conn)
            await conn.commit()
            raise EpochRaisedError
        return [event for event in events if epoch is None or event.epoch >= epoch]

    async def _missing(self, event: _Event, from_version: int) -> list[_Event]:
        wanted = range(from_version, event.version)
        found = [_read(each) for each in await self._feed.stream(event.stream, from_version)]
        if [each.version for each in found if each.version in wanted] != list(wanted):
            raise VersionMissingError
        GAPS_SEEN.inc(len(wanted))
        return [each for each in found if each.version in wanted]

    async def _apply(self, conn: Connection, events: Sequence[_Event], *, begin: bool) -> None:
        if not events:
            return
        said = {e.message.ticket_id for e in events if isinstance(e.message, _SAID)}
        left = {e.message.message_id for e in events if isinstance(e.message, _LEFT)}
        tickets = await self._store.of_tickets(conn, said) if said else {}
        messages = await self._store.of_messages(conn, left) if left else {}
        for event in events:
            await self._one(conn, event, tickets, messages, begin=begin)
        await advance(conn, [(event.stream, event.version) for event in events])

    async def _one(
        self,
        conn: Connection,
        event: _Event,
        tickets: dict[UUID, UUID],
        messages: dict[UUID, UUID],
        *,
        begin: bool,
    ) -> None:
        match event.message:
            case published.ContactIdentified() | published.ContactRenamed() as message:
                await self._store.know_contact(conn, message.contact_id, message.name)
            case published.TicketOpened(lifecycle="bot") as message:
                await self._store.know_ticket(conn, message.ticket_id, message.protocol)
            case published.FlowSessionStarted() as message:
                if message.protocol is not None:
                    await self._store.know_ticket(conn, message.ticket_id, message.protocol)
                await self._sessions.start(conn, _started(event, message), begin=begin)
                tickets[message.ticket_id] = message.session_id
            case published.FlowSessionEnded() as message:
                ended = Ended(message.reason, by_flow=message.by.kind == "bot")
                await self._sessions.take(conn, message.session_id, ended)
            case published.MessageReceived(after_close=False) as message:
                if session_id := tickets.get(message.ticket_id):
                    await self._sessions.take(conn, session_id, _said(message))
            case published.MessageFact(message_id=message_id):
                if session_id := messages.get(message_id):
                    await self._sessions.take(conn, session_id, Settled(message_id))
            case _:
                pass

    def _committed(self) -> None:
        committed()
        self._outbox.wake.set()


_SAID = published.MessageReceived


async def _new(conn: Connection, events: Sequence[_Event]) -> list[_Event]:
    verdicts = await judge(conn, [(event.stream, event.version) for event in events])
    if any(isinstance(verdict, Gap) for verdict in verdicts):
        raise VersionMissingError
    return [event for event, verdict in zip(events, verdicts, strict=True) if verdict == APPLY]


def _read(received: Received) -> _Event:
    envelope = received.envelope
    if envelope.account is None or envelope.stream is None or envelope.version is None:
        reason = "headers_missing"
        raise UnprocessableError(reason)
    kind = TICKETS_EVENTS_TYPES.get(envelope.type)
    try:
        message = None if kind is None else kind.read(received.body)
    except ValueError as error:
        reason = "body_unreadable"
        raise UnprocessableError(reason) from error
    epoch = (envelope.position or "").partition(".")[0]
    return _Event(
        envelope.account,
        envelope.stream,
        envelope.version,
        int(epoch) if epoch.isdigit() else 0,
        message,
    )


def _started(event: _Event, message: published.FlowSessionStarted) -> Started:
    return Started(
        session_id=message.session_id,
        account_id=event.account_id,
        contact_id=message.contact_id,
        ticket_id=message.ticket_id,
        flow_id=message.flow_id,
        version=0,
        opened_by=message.opened_by,
    )


def _said(message: published.MessageReceived) -> Said:
    """Written or tapped; of anything else only the fact that it came."""
    content = message.content
    tap = (content.details or {}).get("id") if content.type in _TAPS else None
    text = content.text if content.type in _WRITTEN else None
    return Said(message_id=message.message_id, text=text, tap=tap if isinstance(tap, str) else None)
