"""What time is it? Imported by adapters and `app` only; the domain is told."""

from datetime import UTC, datetime


def now() -> datetime:
    """This instant, aware, UTC."""
    return datetime.now(UTC)
