"""Change a queue row by an answer or a status, in any order, and say what is published."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypedDict
from uuid import UUID

from services.outbound.domain.queue_row import ARRIVED, OPEN, QueueRow, State, Told
from services.outbound.domain.retrying import reason_of
from shared.contracts.content import ProviderError
from shared.contracts.inbound import (
    Status,
    StatusDelivered,
    StatusFailed,
    StatusPlayed,
    StatusRead,
    StatusSent,
)
from shared.contracts.outbound import (
    Fate,
    MessageAccepted,
    MessageCancelled,
    MessageDelivered,
    MessageFailed,
    MessageOutcomeUnknown,
    MessagePlayed,
    MessageRead,
    MessageSent,
)

_TOLD: Final[Mapping[type[Status], Told]] = {
    StatusSent: Told.SENT,
    StatusDelivered: Told.DELIVERED,
    StatusRead: Told.READ,
    StatusPlayed: Told.PLAYED,
    StatusFailed: Told.FAILED,
}


class NotAMessageError(ValueError):
    """A receipt has no fate."""


@dataclass(frozen=True, slots=True)
class Change:
    """The row afterwards, and what is published of it."""

    row: QueueRow
    facts: tuple[Fate, ...] = ()
    second_wamid: bool = False  # two acceptances of one message: an alarm


def accepted(row: QueueRow, wamid: str, wamid_hash: bytes, at: datetime) -> Change:
    """Meta named the message, by its answer or by a status; who knows it already says nothing."""
    if row.wamid_hash is not None:
        return Change(row, second_wamid=row.wamid_hash != wamid_hash)
    after = replace(
        row, state=State.ACCEPTED, wamid_hash=wamid_hash, reason=None, settled_at=_settled(row, at)
    )
    return Change(after, (MessageAccepted(**_common(row, at), wamid=wamid),))


def refused(
    row: QueueRow,
    reason: str,
    errors: tuple[ProviderError, ...],
    at: datetime,
    *,
    dead: bool = False,
) -> Change:
    """Meta's answer said no for good, or we must not send it; a proof of the contrary wins."""
    told_otherwise = Told.FAILED in row.told or row.state is State.CANCELLED
    if row.wamid_hash is not None or told_otherwise:
        return Change(row)
    after = replace(
        row,
        state=State.DEAD if dead else State.REFUSED,
        told=row.told | Told.FAILED,
        reason=reason,
        settled_at=_settled(row, at),
    )
    return Change(after, (MessageFailed(**_common(row, at), reason=reason, errors=list(errors)),))


def unknown(row: QueueRow, reason: str, at: datetime) -> Change:
    """Nobody knows; what a status has settled meanwhile stays settled."""
    if row.state is not State.SENDING:
        return Change(row)
    after = replace(row, state=State.UNKNOWN, reason=reason, settled_at=at)
    return Change(after, (MessageOutcomeUnknown(**_common(row, at), reason=reason),))


def given_up(row: QueueRow, at: datetime) -> Change:
    """A person ruled that an unknown send counts as failed; a proof of the contrary wins."""
    return refused(row, "given_up", (), at) if row.state is State.UNKNOWN else Change(row)


def again(
    row: QueueRow, at: datetime, pause: timedelta, reason: str, *, refused_by_meta: bool
) -> Change:
    """It was certainly not taken: sent again, unless it was taken back; only from `sending`."""
    if row.state is not State.SENDING:
        return Change(row)
    after = replace(
        row,
        state=State.QUEUED,
        next_attempt_at=at + pause,
        refusals=row.refusals + refused_by_meta,
        reason=reason,
        session=None,
    )
    return Change(after) if row.cancel is None else cancelled(after, row.cancel, at)


def cancelled(row: QueueRow, reason: str, at: datetime) -> Change:
    """Taken back before it was sent; what is under way has its fate, what is over has had it."""
    if row.state is State.SENDING:
        return Change(replace(row, cancel=row.cancel or reason))
    if row.state is not State.QUEUED:
        return Change(row)
    after = replace(row, state=State.CANCELLED, reason=reason, settled_at=at)
    return Change(after, (MessageCancelled(**_common(row, at), reason=reason),))


def told(row: QueueRow, status: Status, wamid_hash: bytes) -> Change:
    """A status that carries our id: it proves that the message was taken, whatever we thought."""
    flag = _TOLD.get(type(status), Told.NOTHING)
    if flag & row.told:
        return Change(row, second_wamid=row.wamid_hash not in {None, wamid_hash})
    proof = accepted(row, status.wamid, wamid_hash, status.occurred_at)
    if not flag:
        return proof
    known = proof.row.told | flag
    failed = Told.FAILED in known and not known & ARRIVED
    after = replace(proof.row, told=known, state=State.REFUSED if failed else State.ACCEPTED)
    return Change(after, (*proof.facts, _fact(row, status)), proof.second_wamid)


def _fact(row: QueueRow, status: Status) -> Fate:
    common = _common(row, status.occurred_at)
    match status:
        case StatusSent():
            return MessageSent(**common, pricing=status.pricing)
        case StatusDelivered():
            return MessageDelivered(**common, pricing=status.pricing)
        case StatusRead():
            return MessageRead(**common)
        case StatusPlayed():
            return MessagePlayed(**common)
        case _:
            errors = status.errors if isinstance(status, StatusFailed) else []
            reason = reason_of(errors[0].code if errors else None)
            return MessageFailed(**common, reason=reason, errors=errors)


class _Common(TypedDict):
    message_id: UUID
    account_id: UUID
    contact_id: UUID
    connection_id: UUID
    conversation_id: UUID
    ticket_id: UUID
    occurred_at: datetime


def _common(row: QueueRow, at: datetime) -> _Common:
    if row.conversation_id is None or row.ticket_id is None:
        raise NotAMessageError(row.kind)
    return _Common(
        message_id=row.message_id,
        account_id=row.account_id,
        contact_id=row.contact_id,
        connection_id=row.connection_id,
        conversation_id=row.conversation_id,
        ticket_id=row.ticket_id,
        occurred_at=at,
    )


def _settled(row: QueueRow, at: datetime) -> datetime:
    return at if row.state in OPEN or row.settled_at is None else row.settled_at
