"""Moves or stops the sessions of older versions of a flow; without it they drain.

Each is taken in a transaction of its own, under its lock, like in any step (bots.md, session rule
2), while the bot runs. A run that was cut off is simply started again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.bot.domain.flow import Flow
from services.bot.domain.inputs import Stopped
from services.bot.domain.session_migration import faults
from services.bot.handlers.flows import Flows
from services.bot.handlers.ports import Connection, Store
from services.bot.handlers.sessions import NotMigratableError, Sessions, committed
from shared.plumbing.postgres import Pool

_BATCH: Final = 200
_FIRST: Final = UUID(int=0)
Act = Callable[[Connection, UUID], Awaitable[bool]]


class UnknownFlowError(ValueError):
    """No version of this flow was published."""


class MigrationRefusedError(ValueError):
    """Sessions stand where the newest version has no node for them; one line for each fault."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@dataclass
class Round:
    """One look at each session of an older version."""

    done: int = 0
    under_way: int = 0  # a step is: they are to be asked again
    refused: dict[UUID, str] = field(default_factory=dict[UUID, str])


class VersionMigration:
    """Sessions of one flow that are pinned to a version before its newest."""

    def __init__(self, pool: Pool, store: Store, flows: Flows, sessions: Sessions) -> None:
        self._pool = pool
        self._store = store
        self._flows = flows
        self._sessions = sessions

    async def migrate(self, flow_id: UUID, nodes: Mapping[str, str]) -> AsyncIterator[Round]:
        """Move them to the newest version, batch by batch, one round; nothing, where any cannot be.

        Yields what is done so far. Raises UnknownFlowError, MigrationRefusedError.
        """
        newest = await self._newest(flow_id)
        await self._check(flow_id, newest, nodes)

        async def move(conn: Connection, session_id: UUID) -> bool:
            return await self._sessions.migrate(conn, session_id, newest, nodes)

        async for done in self._round(flow_id, newest, move):
            yield done

    async def stop(self, flow_id: UUID) -> AsyncIterator[Round]:
        """Hand them off with their summaries, batch by batch, one round.

        Who was asked is under way until tickets has answered. Raises UnknownFlowError.
        """
        newest = await self._newest(flow_id)

        async def stop(conn: Connection, session_id: UUID) -> bool:
            return await self._sessions.take(conn, session_id, Stopped())

        async for done in self._round(flow_id, newest, stop):
            yield done

    async def _newest(self, flow_id: UUID) -> int:
        async with self._pool.connection() as conn:
            found = await self._store.newest(conn, flow_id)
        if found is None:
            raise UnknownFlowError
        return found.version

    async def _check(self, flow_id: UUID, newest: int, nodes: Mapping[str, str]) -> None:
        async with self._pool.connection() as conn:
            standing = await self._store.standing(conn, flow_id, newest - 1)
            new = await self._flows.pinned(conn, flow_id, newest)
            old: dict[int, Flow] = {}
            for version in {version for version, _ in standing}:
                flow = await self._flows.pinned(conn, flow_id, version)
                if flow is not None:
                    old[version] = flow
        if new is None:
            raise UnknownFlowError
        lines = faults(old, new, nodes, standing)
        if lines:
            raise MigrationRefusedError(lines)

    async def _round(self, flow_id: UUID, newest: int, act: Act) -> AsyncIterator[Round]:
        done, after = Round(), _FIRST
        while ids := await self._older(flow_id, newest, after):
            for session_id in ids:
                await self._one(session_id, act, done)
            after = ids[-1]
            yield done

    async def _older(self, flow_id: UUID, newest: int, after: UUID) -> list[UUID]:
        async with self._pool.connection() as conn:
            return await self._store.older(conn, flow_id, newest - 1, after, _BATCH)

    async def _one(self, session_id: UUID, act: Act, done: Round) -> None:
        try:
            async with self._pool.connection() as conn:
                acted = await act(conn, session_id)
        except NotMigratableError as error:  # it has gone on since all were looked at
            done.refused[session_id] = str(error)
            return
        committed()
        done.done += acted
        done.under_way += not acted
