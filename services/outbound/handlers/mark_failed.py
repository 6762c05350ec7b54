"""A person rules that a send of unknown fate counts as failed: it is never sent again (D8)."""

from datetime import datetime
from uuid import UUID

from services.outbound.domain import fate
from services.outbound.domain.queue_row import State
from services.outbound.handlers.ports import Store
from shared.plumbing import logs

_log = logs.get(__name__)


class NotUnknownError(Exception):
    """Nothing is to be ruled: the fate is known (`state`), or there is no such send (None)."""

    def __init__(self, state: State | None) -> None:
        super().__init__(state)
        self.state = state


async def rule_failed(store: Store, message_id: UUID, reason: str, at: datetime) -> None:
    """Tell that it failed, and keep why; raises NotUnknownError."""
    async with store.begin() as work:
        row = (await work.locked({message_id})).get(message_id)
        if row is None or row.state is not State.UNKNOWN:
            raise NotUnknownError(None if row is None else row.state)
        await work.save([fate.given_up(row, at)])
        await work.keep_ruling(message_id, reason, at)
    _log.warning("an unknown send was ruled failed", message=message_id)
