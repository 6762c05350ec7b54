"""Claims and timers that follow from a change of state.

The one place where the open-ticket claim, an agent's slot and timers are taken, set and cleared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.tickets.domain import silence
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.ticket.state import OPEN, Ticket
from services.tickets.handlers import claims
from services.tickets.storage.contract import Claim, TimerSet


@dataclass(frozen=True, slots=True)
class Situation:
    """A ticket and its conversation at one version each; None before the first event."""

    ticket: Ticket | None
    conversation: Conversation | None


@dataclass(frozen=True, slots=True)
class SideEffects:
    """What the append takes, releases, sets and clears besides its events."""

    take: tuple[Claim, ...]
    release: tuple[Claim, ...]
    set_timers: tuple[TimerSet, ...]
    clear_timers: tuple[UUID, ...]
    depends_on_conversation: bool


_OF_CONVERSATION: Final = frozenset({silence.KIND})
"""Kinds of timers that follow from what was said, not from the ticket alone."""


def side_effects(before: Situation, after: Situation, bot_answers_by: datetime) -> SideEffects:
    """The difference of what both states name; `bot_answers_by` is when a new silence ends."""
    held, wanted = claims_of(before.ticket), claims_of(after.ticket)
    running, named = timers_of(before, bot_answers_by), timers_of(after, bot_answers_by)
    both, changed = {**running, **named}, running.keys() ^ named.keys()
    return SideEffects(
        take=tuple(one for one in wanted if one not in held),
        release=tuple(one for one in held if one not in wanted),
        set_timers=tuple(timer for id_, timer in named.items() if id_ not in running),
        clear_timers=tuple(id_ for id_ in running if id_ not in named),
        depends_on_conversation=any(
            timer.kind in _OF_CONVERSATION for id_, timer in both.items() if id_ in changed
        ),
    )


def claims_of(ticket: Ticket | None) -> tuple[Claim, ...]:
    """That it is the contact's open ticket, and its owner's slot."""
    if ticket is None or ticket.lifecycle not in OPEN:
        return ()
    open_ticket = claims.open_ticket(ticket.contact_id, ticket.connection_id, ticket.id)
    if ticket.owner_id is None or ticket.slot is None:
        return (open_ticket,)
    return (open_ticket, claims.agent_slot(ticket.owner_id, ticket.slot, ticket.id))


def timers_of(situation: Situation, bot_answers_by: datetime) -> Mapping[UUID, TimerSet]:
    """Every timer that the states name, by its id."""
    ticket = situation.ticket
    if ticket is None:
        return {}
    found = [TimerSet(one.id, ticket.id, one.kind, one.due) for one in ticket.timers]
    unanswered = silence.current(ticket, situation.conversation or Conversation())
    if unanswered is not None:
        found.append(TimerSet(unanswered, ticket.id, silence.KIND, bot_answers_by))
    return {timer.id: timer for timer in found}
