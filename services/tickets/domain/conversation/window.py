"""The 24-hour window: until when free-form messages may be sent (domain.md 2.1)."""

from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(hours=24)


def closes_at(known: datetime | None, occurred_at: datetime) -> datetime:
    """The window after a message of this instant; webhooks may be late, so the highest wins."""
    opened = occurred_at + WINDOW
    return opened if known is None else max(known, opened)
