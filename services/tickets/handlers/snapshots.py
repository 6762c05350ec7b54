"""The port of snapshots: a long stream is loaded from where it was last written down (D1).

Nothing is decided on a snapshot alone: newer events are folded onto it, and the append's verdict
judges the version that comes out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

EVERY_EVENTS: Final = 200  # design.md D1


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A conversation as it was at a version; `key` is the contact whose key seals it."""

    stream: UUID
    account: UUID
    key: UUID
    version: int
    log_id: int
    state: Any  # a Conversation: other streams are short


class Snapshots(Protocol):
    """Where snapshots are kept; one that cannot be read is as good as none."""

    async def load(self, streams: Sequence[UUID]) -> Mapping[UUID, Snapshot]:
        """Those that there are."""
        ...

    async def save(self, snapshot: Snapshot) -> None:
        """Keep it, unless a newer one is kept."""
        ...


class NoSnapshots:
    """Every stream is loaded whole."""

    async def load(self, streams: Sequence[UUID]) -> Mapping[UUID, Snapshot]:
        """None."""
        del streams
        return {}

    async def save(self, snapshot: Snapshot) -> None:
        """Forget it."""
