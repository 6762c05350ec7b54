"""When a timer is due: is its reason still true, and what follows (D12)?"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.tickets.domain import silence
from services.tickets.domain.ticket.commands import EndSilentSession
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.handlers.asked import Asked
from services.tickets.handlers.deciding import Deciding, Decision, Loaded
from services.tickets.handlers.store import TimerSet


@dataclass(frozen=True, slots=True)
class Timer:
    """A row whose time has come."""

    id: UUID
    account: UUID
    stream: UUID
    kind: str


class TimerRows(Protocol):
    """The port: the table, which the appends change."""

    async def is_set(self, timer_id: UUID) -> bool:
        """Whether nobody has cleared it."""
        ...


def silent_at(ticket_id: UUID, session_id: UUID, message_id: UUID, due: datetime) -> TimerSet:
    """Until when the bot must have answered this message."""
    return TimerSet(silence.timer_id(session_id, message_id), ticket_id, silence.KIND, due)


class TimerHandler:
    """Fires a timer once; a stale one (the state has another, or none) only loses its row."""

    def __init__(self, deciding: Deciding, rows: TimerRows) -> None:
        self._deciding = deciding
        self._rows = rows

    async def fire(self, timer: Timer) -> None:
        """Do what is due, in the append that deletes the row; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            # asked after the state was read: what clears it now makes that state stale
            if not await self._rows.is_set(timer.id):
                return Decision()
            return Decision(ticket=_due(timer, loaded), clear_timers=[timer.id], heard=True)

        asked = Asked(
            account=timer.account,
            machine="timer",
            ticket_id=timer.stream,
            command_id=timer.id,
            correlation=str(timer.id),
        )
        await self._deciding.settle(asked, timer.kind, decided)


def _due(timer: Timer, loaded: Loaded) -> list[TicketEvent]:
    """The bot was silent for too long: people go on (protocols.md 8)."""
    session_id = loaded.state.session_id
    if session_id is None or silence.current(loaded.state, loaded.said) != timer.id:
        return []
    default = loaded.connection.sector_id or loaded.policies.default_sector_id
    command = EndSilentSession(
        session_id=session_id,
        sector_id=default if loaded.state.sector_id is None else None,
        at=loaded.at,
    )
    return decide(loaded.state, command)
