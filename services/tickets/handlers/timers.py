"""What a timer does when it is due: a table of kinds; a stale one only loses its row (D12)."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import uuid5

from services.tickets.domain import silence, unclaimed
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.events import TicketUnclaimed
from services.tickets.domain.ticket.evolve import PAUSE, RETURN
from services.tickets.domain.ticket.flows import EndSilentSession
from services.tickets.domain.ticket.pausing import EndPause, ReturnPaused
from services.tickets.domain.ticket.unclaimed import ActOnUnclaimed
from services.tickets.handlers import automatic_texts
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.execution import Changes, CommandExecutor
from services.tickets.handlers.requests import TicketRequest
from services.tickets.handlers.ticket_source import TicketContext, TicketSource
from services.tickets.storage.timers import Timer, TimerTable
from shared.plumbing import logs

_log = logs.get(__name__)


class UnknownTimerKindError(Exception):
    """A timer of a kind that this version does not know: its row stays, and is tried again."""


class TimerHandler:
    """Fires a timer once, in the append that deletes its row."""

    def __init__(
        self, executor: CommandExecutor, directory: DirectoryView, table: TimerTable
    ) -> None:
        self._executor = executor
        self._directory = directory
        self._table = table

    async def fire(self, timer: Timer) -> None:
        """Do what is due. Raises RefusedError, UnknownTimerKindError."""
        due = KINDS.get(timer.kind)
        if due is None:
            raise UnknownTimerKindError(timer.kind)

        async def decided(context: TicketContext) -> Changes:
            # asked after the state was read: what clears the row now makes that state stale
            if not await self._table.is_set(timer.id):
                return Changes()
            changes = due(timer, context)
            changes.fired = timer.id
            changes.depends_on_conversation = True
            return changes

        source = TicketSource(self._executor, self._directory, _request(timer), decided)
        await self._executor.execute(source)


def bot_silent(timer: Timer, context: TicketContext) -> Changes:
    """The bot was silent for too long: people go on (protocols.md 8)."""
    session_id = context.state.session_id
    if session_id is None or silence.current(context.state, context.messages) != timer.id:
        return Changes()
    command = EndSilentSession(
        session_id=session_id,
        sector_id=context.entry_sector_id if context.state.sector_id is None else None,
        return_to=context.return_to,
        at=context.at,
        policies=context.policies,
    )
    return Changes(ticket=decide(context.state, command))


def nobody_came(timer: Timer, context: TicketContext) -> Changes:
    """Nobody took a ticket that a flow handed over (bots.md, session rule 11)."""
    waits = context.state.unclaimed
    command = ActOnUnclaimed(
        **_by_timer(timer, context),
        session_id=uuid5(timer.stream, str(timer.id)),
        flow_id=context.flow_id,
        received_id=context.messages.last_received_id,
        window_closes_at=context.messages.window_closes_at,
        reason_known=context.close_reason_is_usable(waits and waits.reason_id),
    )
    changes = Changes(ticket=decide(context.state, command))
    refused = [one.refused for one in changes.ticket if isinstance(one, TicketUnclaimed)]
    if any(refused):
        _log.warning("timer refused", ticket=timer.stream, kind=timer.kind, reason=refused[0])
    elif changes.ticket:
        text = context.state.unclaimed_text
        automatic_texts.queue(changes, context, unclaimed.KIND, text, final=True)
    return changes


def pause_over(timer: Timer, context: TicketContext) -> Changes:
    """The instant has come until which a ticket was paused."""
    return Changes(ticket=decide(context.state, EndPause(**_by_timer(timer, context))))


def return_paused(timer: Timer, context: TicketContext) -> Changes:
    """The customer of a paused ticket has waited long enough."""
    return Changes(ticket=decide(context.state, ReturnPaused(**_by_timer(timer, context))))


KINDS: Final[Mapping[str, Callable[[Timer, TicketContext], Changes]]] = {
    silence.KIND: bot_silent,
    unclaimed.KIND: nobody_came,
    PAUSE: pause_over,
    RETURN: return_paused,
}
"""Every kind of timer that a state can name (`side_effects.timers_of`)."""


def _by_timer(timer: Timer, context: TicketContext) -> dict[str, Any]:
    """The fields of every `TimerCommand`."""
    return {"timer_id": timer.id, "at": context.at, "policies": context.policies}


def _request(timer: Timer) -> TicketRequest:
    return TicketRequest(
        account=timer.account,
        actor="timer",
        ticket_id=timer.stream,
        command_id=timer.id,
        correlation=str(timer.id),
        fingerprint=timer.kind,
    )
