"""A message is taken back, if nobody has begun to send it (domain.md 2.3, CancelMessage).

The sender and a cancellation want the lock of the same row: who gets it first wins. A message that
is under way keeps the wish: when its attempt comes to nothing, there is no other.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.outbound.domain import fate
from services.outbound.domain.fate import Change
from services.outbound.domain.queue_row import Kind, QueueRow, State
from services.outbound.handlers.ports import Work
from shared.contracts.outbound import CancelSend
from shared.plumbing import logs, metrics

_cancels = metrics.counter("outbound_cancels", "Messages that were to be taken back", ["result"])
_log = logs.get(__name__)


async def cancel(work: Work, commands: Sequence[CancelSend]) -> None:
    """Take back what is still queued; a message that is not known has nothing to take back."""
    if not commands:
        return
    rows = await work.locked({command.message_id for command in commands})
    changes: dict[UUID, Change] = {}
    for command in commands:
        row = _ours(rows, command)
        _cancels.labels(result=_result(row)).inc()
        if row is not None and command.message_id not in changes:
            changes[row.message_id] = fate.cancelled(row, command.reason, command.requested_at)
    await work.save([change for id_, change in changes.items() if change.row != rows[id_]])


def _ours(rows: Mapping[UUID, QueueRow], command: CancelSend) -> QueueRow | None:
    row = rows.get(command.message_id)
    if row is None or (row.kind is Kind.SEND and row.account_id == command.account_id):
        return row
    _log.error("cancellation of another account, or of a receipt", message=row.message_id)
    return None


def _result(row: QueueRow | None) -> str:
    if row is None:
        return "not_known"
    return "in_time" if row.state is State.QUEUED else "too_late"
