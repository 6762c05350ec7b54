"""50 commands on 50 tickets of 10 events: ours warm, in a batch; the library's get and save."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.harness import Row, in_turns, middle, run_on_database
from bench.store import subject
from services.tickets.storage.contract import Stored
from services.tickets.storage.store import EventStore

TICKETS, EVENTS_EACH, ROUNDS = 50, 10, 4


class Ticket(Aggregate):
    """The same fact, told with the library's own means."""

    @event("Opened")
    def __init__(self, contact: UUID) -> None:
        self.contact = contact
        self.notes: list[str] = []

    @event("Accepted")
    def accept(self, sector: UUID, agent: UUID, connection: UUID, note: str) -> None:
        self.sector, self.agent, self.connection = sector, agent, connection
        self.notes = [note]


class Desk(Application[UUID]):
    """The library's application with its defaults."""


def desk(url: str) -> Desk:
    parts = urlsplit(url)
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path[1:],
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": unquote(parts.password or ""),
        "POSTGRES_SCHEMA": "tickets",
    }
    return Desk(environment)


@dataclass
class StateCache:
    """A ticket in memory: its id and version."""

    id: UUID
    version: int = 0


async def accept_all(store: EventStore, tickets: Sequence[StateCache]) -> float:
    started = perf_counter()
    verdicts = await asyncio.gather(
        *(store.append(subject.a_command(ticket.id, ticket.version)) for ticket in tickets)
    )
    spent = perf_counter() - started
    assert all(isinstance(verdict, Stored) for verdict in verdicts)  # noqa: S101
    for ticket in tickets:
        ticket.version += 1
    return len(tickets) / spent


def with_library(app: Desk, ids: Sequence[UUID]) -> float:
    words: dict[str, Any] = dict.fromkeys(("sector", "agent", "connection"), subject.ACCOUNT)
    started = perf_counter()
    for one in ids:
        ticket: Ticket = app.repository.get(one)
        ticket.accept(**words, note="x" * 40)
        app.save(ticket)
    return len(ids) / (perf_counter() - started)


def opened(app: Desk) -> list[UUID]:
    """New tickets of ten events for each round: their length stays what the row says."""
    tickets = [Ticket(subject.ACCOUNT) for _ in range(TICKETS)]
    for ticket in tickets:
        for _ in range(EVENTS_EACH - 1):
            ticket.accept(subject.ACCOUNT, subject.ACCOUNT, subject.ACCOUNT, "x" * 40)
    app.save(*tickets)
    return [ticket.id for ticket in tickets]


async def measure(url: str) -> Sequence[Row]:
    app = desk(url)
    async with subject.a_store(url) as store:

        async def library() -> float:
            return with_library(app, opened(app))

        async def ours() -> float:
            tickets = [StateCache(uuid4()) for _ in range(TICKETS)]
            for _ in range(EVENTS_EACH):
                await accept_all(store, tickets)
            return middle([await accept_all(store, tickets) for _ in range(5)])

        theirs, mine = await in_turns(ROUNDS, library, ours)
    app.close()
    name = "50-command batch, warm tickets / library get+save, commands/s"
    return [Row(name, middle(theirs), middle(mine), 30)]


if __name__ == "__main__":
    run_on_database(measure)
