"""The machine's time, for adapters and `app` only; the domain is given the time."""

from datetime import UTC, datetime


def now() -> datetime:
    """This instant, aware, UTC."""
    return datetime.now(UTC)
