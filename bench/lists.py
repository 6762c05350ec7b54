"""A row of design.md 6: pages of a view with exact counters, at 100,000 tickets.

The whole system runs. Its read models are filled by the real fold from events made here, as the
relay would tell them; then an agent who sees two of three sectors, and an administrator, load the
first page of each view. In the database: what projections sends for one page, from the role and the
account to the counters, with its driver. Through the gateway: the HTTP call. What is to be reached
is absolute, so it stands where the floor would. `python -m bench lists`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import UUID, uuid5

from bench.harness import Row, middle, show
from deploy.local.keys import role_password
from deploy.postgres.job import service_url
from services.projections.domain.events import Event
from services.projections.handlers.project import Project
from services.projections.read_models.cards import queries
from services.projections.storage import schemas
from services.projections.storage.live_model import as_reader
from shared.contracts import tickets as published
from shared.contracts.content import PublishedContent
from shared.contracts.envelope import Message
from shared.contracts.inbox import VIEWS, View
from shared.contracts.internal_api import Scope, ViewQuery
from shared.contracts.tickets import Author
from shared.contracts.topics import TICKETS_EVENTS
from shared.plumbing import gc_tuning
from shared.plumbing.partitions import partition_of
from shared.plumbing.postgres import Pool, make_pool
from tests.checks.agent import Agent, Json
from tests.checks.system import System, running

TICKETS, TOGETHER = 100_000, 500
WAITING, ATTENDING = 10, 30  # of each hundred: one tenth waits, two are served, the rest is closed
TIMES, WARM, DEEP_EACH = 200, 20, 4
DATABASE_MS, GATEWAY_MS = 5.0, 15.0
OLDEST = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMER = Author(kind="contact")
SHOWN: Sequence[View] = ("aguardando", "atendendo", "resolvidos")
CONNECTIONS = "SELECT id FROM directory.entity WHERE type = 'directory.ConnectionChanged.v1'"
IN_VIEWS = """
SELECT view, count(*) FROM rm_v1.card WHERE account_id = %s
    AND (%s::uuid[] IS NULL OR sector_id = ANY(%s::uuid[]) OR owner_id = %s) GROUP BY view
"""


class NoFeed:
    """No version is missing here."""

    async def stream(self, stream: object, from_version: int) -> Sequence[Event]:
        del stream, from_version
        return []


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks: over HTTP, and what the gateway makes of it."""

    agent: Agent
    name: str
    account: UUID
    scope: Scope


@dataclass(frozen=True, slots=True)
class Desk:
    """Where tickets come in, and who takes them."""

    account: UUID
    connection: UUID
    sectors: Sequence[UUID]
    owners: Sequence[UUID]


# --- a hundred thousand tickets


def told(desk: Desk, number: int) -> list[tuple[UUID, int, Message]]:
    """What the relay tells of one customer: stream, version, message."""
    contact, at = UUID(int=1_000_000 + number), OLDEST + timedelta(minutes=number)
    ticket, conversation = uuid5(contact, "ticket"), uuid5(contact, "conversation")
    agent = Author(kind="agent", agent_id=desk.owners[number % len(desk.owners)])
    where = {"contact_id": contact, "connection_id": desk.connection, "occurred_at": at}
    of_ticket = {**where, "ticket_id": ticket, "by": CUSTOMER}
    opened = published.TicketOpened.model_validate(
        {
            **of_ticket,
            "conversation_id": conversation,
            "protocol": f"{at:%Y%m%d}-{number:06}",
            "origin": "customer",
            "lifecycle": "waiting",
        }
    )
    sector = desk.sectors[number % len(desk.sectors)]
    events: list[tuple[UUID, int, Message]] = [
        (contact, 1, _identified(contact, number, at)),
        (ticket, 1, opened),
        (ticket, 2, published.SectorAssigned.model_validate({**of_ticket, "sector_id": sector})),
        (conversation, 1, _received(where, conversation, ticket, at)),
    ]
    stage = number * 37 % 100  # spread over sectors and owners
    if stage >= WAITING:
        taken = {**of_ticket, "by": agent, "owner_id": agent.agent_id, "sector_id": sector}
        events.append((ticket, 3, published.TicketAccepted.model_validate(taken)))
    if stage >= ATTENDING:
        closed = {**of_ticket, "by": agent, "owner_id": agent.agent_id}
        events.append((ticket, 4, published.TicketClosed.model_validate(closed)))
    return events


def _identified(contact: UUID, number: int, at: datetime) -> Message:
    return published.ContactIdentified(
        contact_id=contact,
        name=f"Cliente {number}",
        phone=f"55119{number:08}",
        user_id=None,
        username=None,
        occurred_at=at,
    )


def _received(where: Json, conversation: UUID, ticket: UUID, at: datetime) -> Message:
    return published.MessageReceived.model_validate(
        {
            **where,
            "conversation_id": conversation,
            "ticket_id": ticket,
            "message_id": uuid5(conversation, "message"),
            "content": PublishedContent(
                type="text", text="Bom dia! O pedido já saiu para entrega?"
            ),
            "window_closes_at": at + timedelta(hours=24),
            "wamid_hash": "ab" * 32,
        }
    )


def batches(desk: Desk) -> Iterator[list[Event]]:
    log_id, batch = 10_000_000, list[Event]()  # after whatever the system itself has stored
    for number in range(TICKETS):
        contact = UUID(int=1_000_000 + number)
        partition = partition_of(str(contact).encode(), TICKETS_EVENTS.partitions)
        for stream, version, message in told(desk, number):
            log_id += 1
            time = OLDEST + timedelta(minutes=number)
            batch.append(Event(partition, 1, log_id, desk.account, stream, version, time, message))
        if number % TOGETHER == TOGETHER - 1:
            yield batch
            batch = []
    yield batch


async def fill(pool: Pool, desk: Desk) -> None:
    """Fold all of it; the places of the model stay where the system has them."""
    project = Project(pool, None, NoFeed())
    for batch in batches(desk):
        await project.apply(batch, progress=[], told=False)
    async with pool.connection() as conn:
        await conn.execute("ANALYZE card, contact, counter")


# --- who looks at them


async def reader(system: System, login: str) -> tuple[Reader, list[UUID]]:
    """Somebody signed in, and their sectors."""
    public = system.public
    agent = Agent(system.http, public["GUICHE_API"], login, public["GUICHE_PASSWORD"])
    await agent.sign_in()
    me = await agent.get("/v1/me")
    sectors = [UUID(sector["id"]) for sector in me["sectors"]]
    sees_all = "supervisor" in me["roles"]
    scope = Scope(agent_id=UUID(agent.id), sector_ids=None if sees_all else sorted(sectors))
    name = "all sectors" if sees_all else f"{len(sectors)} sectors"
    return Reader(agent, name, UUID(me["account"]["id"]), scope), sectors


async def in_database(pool: Pool, who: Reader, view: View) -> float:
    """Median milliseconds of one page and the counters."""
    query = ViewQuery(scope=who.scope, view=view)

    async def ask() -> None:
        async with pool.connection() as conn, conn.transaction():
            await as_reader(conn, who.account)
            await queries.page(conn, who.account, query)
            await queries.counts(conn, who.account, who.scope)

    return await _median_ms(ask)


async def through_gateway(who: Reader, view: View) -> float:
    async def ask() -> None:
        await who.agent.get(f"/v1/views/{view}")

    return await _median_ms(ask)


async def _median_ms(ask: Callable[[], Awaitable[None]]) -> float:
    milliseconds: list[float] = []
    for _ in range(WARM + TIMES):
        started = perf_counter()
        await ask()
        milliseconds.append((perf_counter() - started) * 1000)
    return middle(milliseconds[WARM:])


async def by_cursor(who: Reader, view: View) -> tuple[float, int]:
    """The whole view: median milliseconds of pages, and tickets that came twice or never."""
    seen, milliseconds, params = list[str](), list[float](), {"limit": "200"}
    while True:
        page = await who.agent.get(f"/v1/views/{view}", params)
        seen += [card["id"] for card in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
        if len(seen) // 200 % DEEP_EACH == 0:  # the page after this one, as a screen asks for it
            started = perf_counter()
            await who.agent.get(f"/v1/views/{view}", {**params, "limit": "50"})
            milliseconds.append((perf_counter() - started) * 1000)
    wrong = len(seen) - len(set(seen)) + abs(page["counts"][view] - len(seen))
    return middle(milliseconds), wrong


async def miscounted(system: System, who: Reader) -> int:
    """By how much the counters differ from the rows that this reader may see."""
    sectors = who.scope.sector_ids
    rows = await system.rows(IN_VIEWS, who.account, sectors, sectors, who.scope.agent_id)
    counts = (await who.agent.get("/v1/counts"))["views"]
    found = dict(rows)
    return sum(abs(found.get(view, 0) - counts.get(view, 0)) for view in VIEWS)


@asynccontextmanager
async def opened(system: System) -> AsyncGenerator[Pool]:
    password = role_password(system.installation.places.keys)
    url = service_url(system.database_url, "projections", password)
    pool = make_pool(schemas.address(url, 1), min_size=1, max_size=2)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


async def measured(system: System, pool: Pool) -> Sequence[Row]:
    login = system.public["GUICHE_AGENT_LOGINS"].split(",")[0]
    agent, _ = await reader(system, login)
    admin, sectors = await reader(system, system.public["GUICHE_ADMIN_LOGIN"])
    connection = (await system.rows(CONNECTIONS))[0][0]
    people = [UUID(agent.agent.id), UUID(admin.agent.id)]
    await fill(pool, Desk(agent.account, connection, sectors, people))
    rows: list[Row] = []
    for who in (agent, admin):
        for view in SHOWN:
            what = f"{view}, {who.name}, p50 ms"
            database, gateway = await in_database(pool, who, view), await through_gateway(who, view)
            rows += [
                Row(f"first page in the database: {what}", DATABASE_MS, database, 1.0, "<="),
                Row(f"first page by HTTP: {what}", GATEWAY_MS, gateway, 1.0, "<="),
            ]
        page, wrong = await by_cursor(who, "resolvidos")
        what = f"resolvidos, {who.name}"
        rows += [
            Row(f"any page by cursor: {what}, p50 ms", GATEWAY_MS, page, 1.0, "<="),
            Row(f"tickets twice or never by cursor: {what}", 1, wrong, 0, "<="),
            Row(f"counters off: {who.name}", 1, await miscounted(system, who), 0, "<="),
        ]
    return rows


async def measure() -> Sequence[Row]:
    gc_tuning.calm()
    async with running(durable=True, logs=None) as system, opened(system) as pool:
        return await measured(system, pool)


if __name__ == "__main__":
    show(asyncio.run(measure()))
