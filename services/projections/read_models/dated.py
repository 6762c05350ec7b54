"""Choose between facts without a rank: the later by (Meta's instant, log order) holds."""

from datetime import datetime

from services.projections.domain.events import Event
from shared.contracts.envelope import Contract


class Dated(Contract):
    """A value that holds until a later one; None: taken back, or not known."""

    at: datetime
    log_id: int
    value: str | None


def dated(value: str | None, at: datetime, event: Event) -> Dated:
    """The value that an event brings."""
    return Dated(at=at, log_id=event.log_id, value=value)


def later(one: Dated | None, other: Dated | None) -> Dated | None:
    """The one that holds."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda each: (each.at, each.log_id))
