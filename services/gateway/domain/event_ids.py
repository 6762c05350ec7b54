"""Event ids of a live stream: where to go on, unless the agent's scope has changed.

An id carries a mark of what was in sight when it was told: with other rights, what the screen holds
may be out of sight, and no change will ever take it away. Such a screen loads again.
"""

import hashlib
from typing import Final

from shared.contracts.internal_api import Scope

_BETWEEN: Final = "~"
_NOWHERE: Final = "?"  # no event has this id: the stream says `reset`


def mark_of(scope: Scope) -> str:
    """The same as long as the scope is."""
    return hashlib.blake2s(scope.model_dump_json().encode(), digest_size=4).hexdigest()


def marked(event_id: str, mark: str) -> str:
    """As the screen gets it."""
    return f"{event_id}{_BETWEEN}{mark}"


def resumed(last_event_id: str | None, mark: str) -> str | None:
    """The event after which to go on; None for a screen that begins."""
    if not last_event_id:
        return None
    event_id, _, seen_with = last_event_id.rpartition(_BETWEEN)
    return event_id if seen_with == mark and event_id else _NOWHERE
