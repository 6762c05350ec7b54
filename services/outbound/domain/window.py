"""The customer's 24-hour window (D7, Cloud API 11.1)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from shared.contracts.phone import phone_key

WINDOW: Final = timedelta(hours=24)


def closes_at(known_when_queued: datetime | None, last_inbound: datetime | None) -> datetime | None:
    """The newest known end of the window; None: the customer never wrote."""
    heard = None if last_inbound is None else last_inbound + WINDOW
    known = [instant for instant in (known_when_queued, heard) if instant is not None]
    return max(known, default=None)


def is_open(closes: datetime | None, now: datetime, margin: timedelta) -> bool:
    """Whether a free-form message that leaves now arrives in time; the margin is its way."""
    return closes is not None and now + margin < closes


def identities(phone: str | None, user_id: str | None) -> Iterator[str]:
    """The names of one customer."""
    if phone and (key := phone_key(phone)):
        yield "phone:" + key
    if user_id:
        yield "user:" + user_id
