"""What an administrator has set up: directory.events as a snapshot for handlers."""

from services.tickets.handlers.directory import Snapshot
from shared.plumbing.entities import EntityTable


class DirectoryTable(EntityTable):
    """Implements DirectoryView."""

    def snapshot(self) -> Snapshot:
        """The directory as of the last message."""
        return Snapshot(self.entities)
