"""Turn changes into one agent's live events: what they may see, in order, each once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from services.gateway.domain.access import sees
from shared.contracts.inbox import Row, RowChanged, TimelineChanged, TimelineItem, View
from shared.contracts.internal_api import Scope

Kind = Literal["added", "changed", "removed", "message"]


@dataclass(frozen=True, slots=True)
class RowEvent:
    """A row came into a view, changed in it, or left it."""

    kind: Literal["added", "changed", "removed"]
    view: View
    row: Row


@dataclass(frozen=True, slots=True)
class LineEvent:
    """A line of a ticket in sight appeared or changed."""

    item: TimelineItem


class Screen:
    """One connected screen: its scope, and the newest position of each row that it was told."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._rows: dict[UUID, tuple[int, int]] = {}
        self._lines: dict[UUID, tuple[int, int]] = {}

    def row_changed(self, change: RowChanged) -> Iterator[RowEvent]:
        """The events of a change; none when it is a repeat, or out of sight before and after."""
        if not _newer(self._rows, change.row.id, change.row.position):
            return
        before, after = change.before, change.after
        saw, sees_now = sees(self.scope, before), sees(self.scope, after)
        moved = before is not None and before.view != after.view
        if saw and before is not None and (moved or not sees_now):
            yield RowEvent("removed", before.view, change.row)
        if sees_now:
            kind = "changed" if saw and not moved else "added"
            yield RowEvent(kind, after.view, change.row)

    def line_changed(self, change: TimelineChanged) -> LineEvent | None:
        """The event of a line; None when it is a repeat or out of sight."""
        if not sees(self.scope, change.seen):
            return None
        if not _newer(self._lines, change.item.id, change.item.position):
            return None
        return LineEvent(change.item)


def _newer(known: dict[UUID, tuple[int, int]], id_: UUID, position: str) -> bool:
    """Whether the position is higher than the one before; the outbox may repeat."""
    epoch, _, rest = position.partition(".")
    place = (int(epoch), int(rest.partition("-")[2]))
    if known.get(id_, (-1, -1)) >= place:
        return False
    known[id_] = place
    return True
