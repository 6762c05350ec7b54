"""outbound's handlers on a real database, without Kafka: what it publishes stays in its outbox."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

from services.outbound.adapters.graph import GraphApi, open_session
from services.outbound.adapters.store import PostgresStore
from services.outbound.domain.pace import number_rate
from services.outbound.handlers.enqueue import Enqueue
from services.outbound.handlers.outcomes import Recorder
from services.outbound.handlers.ports import Number
from services.outbound.handlers.recover import Recover
from services.outbound.handlers.send import Limits, Send
from services.outbound.handlers.statuses import Settle
from shared.contracts.envelope import Message
from shared.contracts.outbound import (
    OUTBOUND_EVENTS_TYPES,
    CancelSend,
    Fate,
    SendMessage,
    SendReadReceipt,
)
from shared.plumbing import clock
from shared.plumbing.kafka import Producer
from shared.plumbing.loops import Heartbeat, Loops
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool, make_pool
from shared.plumbing.sealing import Sealer, hmac_key
from shared.plumbing.settings import CommonSettings
from tests.outbound.samples import ACCOUNT, CONNECTION, PEPPER
from tests.support.company import received
from tests.support.waiting import until

T = TypeVar("T")


class Hashes:
    """As `Secrets`, with the pepper of the samples."""

    def wamid(self, account_id: UUID, connection_id: UUID, wamid: str) -> bytes:
        assert account_id == ACCOUNT
        return hmac_key(PEPPER, str(connection_id), wamid)

    def identity(self, account_id: UUID, connection_id: UUID, identity: str) -> bytes:
        assert account_id == ACCOUNT
        return hmac_key(PEPPER, "window", str(connection_id), identity)


@dataclass
class Numbers:
    """Business numbers by connection."""

    known: dict[UUID, Number] = field(default_factory=dict[UUID, Number])

    def ready(self) -> Sequence[UUID]:
        return list(self.known)

    def get(self, connection_id: UUID) -> Number | None:
        return self.known.get(connection_id)


class Outbound:
    """One process of outbound on a database that outlives it."""

    def __init__(self, pool: Pool, numbers: Numbers, **more: Any) -> None:  # noqa: ANN401
        self.pool = pool
        self.numbers = numbers
        self._more = more
        outbox = Outbox(pool, Producer(CommonSettings()))
        self.store = PostgresStore(pool, Sealer(b"k" * 32), outbox, uuid4)
        self.wake = asyncio.Event()
        self.enqueue = Enqueue(self.store, Hashes(), self.wake, asyncio.Event())
        self.settle = Settle(self.store, Hashes(), self.wake)
        self._loops = Loops()

    async def start(self, *, instance: str = "outbound-1") -> None:
        """A process with a session of its own begins to send."""
        session, now = uuid4(), self._more.get("now", clock.now)
        self._http = open_session(connections=512)
        recorder = Recorder(
            self.store, Hashes(), now=now, jitter=lambda: 1.0, recorded=self.wake.set
        )
        self.send = Send(
            self.store,
            GraphApi(self._http, timeout_seconds=self._more.get("timeout_seconds", 2.0)),
            self.numbers,
            Hashes(),
            recorder,
            number_rate(self._more.get("per_second", 64.0)),
            session=session,
            limits=Limits(self._more.get("in_flight", 512), timedelta(seconds=30)),
            now=now,
        )
        self.recover = Recover(self.store, instance=instance, session=session, now=now)
        await self.recover.look(Heartbeat())
        self._loops = Loops()
        self._loops.add("send", self.send.turn, interval_seconds=0.05, wake=self.wake)
        self._loops.add("recover", self.recover.look, interval_seconds=5.0)
        self._loops.add("record", recorder.record, interval_seconds=1.0, wake=recorder.wake)
        await self._loops.start()

    async def die(self) -> None:
        """Nothing in hand is finished or recorded, as by kill -9."""
        await self._loops.stop()
        await self.send.finish(0)
        await self._http.close()

    async def queue(self, *commands: SendMessage | SendReadReceipt | CancelSend) -> None:
        """As Kafka gives them."""
        await self.enqueue.handle_batch([received("outbound.commands", c) for c in commands])

    async def hear(self, *items: Message) -> None:
        """As inbound.events gives them."""
        await self.settle.handle_batch([received("inbound.events", item) for item in items])

    async def states(self) -> dict[UUID, str]:
        rows = await self.rows("SELECT message_id, state FROM queue ORDER BY seq")
        return dict(rows)

    async def facts(self) -> list[Fate]:
        """What was published, in order."""
        rows = await self.rows("SELECT headers->>'ce_type', body FROM outbox ORDER BY seq")
        found = [OUTBOUND_EVENTS_TYPES[kind].read(bytes(body)) for kind, body in rows]
        return [fact for fact in found if isinstance(fact, Fate)]

    async def rows(self, query: Any, *values: object) -> list[tuple[Any, ...]]:  # noqa: ANN401
        async with self.pool.connection() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def until(self, *states: str, seconds: float = 20.0) -> dict[UUID, str]:
        """Every row stands in one of these states."""
        return await until(
            self.states, lambda found: set(found.values()) <= set(states), seconds=seconds
        )


@asynccontextmanager
async def database(url: str) -> AsyncGenerator[Pool]:
    pool = make_pool(url, min_size=1, max_size=8)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


def the_number(graph_url: str, phone_number_id: str) -> Numbers:
    return Numbers({CONNECTION: Number(f"{graph_url}/{phone_number_id}", "t")})
