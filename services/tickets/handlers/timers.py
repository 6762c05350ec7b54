"""When a timer is due: is its reason still true, and what follows (D12)?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid5

from services.tickets.domain import silence, unclaimed
from services.tickets.domain.refusals import RefusedError
from services.tickets.domain.ticket.commands import ActOnUnclaimed, EndSilentSession
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import TicketEvent
from services.tickets.handlers import speaking
from services.tickets.handlers.asked import Asked
from services.tickets.handlers.deciding import Deciding, Decision, Loaded
from services.tickets.handlers.store import TimerSet
from shared.plumbing import logs

_log = logs.get(__name__)


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

    def __init__(self, deciding: Deciding, rows: TimerRows, silence: timedelta) -> None:
        self._deciding = deciding
        self._rows = rows
        self._silence = silence

    async def fire(self, timer: Timer) -> None:
        """Do what is due, in the append that deletes the row; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            # asked after the state was read: what clears it now makes that state stale
            if not await self._rows.is_set(timer.id):
                return Decision()
            decision = self._due(timer, loaded)
            decision.clear_timers.append(timer.id)
            decision.heard = True
            return decision

        asked = Asked(
            account=timer.account,
            machine="timer",
            ticket_id=timer.stream,
            command_id=timer.id,
            correlation=str(timer.id),
        )
        await self._deciding.settle(asked, timer.kind, decided)

    def _due(self, timer: Timer, loaded: Loaded) -> Decision:
        if timer.kind == unclaimed.KIND:
            return self._unclaimed(timer, loaded)
        return Decision(ticket=_silent(timer, loaded))

    def _unclaimed(self, timer: Timer, loaded: Loaded) -> Decision:
        """Nobody came (bots.md, session rule 11); what is refused now is left to who may come."""
        waits = loaded.state.unclaimed
        if waits is None or waits.timer_id != timer.id:
            return Decision()
        command = _act_on_unclaimed(timer, loaded)
        try:
            decision = Decision(ticket=decide(loaded.state, command))
        except RefusedError as refused:
            _log.warning("timer refused", ticket=timer.stream, kind=timer.kind, reason=refused.code)
            return Decision()
        if waits.then == "close":
            decision.release.append(speaking.open_claim(loaded))
        elif decision.ticket and command.heard is not None:  # the flow must speak
            due = loaded.at + self._silence
            armed = silent_at(loaded.state.id, command.session_id, command.heard, due)
            decision.set_timers.append(armed)
        said = loaded.state.unclaimed_text
        speaking.queue_text(decision, loaded, unclaimed.KIND, said, final=True)
        return decision


def _act_on_unclaimed(timer: Timer, loaded: Loaded) -> ActOnUnclaimed:
    return ActOnUnclaimed(
        timer_id=timer.id,
        session_id=uuid5(timer.stream, str(timer.id)),
        flow_id=loaded.flow_id,
        heard=loaded.said.last_received_id,
        window_closes_at=loaded.said.window_closes_at,
        at=loaded.at,
        policies=loaded.policies,
    )


def _silent(timer: Timer, loaded: Loaded) -> list[TicketEvent]:
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
