"""The bot's tables: flows, sessions, timers, and facts of contacts and tickets."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError

from services.bot.adapters.codec import Codec
from services.bot.domain.events import Event
from services.bot.domain.flow import Flow
from services.bot.domain.session import Session, rebuilt
from services.bot.handlers.ports import Connection, Due, FlowVersion, Kept
from services.bot.texts import pt_br
from shared.plumbing import logs
from shared.plumbing.kafka import Outgoing
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool

_LEASE_SECONDS: Final = 10.0
logs.allow("flow", "faults")
_log = logs.get(__name__)

_VERSION_COLUMNS: Final = (
    "SELECT flow_id, version, account_id, hash, definition::text, sectors::text, published_at "
    "FROM flow_version WHERE flow_id = %s "
)
_NEWEST: Final = _VERSION_COLUMNS + "ORDER BY version DESC LIMIT 1"
_ONE_VERSION: Final = _VERSION_COLUMNS + "AND version = %s"
_OF_CONTENT: Final = "SELECT version FROM flow_version WHERE flow_id = %s AND hash = %s"
_PUBLISH: Final = """
INSERT INTO flow_version
    (flow_id, version, account_id, key, name, hash, definition, sectors, published_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (flow_id, version) DO NOTHING
"""
_LOCK: Final = "SELECT id FROM session WHERE id = %s FOR UPDATE"
_EVENTS: Final = """
SELECT number, kind, sealed FROM session_event WHERE session_id = %s ORDER BY number
"""
_PUT_SESSION: Final = """
INSERT INTO session AS held (id, account_id, contact_id, ticket_id, flow_id, version, state, node,
    step, events, started_at, ended_at, ended_by)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, state = excluded.state,
    node = excluded.node, step = excluded.step,
    events = excluded.events, ended_at = excluded.ended_at, ended_by = excluded.ended_by
"""
_PUT_EVENTS: Final = """
INSERT INTO session_event (session_id, number, kind, at, sealed)
SELECT * FROM unnest(%b::uuid[], %b::int[], %b::text[], %b::timestamptz[], %b::bytea[])
"""
_PUT_UNSENT: Final = """
INSERT INTO unsent_message (message_id, session_id)
SELECT wanted, %s FROM unnest(%s::uuid[]) AS wanted ON CONFLICT (message_id) DO NOTHING
"""
_DROP_UNSENT: Final = "DELETE FROM unsent_message WHERE message_id = ANY(%s)"
_ARM: Final = """
INSERT INTO timer (session_id, timer_id, due) VALUES (%s, %s, %s)
ON CONFLICT (session_id)
DO UPDATE SET timer_id = excluded.timer_id, due = excluded.due, leased_until = NULL,
    attempts = 0, next_attempt_at = NULL, last_error = NULL
"""
_DISARM: Final = "DELETE FROM timer WHERE session_id = %s"
_LEASE_DUE: Final = """
UPDATE timer SET leased_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE session_id IN (
    SELECT session_id FROM timer
    WHERE due <= %(now)s AND coalesce(leased_until, '-infinity') < clock_timestamp()
        AND coalesce(next_attempt_at, '-infinity') <= clock_timestamp()
    ORDER BY due LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING session_id, timer_id, due
"""
_OF_TICKETS: Final = """
SELECT ticket_id, id FROM session WHERE ticket_id = ANY(%s) AND state <> 'ended'
ORDER BY started_at
"""
_OF_MESSAGES: Final = """
SELECT message_id, session_id FROM unsent_message WHERE message_id = ANY(%s)
"""
_STANDING: Final = """
SELECT DISTINCT version, node FROM session
WHERE flow_id = %s AND version BETWEEN 1 AND %s AND state = 'running' AND node IS NOT NULL
"""
_OLDER: Final = """
SELECT id FROM session
WHERE flow_id = %s AND version BETWEEN 1 AND %s AND state <> 'ended' AND id > %s
ORDER BY id LIMIT %s
"""
_NOTED: Final = "SELECT id FROM session WHERE state = 'noted' ORDER BY started_at"
_KNOW_CONTACT: Final = """
INSERT INTO contact (id, sealed_name) VALUES (%s, %s)
ON CONFLICT (id) DO UPDATE SET sealed_name = excluded.sealed_name
"""
_KNOW_TICKET: Final = """
INSERT INTO ticket (id, protocol) VALUES (%s, %s) ON CONFLICT (id) DO NOTHING
"""
_FORGET_TICKET: Final = "DELETE FROM ticket WHERE id = %s"
_FACTS: Final = """
SELECT (SELECT sealed_name FROM contact WHERE id = %s),
    (SELECT protocol FROM ticket WHERE id = %s)
"""
_EPOCH: Final = "SELECT epoch FROM position"
_FORGET: Final = "TRUNCATE position, stream_version, parked"
_FORGET_SESSIONS: Final = "DELETE FROM session"  # one that ended may run again in what is restored


class PostgresStore:
    """Everything but `lease` works in the caller's transaction."""

    def __init__(self, pool: Pool, codec: Codec, outbox: Outbox) -> None:
        self._pool = pool
        self._codec = codec
        self._outbox = outbox

    async def newest(self, conn: Connection, flow_id: UUID) -> FlowVersion | None:
        """The newest version of a flow."""
        return _version(await (await conn.execute(_NEWEST, (flow_id,))).fetchone())

    async def version(self, conn: Connection, flow_id: UUID, version: int) -> FlowVersion | None:
        """One version of a flow."""
        return _version(await (await conn.execute(_ONE_VERSION, (flow_id, version))).fetchone())

    async def is_new(self, conn: Connection, flow_id: UUID, hash_: str) -> bool:
        """Whether no version of the flow has this content."""
        return await (await conn.execute(_OF_CONTENT, (flow_id, hash_))).fetchone() is None

    async def publish(self, conn: Connection, version: FlowVersion, definition: Flow) -> bool:
        """Store a version; false when there is one of that number."""
        row = (
            version.flow_id,
            version.version,
            version.account_id,
            definition.key,
            definition.name,
            version.hash,
            definition.model_dump_json(by_alias=True),
            orjson.dumps({name: str(id_) for name, id_ in version.sectors.items()}).decode(),
            version.published_at,
        )
        return (await conn.execute(_PUBLISH, row)).rowcount == 1

    async def locked(self, conn: Connection, session_id: UUID) -> Kept | None:
        """A session; nobody else touches it until the transaction ends."""
        if await (await conn.execute(_LOCK, (session_id,))).fetchone() is None:
            return None
        return await self.unlocked(conn, session_id)

    async def unlocked(self, conn: Connection, session_id: UUID) -> Kept | None:
        """A session as it is at this instant, to look at."""
        events = await self.stream(conn, session_id)
        session = rebuilt(events)
        return None if session is None else Kept(session, len(events))

    async def stream(self, conn: Connection, session_id: UUID) -> list[Event]:
        """The events of a session."""
        rows = await (await conn.execute(_EVENTS, (session_id,))).fetchall()
        return [
            self._codec.open(session_id, number, kind, bytes(sealed))
            for number, kind, sealed in rows
        ]

    async def of_tickets(self, conn: Connection, tickets: Collection[UUID]) -> dict[UUID, UUID]:
        """The session of each ticket that has not ended."""
        return dict(await (await conn.execute(_OF_TICKETS, (list(tickets),))).fetchall())

    async def of_messages(self, conn: Connection, ids: Collection[UUID]) -> dict[UUID, UUID]:
        """The session of each message that is not known to have left."""
        return dict(await (await conn.execute(_OF_MESSAGES, (list(ids),))).fetchall())

    async def standing(
        self, conn: Connection, flow_id: UUID, up_to_version: int
    ) -> list[tuple[int, str]]:
        """Each version up to this one, with each node where sessions stand."""
        rows = await conn.execute(_STANDING, (flow_id, up_to_version))
        return [(version, node) for version, node in await rows.fetchall()]

    async def older(
        self, conn: Connection, flow_id: UUID, up_to_version: int, after: UUID, limit: int
    ) -> list[UUID]:
        """Sessions of these versions that have not ended, by id after that one."""
        rows = await conn.execute(_OLDER, (flow_id, up_to_version, after, limit))
        return [row[0] for row in await rows.fetchall()]

    async def noted(self, conn: Connection) -> list[UUID]:
        """Sessions that have not begun."""
        return [row[0] for row in await (await conn.execute(_NOTED)).fetchall()]

    async def save(
        self,
        conn: Connection,
        before: Kept | None,
        after: Session,
        events: Sequence[Event],
        told: Sequence[Outgoing],
    ) -> None:
        """A step: events, current row, timer, unsent messages, outbox; one round trip."""
        first = 1 if before is None else before.events + 1
        last = first + len(events) - 1
        async with conn.pipeline():
            await conn.execute(_PUT_SESSION, _row(after, last, events[-1].at))
            await conn.execute(_PUT_EVENTS, self._columns(after.id, first, events))
            await self._timer(conn, before, after)
            await self._unsent(conn, before, after)
            if after.finished is not None:
                await conn.execute(_FORGET_TICKET, (after.ticket_id,))
            await self._outbox.put(conn, told)

    async def tell(self, conn: Connection, told: Sequence[Outgoing]) -> None:
        """Messages for the outbox."""
        await self._outbox.put(conn, told)

    async def know_contact(self, conn: Connection, contact_id: UUID, name: str | None) -> None:
        """The name that a contact has now."""
        await conn.execute(_KNOW_CONTACT, (contact_id, self._codec.seal_name(contact_id, name)))

    async def know_ticket(self, conn: Connection, ticket_id: UUID, protocol: str) -> None:
        """The protocol of a ticket that the bot will answer."""
        await conn.execute(_KNOW_TICKET, (ticket_id, protocol))

    async def facts(self, conn: Connection, contact_id: UUID, ticket_id: UUID) -> dict[str, str]:
        """The built-in variables of a session that starts now."""
        found = await (await conn.execute(_FACTS, (contact_id, ticket_id))).fetchone()
        sealed, protocol = (None, None) if found is None else found
        name = self._codec.open_name(contact_id, None if sealed is None else bytes(sealed))
        known = {pt_br.NAME: name, pt_br.PROTOCOL: protocol}
        return {key: value for key, value in known.items() if value}

    async def epoch(self, conn: Connection) -> int | None:
        """The epoch of the event store that is followed; None: its feed has not been read yet."""
        found = await (await conn.execute(_EPOCH)).fetchone()
        return None if found is None else found[0]

    async def forget(self, conn: Connection) -> None:
        """Drop what is known of the event store, and all sessions: it was restored."""
        await conn.execute(_FORGET)
        await conn.execute(_FORGET_SESSIONS)

    async def lease(self, now: datetime, limit: int) -> list[Due]:
        """Due timers, leased for ten seconds and committed before anybody works on them."""
        wanted = {"now": now, "seconds": _LEASE_SECONDS, "limit": limit}
        async with self._pool.connection() as conn:
            rows = await (await conn.execute(_LEASE_DUE, wanted)).fetchall()
        return sorted((Due(*row) for row in rows), key=lambda due: due.due)

    async def _timer(self, conn: Connection, before: Kept | None, after: Session) -> None:
        timer = after.timer
        if timer == (None if before is None else before.session.timer):
            return
        if timer is None:
            await conn.execute(_DISARM, (after.id,))
        else:
            await conn.execute(_ARM, (after.id, timer.id, timer.due))

    async def _unsent(self, conn: Connection, before: Kept | None, after: Session) -> None:
        had = set(() if before is None else before.session.unsent)
        has = set(() if after.finished is not None else after.unsent)
        if has - had:
            await conn.execute(_PUT_UNSENT, (after.id, sorted(has - had)))
        if had - has:
            await conn.execute(_DROP_UNSENT, (sorted(had - has),))

    def _columns(self, session_id: UUID, first: int, events: Sequence[Event]) -> list[list[Any]]:
        numbers = list(range(first, first + len(events)))
        return [
            [session_id] * len(events),
            numbers,
            [type(event).__name__ for event in events],
            [event.at for event in events],
            [self._codec.seal(session_id, n, e) for n, e in zip(numbers, events, strict=True)],
        ]


def _row(session: Session, events: int, at: datetime) -> tuple[object, ...]:
    state = "running" if session.begun else "noted"
    return (
        session.id,
        session.account_id,
        session.contact_id,
        session.ticket_id,
        session.flow_id,
        session.version,
        state if session.finished is None else "ended",
        session.node,
        session.step,
        events,
        session.started_at,
        None if session.finished is None else at,
        session.finished,
    )


def _version(row: tuple[Any, ...] | None) -> FlowVersion | None:
    if row is None:
        return None
    flow_id, version, account_id, hash_, definition, sectors, published_at = row
    return FlowVersion(
        flow_id=flow_id,
        version=version,
        account_id=account_id,
        hash=hash_,
        definition=_definition(definition, flow_id, version),
        sectors={name: UUID(id_) for name, id_ in orjson.loads(sectors).items()},
        published_at=published_at,
    )


def _definition(text: str, flow_id: UUID, version: int) -> Flow | None:
    try:
        return Flow.model_validate_json(text)
    except ValidationError as error:
        found = {"flow": str(flow_id), "version": version, "faults": error.error_count()}
        _log.error("a published flow cannot be read any more", **found)
        return None
