"""Allot protocol numbers `YYYYMMDD-NNNNNN`, unique across processes.

A process claims a block of numbers of an account's day and hands them out by itself. The first free
block is found by asking for many at once, so a start in the evening is one question, not thousands.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from services.tickets.handlers.ports import NewId
from services.tickets.storage.contract import Claim, Command, Meta, Stored
from services.tickets.storage.store import EventStore

_BLOCK: Final = 50
_ASKED_AT_ONCE: Final = 256
_KIND: Final = "protocol_block"


@dataclass(slots=True)
class _Day:
    day: date
    numbers: Iterator[int]
    first_block: int


class ProtocolNumbers:
    """Numbers of this process; those of an unfinished block are not used again."""

    def __init__(self, store: EventStore, new_id: NewId) -> None:
        self._store = store
        self._new_id = new_id
        self._days: dict[UUID, _Day] = {}
        self._lock = asyncio.Lock()

    async def next(self, account: UUID, zone: str, at: datetime) -> str:
        """The next number of this account's day."""
        day = at.astimezone(ZoneInfo(zone)).date()
        async with self._lock:
            known = self._days.get(account)
            if known is None or known.day != day:
                known = self._days[account] = _Day(day, iter(()), 0)
            number = next(known.numbers, None)
            if number is None:
                number = await self._from_new_block(account, known, at)
        return f"{day:%Y%m%d}-{number:06d}"

    async def _from_new_block(self, account: UUID, known: _Day, at: datetime) -> int:
        while True:
            block = await self._first_free(account, known)
            known.first_block = block + 1
            if await self._claimed(account, known.day, block, at):
                first = block * _BLOCK + 1
                known.numbers = iter(range(first + 1, first + _BLOCK))
                return first

    async def _first_free(self, account: UUID, known: _Day) -> int:
        first = known.first_block
        while True:
            keys = {_key(known.day, block): block for block in range(first, first + _ASKED_AT_ONCE)}
            held = await self._store.holders(account, [(_KIND, key) for key in keys])
            free = [block for key, block in keys.items() if (_KIND, key) not in held]
            if free:
                return free[0]
            first += _ASKED_AT_ONCE

    async def _claimed(self, account: UUID, day: date, block: int, at: datetime) -> bool:
        holder = self._new_id()
        meta = Meta(at, "system", holder, str(holder))
        claim = Claim(_KIND, _key(day, block), holder.bytes)
        verdict = await self._store.append(Command(account, meta, (), take=(claim,)))
        return isinstance(verdict, Stored)


def _key(day: date, block: int) -> bytes:
    return f"{day:%Y%m%d}-{block}".encode()
