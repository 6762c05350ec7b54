"""Where an episode begins: bot or queue, and its sector (domain.md 2.7, `rerun_bot`)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.state import Ticket


@dataclass(frozen=True, slots=True)
class Entry:
    """The flow that answers (None: people do), and the sector."""

    flow_id: UUID | None
    sector_id: UUID | None


def entry(
    connection: Entry, previous: Ticket | None, policies: Policies, at: datetime, *, active: bool
) -> Entry:
    """The connection's way in; where the flow need not ask again, the queue of the time before.

    `active` says whether the sector of the time before may still be used: else nobody would see it.
    """
    usual = replace(connection, sector_id=connection.sector_id or policies.default_sector_id)
    if usual.flow_id is None or previous is None or not active:
        return usual
    if _runs_again(usual, previous, policies, at):
        return usual
    return Entry(None, previous.sector_id or usual.sector_id)


def _runs_again(usual: Entry, previous: Ticket, policies: Policies, at: datetime) -> bool:
    match policies.rerun_bot:
        case "always":
            return True
        case "after":
            pause = timedelta(minutes=policies.rerun_bot_after_minutes)
            return previous.closed_at is None or at - previous.closed_at >= pause
        case "never_for_known_sector":  # one that a flow or a person chose
            return previous.sector_id in {None, usual.sector_id}
