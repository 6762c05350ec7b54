"""A small company over a real store: agents, two sectors, one number, a bot, a clock to move."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from uuid import UUID, uuid4, uuid5

import uuid_utils.compat as uuid_utils

from services.tickets.adapters.timer_poller import TimerPoller
from services.tickets.domain.ticket.events import FlowSessionStarted
from services.tickets.handlers.commands import Answered, CommandHandler
from services.tickets.handlers.directory import Snapshot
from services.tickets.handlers.execution import CommandExecutor
from services.tickets.handlers.flow_commands import FlowCommandHandler
from services.tickets.handlers.inbound import InboundHandler
from services.tickets.handlers.requests import TicketRequest
from services.tickets.handlers.timers import TimerHandler
from services.tickets.storage.contract import StoredEvent
from services.tickets.storage.event_database import EventDatabase
from services.tickets.storage.state_cache import StateCache
from services.tickets.storage.timers import TimerTable
from shared.contracts import inbound
from shared.contracts.directory import (
    AccountChanged,
    AgentChanged,
    CloseReasonChanged,
    Policies,
    SectorChanged,
    Texts,
)
from shared.contracts.ticket_api import (
    TICKET_COMMANDS,
    Accept,
    Close,
    Read,
    Reopen,
    SendMessage,
    SendText,
    StartFlow,
)
from shared.contracts.ticket_commands import CommandReplied, TicketCommand
from shared.plumbing.entities import Entities
from shared.plumbing.sealing import hmac_key
from tests.support.company import a_connection

ACCOUNT, CONNECTION = uuid5(UUID(int=0), "account"), uuid5(UUID(int=0), "connection")
VENDAS, SUPORTE = uuid5(UUID(int=0), "vendas"), uuid5(UUID(int=0), "suporte")
FLOW, CLOSED_SECTOR = uuid5(UUID(int=0), "flow"), uuid5(UUID(int=0), "closed sector")
ANA, BIA, CARLA = (uuid5(UUID(int=0), name) for name in ("ana", "bia", "carla"))
RESOLVED, ONLY_SUPORTE = uuid5(UUID(int=0), "resolved"), uuid5(UUID(int=0), "suporte only")
OLD_REASON = uuid5(UUID(int=0), "old reason")
SUPERVISOR = uuid5(UUID(int=0), "supervisor")
PHONE = "5511912345678"
SILENCE = timedelta(seconds=60)

Event = TypeVar("Event")


class Hasher:
    """The account's pepper."""

    def hashed(self, account: UUID, *parts: str) -> bytes:
        return hmac_key(b"pepper" + account.bytes, *parts)


@dataclass(slots=True)
class Office:
    """Handlers of one process; `another` is a second process over the same store."""

    database: EventDatabase
    texts: Texts = field(default_factory=Texts)
    policies: Policies = field(default_factory=Policies)
    at: datetime = datetime(2026, 11, 23, 15, tzinfo=UTC)
    tick: timedelta = timedelta()  # at each look at the clock
    entry: Literal["waiting", "flow", "menu"] = "waiting"
    flow_id: UUID | None = None
    sector_id: UUID | None = VENDAS
    limits: dict[UUID, int] = field(default_factory=dict[UUID, int])
    commands: CommandHandler = field(init=False)
    cache: StateCache = field(init=False)
    arrivals: InboundHandler = field(init=False)
    flows: FlowCommandHandler = field(init=False)
    poller: TimerPoller = field(init=False)

    def __post_init__(self) -> None:
        store = self.database.store
        self.cache = StateCache(store, 1000)
        executor = CommandExecutor(store, self.cache, self.now, SILENCE)
        self.commands = CommandHandler(executor, self)
        self.flows = FlowCommandHandler(executor, self)
        table = TimerTable(self.database.pool, 30.0)
        self.poller = TimerPoller(table, TimerHandler(executor, self, table), lambda: True)
        self.arrivals = InboundHandler(executor, self, Hasher(), uuid_utils.uuid7)

    def another(self) -> "Office":
        return replace(self)

    def now(self) -> datetime:
        self.at += self.tick
        return self.at

    def later(self, **duration: float) -> None:
        self.at += timedelta(**duration)

    def snapshot(self) -> Snapshot:
        account = AccountChanged(id=ACCOUNT, name="Empresa", policies=self.policies)
        sectors = [
            SectorChanged(id=id_, account_id=ACCOUNT, name="x", active=id_ != CLOSED_SECTOR)
            for id_ in (VENDAS, SUPORTE, CLOSED_SECTOR)
        ]
        number = a_connection(
            ACCOUNT,
            CONNECTION,
            entry=self.entry,
            flow_id=self.flow_id,
            sector_id=self.sector_id,
            texts=self.texts,
        )
        people = [
            _agent(ANA, ["agent"], [VENDAS]),
            _agent(BIA, ["agent"], [VENDAS]),
            _agent(CARLA, ["agent"], [SUPORTE]),
            _agent(SUPERVISOR, ["supervisor"], []),
        ]
        people = [
            one.model_copy(update={"ticket_limit": self.limits.get(one.id)}) for one in people
        ]
        reasons = [
            CloseReasonChanged(id=RESOLVED, account_id=ACCOUNT, name="Resolvido"),
            CloseReasonChanged(
                id=ONLY_SUPORTE, account_id=ACCOUNT, name="Técnico", sector_ids=[SUPORTE]
            ),
            CloseReasonChanged(id=OLD_REASON, account_id=ACCOUNT, name="Antigo", active=False),
        ]
        return Snapshot(Entities([account, *sectors, *people, number, *reasons]))

    # --- what customers and agents do

    async def hears(self, item: inbound.Item) -> None:
        await self.arrivals.when_inbound(item, "correlation")

    async def accept(self, ticket: UUID, by: UUID = ANA, **more: UUID) -> Answered:
        return await self.commands.run(self.asked(ticket, by, **more), "accept", Accept())

    async def close(self, ticket: UUID, by: UUID = ANA, **body: bool) -> Answered:
        return await self.commands.run(self.asked(ticket, by), "close", Close.model_validate(body))

    async def reopen(self, ticket: UUID, by: UUID = ANA) -> Answered:
        return await self.commands.run(self.asked(ticket, by), "reopen", Reopen())

    async def read(self, ticket: UUID, up_to: UUID, by: UUID = ANA) -> Answered:
        return await self.commands.run(self.asked(ticket, by), "read", Read(up_to=up_to))

    async def say(
        self, ticket: UUID, text: str = "Olá", by: UUID = ANA, command: UUID | None = None
    ) -> Answered:
        asked = self.asked(ticket, by, command_id=command or uuid4())
        return await self.commands.run(
            asked, "messages", SendMessage(SendText(type="text", text=text))
        )

    async def asks(self, ticket: UUID, path: str, by: UUID = ANA, **body: object) -> Answered:
        """Any command by its path, with its body as JSON would have it."""
        command = next(one for one in TICKET_COMMANDS if one.path == path)
        return await self.commands.run(
            self.asked(ticket, by), path, command.body.model_validate(body)
        )

    async def start_flow(self, ticket: UUID, by: UUID = ANA) -> Answered:
        return await self.commands.run(self.asked(ticket, by), "flow", StartFlow())

    async def steps(
        self,
        kind: type[TicketCommand],
        ticket: UUID,
        *,
        command: UUID | None = None,
        session: UUID | None = None,
        **fields: object,
    ) -> CommandReplied:
        """The bot asks for something, in the name of the ticket's newest session."""
        started = [one for one in await self.events(FlowSessionStarted) if one.ticket_id == ticket]
        asked = {
            "command_id": command or uuid4(),
            "account_id": ACCOUNT,
            "contact_id": started[-1].contact_id if started else uuid4(),
            "ticket_id": ticket,
            "session_id": session or started[-1].session_id,
            "at": self.at,
        }
        return await self.flows.handle(kind.model_validate({**asked, **fields}), "correlation")

    async def state(self, ticket: UUID, by: UUID = ANA) -> Answered:
        return await self.commands.state(self.asked(ticket, by))

    def asked(self, ticket: UUID, by: UUID, command_id: UUID | None = None) -> TicketRequest:
        return TicketRequest(
            account=ACCOUNT,
            actor=f"agent:{by}",
            agent_id=by,
            ticket_id=ticket,
            command_id=command_id or uuid4(),
            correlation="c",
        )

    # --- what the log says

    async def log(self) -> list[StoredEvent]:
        return list(await self.database.store.log(0, 10_000))

    async def names(self) -> list[str]:
        return [type(stored.event).__name__ for stored in await self.log()]

    async def events(self, kind: type[Event]) -> list[Event]:
        return [stored.event for stored in await self.log() if isinstance(stored.event, kind)]

    async def timers(self) -> list[UUID]:
        async with self.database.pool.connection() as conn:
            rows = await conn.execute("SELECT id FROM timer ORDER BY due")
            return [row[0] for row in await rows.fetchall()]

    async def timers_of(self, kind: str) -> set[UUID]:
        async with self.database.pool.connection() as conn:
            rows = await conn.execute("SELECT id FROM timer WHERE kind = %s", (kind,))
            return {row[0] for row in await rows.fetchall()}

    async def claims(self, *kinds: str) -> set[tuple[str, bytes, bytes]]:
        async with self.database.pool.connection() as conn:
            rows = await conn.execute(
                "SELECT kind, key, value FROM claim WHERE kind = ANY(%s)", (list(kinds),)
            )
            return {(row[0], bytes(row[1]), bytes(row[2])) for row in await rows.fetchall()}

    async def timers_are_due(self) -> int:
        """Their time has come, whatever the clock of this office says."""
        async with self.database.pool.connection() as conn:
            return (await conn.execute("UPDATE timer SET due = clock_timestamp()")).rowcount

    async def newest_ticket(self) -> UUID:
        opened = [s for s in await self.log() if type(s.event).__name__ == "TicketOpened"]
        return opened[-1].stream


def text(
    said: str = "oi",
    *,
    at: datetime,
    wamid: str | None = None,
    phone: str | None = PHONE,
    user_id: str | None = None,
    name: str = "Marina",
) -> inbound.TextReceived:
    return inbound.TextReceived(
        **item_fields(at),
        wamid=wamid or f"wamid.{uuid4().hex}",
        sender=inbound.Sender(phone=phone, user_id=user_id, name=name),
        occurred_at=at,
        text=said,
    )


def reaction(target: str, emoji: str | None, *, at: datetime) -> inbound.ReactionChanged:
    return inbound.ReactionChanged(
        **item_fields(at),
        wamid=f"wamid.{uuid4().hex}",
        sender=inbound.Sender(phone=PHONE),
        occurred_at=at,
        target_wamid=target,
        emoji=emoji,
    )


def item_fields(at: datetime) -> dict[str, Any]:
    return {
        "account_id": ACCOUNT,
        "connection_id": CONNECTION,
        "phone_number_id": "1",
        "body_sha256": "0" * 64,
        "index": "0/0/messages/0",
        "received_at": at,
        "raw": "{}",
    }


def _agent(id_: UUID, roles: list[str], sectors: list[UUID]) -> AgentChanged:
    return AgentChanged(id=id_, account_id=ACCOUNT, name="x", roles=roles, sector_ids=sectors)
