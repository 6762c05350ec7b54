"""A step: a session is locked, rebuilt and stepped, all in one transaction (D3)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from services.bot.domain.evaluators import Evaluators
from services.bot.domain.events import CommandAnswered, LoopStopped, NodeEntered
from services.bot.domain.inputs import Begun, Input, Started
from services.bot.domain.session_migration import fault_at, migrated
from services.bot.domain.step import Stepped, start, step
from services.bot.handlers.flows import Flows
from services.bot.handlers.outgoing import messages_of
from services.bot.handlers.ports import Connection, Kept, Store
from shared.contracts.problems import PROBLEMS
from shared.plumbing import metrics
from shared.plumbing.failpoints import FAILPOINTS, hit

_OTHER: Final = "other"
_steps = metrics.counter("bot_steps", "Nodes that sessions entered")
_refused = metrics.counter("bot_commands_refused", "Commands that tickets refused", ["code"])
_stopped = metrics.counter("bot_loops_stopped", "Sessions that a guard stopped", ["guard"])

FAILPOINTS.update({"bot.before_commit", "bot.after_commit"})


class NotMigratableError(ValueError):
    """The other version has no node where the session could go on."""


class Sessions:
    """Gives inputs to sessions, in the caller's transaction."""

    def __init__(
        self, store: Store, flows: Flows, evaluators: Evaluators, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._flows = flows
        self._evaluators = evaluators
        self._now = now

    async def start(self, conn: Connection, given: Started, *, begin: bool) -> None:
        """Start a session, once, on the newest version of its flow; `begin`: it acts at once."""
        if await self._store.locked(conn, given.session_id) is not None:
            return
        version, flow = await self._flows.newest(conn, given.account_id, given.flow_id)
        facts = await self._store.facts(conn, given.contact_id, given.ticket_id)
        at = self._now()
        stepped = start(flow, replace(given, version=version, facts=facts), at)
        if begin:
            begun = step(flow, stepped.session, Begun(), at, self._evaluators)
            events = (*stepped.events, *begun.events)
            stepped = Stepped(begun.session, events, begun.commands)
        await self._save(conn, None, stepped)

    async def take(self, conn: Connection, session_id: UUID, given: Input) -> bool:
        """Give an input to a session; false when it changes nothing, as a stale one does."""
        kept = await self._store.locked(conn, session_id)
        if kept is None:
            return False
        session = kept.session
        flow = await self._flows.pinned(conn, session.flow_id, session.version)
        stepped = step(flow, session, given, self._now(), self._evaluators)
        if stepped.events:
            await self._save(conn, kept, stepped)
        return bool(stepped.events)

    async def migrate(
        self, conn: Connection, session_id: UUID, version: int, nodes: Mapping[str, str]
    ) -> bool:
        """Pin another version of its flow; false while a step is under way, or after its end.

        Raises NotMigratableError.
        """
        kept = await self._store.locked(conn, session_id)
        if kept is None or not kept.session.free or kept.session.node is None:
            return False
        session = kept.session
        old = await self._flows.pinned(conn, session.flow_id, session.version)
        new = await self._flows.pinned(conn, session.flow_id, version)
        if old is None or new is None:
            return False
        fault = fault_at(old, new, nodes, kept.session.node)
        if fault is not None:
            raise NotMigratableError(fault)
        stepped = migrated(session, (old, new), version, nodes, self._now(), self._evaluators)
        await self._save(conn, kept, stepped)
        return True

    async def _save(self, conn: Connection, kept: Kept | None, stepped: Stepped) -> None:
        before, count = (None, 0) if kept is None else (kept.session, kept.events)
        told = messages_of(before, count + 1, stepped)
        await self._store.save(conn, kept, stepped.session, stepped.events, told)
        _count(stepped)
        hit("bot.before_commit")


def committed() -> None:
    """Call it after the transaction of a step."""
    hit("bot.after_commit")


def _count(stepped: Stepped) -> None:
    for event in stepped.events:
        match event:
            case NodeEntered():
                _steps.inc()
            case CommandAnswered(refused=True, code=code):
                _refused.labels(code=code if code in PROBLEMS else _OTHER).inc()
            case LoopStopped(guard=guard):
                _stopped.labels(guard=guard).inc()
            case _:
                pass
