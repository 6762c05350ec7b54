"""The bot's handlers on a real database, and a stand-in for tickets: a log that it holds."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid5

from services.bot.adapters.codec import Codec
from services.bot.adapters.directory import FlowTargets
from services.bot.adapters.evaluators import EVALUATORS
from services.bot.adapters.files import read_flow
from services.bot.adapters.store import PostgresStore
from services.bot.domain.flow import Flow
from services.bot.domain.session import Session
from services.bot.handlers.flows import Flows
from services.bot.handlers.publish import Publishing, Read, flow_id
from services.bot.handlers.replies import Replies
from services.bot.handlers.sessions import Sessions
from services.bot.handlers.ticket_events import TicketEvents
from services.bot.handlers.timers import Timers
from shared.contracts import bot as told
from shared.contracts import tickets as events
from shared.contracts.bot import BOT_EVENTS_TYPES
from shared.contracts.content import PublishedContent
from shared.contracts.directory import AccountChanged, SectorChanged
from shared.contracts.envelope import Envelope, Message
from shared.contracts.ticket_commands import (
    TICKETS_COMMANDS_TYPES,
    CommandReplied,
    QueueAutomaticMessage,
    TicketCommand,
)
from shared.contracts.topics import BOT_EVENTS, TICKETS_COMMANDS, TICKETS_EVENTS, TICKETS_REPLIES
from shared.plumbing.kafka import Producer, Received
from shared.plumbing.loops import Heartbeat
from shared.plumbing.outbox import Outbox
from shared.plumbing.partitions import partition_of
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.sealing import Sealer
from shared.plumbing.settings import CommonSettings
from shared.plumbing.timer_failures import TimerFailures
from tests.support.company import a_connection, received

NOON = datetime(2026, 11, 23, 15, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "services" / "bot" / "flows" / "recepcao.yaml"
ACCOUNT, CONNECTION = UUID(int=1), UUID(int=2)
FLOW = flow_id(ACCOUNT, "recepcao")
SECTORS = {name: uuid5(ACCOUNT, name) for name in ("Vendas", "Suporte", "Financeiro")}
BOT = events.Author(kind="bot")
T = TypeVar("T", bound=Message)


class Log:
    """What tickets has told, with the versions of its streams; the feed of it, too."""

    def __init__(self) -> None:
        self.messages: list[Received] = []
        self._versions: dict[UUID, int] = {}
        self.asked: list[tuple[UUID, int]] = []

    def add(self, stream: UUID, contact_id: UUID, message: Message) -> Received:
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        log_id = len(self.messages) + 1
        envelope = Envelope(
            id=str(log_id),
            type=message.TYPE,
            source="tickets",
            time=NOON,
            account=ACCOUNT,
            position=f"1.{log_id}",
            stream=stream,
            version=version,
        )
        key = str(contact_id).encode()
        made = Received(
            topic=TICKETS_EVENTS.name,
            partition=partition_of(key, TICKETS_EVENTS.partitions),
            offset=log_id,
            key=key,
            envelope=envelope,
            body=message.body(),
            timestamp_ms=int(NOON.timestamp() * 1000),
        )
        self.messages.append(made)
        return made

    async def stream(self, stream: UUID, from_version: int) -> Sequence[Received]:
        self.asked.append((stream, from_version))
        return [
            each
            for each in self.messages
            if each.envelope.stream == stream and (each.envelope.version or 0) >= from_version
        ]


@dataclass
class Customer:
    """Somebody who writes to the number that a flow answers."""

    log: Log
    number: int = 1
    said: int = 0
    contact_id: UUID = field(init=False)
    ticket_id: UUID = field(init=False)
    conversation_id: UUID = field(init=False)
    session_id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.contact_id = uuid5(ACCOUNT, f"contact {self.number}")
        self.ticket_id = uuid5(ACCOUNT, f"ticket {self.number}")
        self.conversation_id = uuid5(ACCOUNT, f"conversation {self.number}")
        self.session_id = uuid5(ACCOUNT, f"session {self.number}")

    def arrives(self, flow: UUID = FLOW) -> list[Received]:
        """The first message: contact, ticket, session, message, in one append."""
        opened_by = self._message_id(1)
        identified = events.ContactIdentified(
            contact_id=self.contact_id,
            name=f"Cliente {self.number}",
            phone=None,
            user_id=None,
            username=None,
            occurred_at=NOON,
        )
        opened = events.TicketOpened(
            **self._ticket(),
            conversation_id=self.conversation_id,
            protocol=f"20261123-{self.number:06}",
            origin="customer",
            lifecycle="bot",
        )
        started = events.FlowSessionStarted(
            **self._ticket(),
            session_id=self.session_id,
            flow_id=flow,
            conversation_id=self.conversation_id,
            opened_by=opened_by,
        )
        return [
            self.log.add(self.contact_id, self.contact_id, identified),
            self.log.add(self.ticket_id, self.contact_id, opened),
            self.log.add(self.ticket_id, self.contact_id, started),
            self.says("oi"),
        ]

    def says(self, text: str, tap: str | None = None) -> Received:
        self.said += 1
        kind = "text" if tap is None else "button_reply"
        content = PublishedContent(
            type=kind, text=text, details=None if tap is None else {"id": tap}
        )
        message = events.MessageReceived(
            conversation_id=self.conversation_id,
            contact_id=self.contact_id,
            connection_id=CONNECTION,
            ticket_id=self.ticket_id,
            occurred_at=NOON,
            message_id=self._message_id(self.said),
            content=content,
            window_closes_at=NOON + timedelta(days=1),
            wamid_hash="00",
        )
        return self.log.add(self.conversation_id, self.contact_id, message)

    def ends(self, reason: str) -> Received:
        message = events.FlowSessionEnded(
            **self._ticket(), session_id=self.session_id, reason=reason
        )
        return self.log.add(self.ticket_id, self.contact_id, message)

    def sent(self, message_id: UUID) -> Received:
        message = events.MessageSent(message_id=message_id, occurred_at=NOON)
        return self.log.add(message_id, self.contact_id, message)

    def _message_id(self, number: int) -> UUID:
        return uuid5(self.contact_id, f"message {number}")

    def _ticket(self) -> dict[str, Any]:
        return {
            "ticket_id": self.ticket_id,
            "contact_id": self.contact_id,
            "connection_id": CONNECTION,
            "occurred_at": NOON,
            "by": BOT,
        }


def reply_to(command: TicketCommand, code: str | None = None) -> CommandReplied:
    """As tickets answers; what is said gets a message."""
    says = isinstance(command, QueueAutomaticMessage) and code is None
    return CommandReplied(
        command_id=command.command_id,
        account_id=command.account_id,
        contact_id=command.contact_id,
        ticket_id=command.ticket_id,
        session_id=command.session_id,
        outcome="done" if code is None else "refused",
        code=code,
        message_id=uuid5(command.command_id, "message") if says else None,
        occurred_at=NOON,
    )


def the_directory(flow: UUID | None = FLOW) -> list[Message]:
    connection = a_connection(ACCOUNT, CONNECTION, entry="flow", flow_id=flow)
    sectors = [
        SectorChanged(id=id_, account_id=ACCOUNT, name=name) for name, id_ in SECTORS.items()
    ]
    return [AccountChanged(id=ACCOUNT, name="Demo"), *sectors, connection]


class Office:
    """One process of the bot without Kafka; its outbox is read by the test."""

    def __init__(self, pool: Pool, log: Log, files: Iterable[Path] = (DEMO,)) -> None:
        self.pool, self.log, self.now = pool, log, NOON
        self.definitions: list[Flow] = [read_flow(file) for file in files]
        self.notes: dict[str, str | None] = {}
        self.book = FlowTargets()
        for number, message in enumerate(the_directory()):
            self.book.on_message(
                received("directory.events", message, b"%d" % number, account=ACCOUNT)
            )
        outbox = Outbox(pool, Producer(CommonSettings()))
        self.store = PostgresStore(pool, Codec(Sealer(b"k" * 32)), outbox)
        self.publishing = Publishing(
            pool,
            self.store,
            outbox,
            self.book,
            lambda: [Read(f"{each.key}.yaml", each) for each in self.definitions],
            EVALUATORS,
            self._clock,
            self._note,
        )
        self.sessions = Sessions(
            self.store, Flows(self.store, self.publishing), EVALUATORS, self._clock
        )
        self.ticket_events = TicketEvents(pool, self.store, self.sessions, log, outbox)
        self.replies = Replies(pool, self.sessions, outbox)
        self.failures = TimerFailures(pool, "timer_id")
        self.timers = Timers(pool, self.store, self.sessions, outbox, self.failures, self._clock)

    def _clock(self) -> datetime:
        return self.now

    def _note(self, name: str, text: str | None) -> None:
        self.notes[name] = text

    async def takes(self, *messages: Received) -> None:
        for message in messages:
            await self.ticket_events.handle(message)

    async def answers(self, code: Callable[[TicketCommand], str | None] = lambda _: None) -> None:
        """Every command gets its answer, and those that follow, until none is left."""
        done: set[UUID] = set()
        while new := [c for c in await self.commands() if c.command_id not in done]:
            for command in new:
                done.add(command.command_id)
                reply = reply_to(command, code(command))
                await self.replies.handle(received(TICKETS_REPLIES.name, reply, account=ACCOUNT))

    async def fire(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        await self.timers.fire(Heartbeat())

    async def commands(self) -> list[TicketCommand]:
        """What stands in the outbox for tickets, in order."""
        found = await self._told(TICKETS_COMMANDS.name)
        read = [TICKETS_COMMANDS_TYPES[type_].read(body) for type_, body in found]
        return [each for each in read if isinstance(each, TicketCommand)]

    async def facts(self) -> list[Message]:
        found = await self._told(BOT_EVENTS.name)
        return [BOT_EVENTS_TYPES[type_].read(body) for type_, body in found]

    async def path(self, session_id: UUID) -> list[str]:
        return [
            each.node
            for each in await self.facts()
            if isinstance(each, told.FlowNodeEntered) and each.session_id == session_id
        ]

    async def said(self) -> list[str]:
        return [
            command.content.readable() or ""
            for command in await self.commands()
            if isinstance(command, QueueAutomaticMessage)
        ]

    async def session(self, session_id: UUID) -> Session:
        async with self.pool.connection() as conn:
            kept = await self.store.unlocked(conn, session_id)
        assert kept is not None
        return kept.session

    async def rows(self, sql: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  the test's own
        async with self.pool.connection() as conn:
            return await (await conn.execute(sql)).fetchall()

    async def make_unreadable(self) -> None:
        """All versions, as if the rules for definitions had changed since; they never change."""
        async with self.pool.connection() as conn:
            await conn.execute("ALTER TABLE flow_version DISABLE TRIGGER USER")
            await conn.execute("UPDATE flow_version SET definition = '{}', hash = 'old'")
            await conn.execute("ALTER TABLE flow_version ENABLE TRIGGER USER")

    async def _told(self, topic: str) -> list[tuple[str, bytes]]:
        rows = await self.rows("SELECT topic, headers ->> 'ce_type', body FROM outbox ORDER BY seq")
        return [(type_, bytes(body)) for name, type_, body in rows if name == topic]


@asynccontextmanager
async def database(url: str) -> AsyncGenerator[Pool]:
    pool = make_pool(url, min_size=1, max_size=4)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()
