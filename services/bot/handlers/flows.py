"""The flow that runs in a session: the version that it was pinned to, read once."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from services.bot.domain.flow import Flow
from services.bot.handlers.ports import Connection, FlowVersion, Publishes, Store

_KEPT: Final = 256


class Flows:
    """Versions never change, so those that were read may be kept."""

    def __init__(self, store: Store, publishing: Publishes) -> None:
        self._store = store
        self._publishing = publishing
        self._kept: OrderedDict[tuple[UUID, int], Flow] = OrderedDict()

    async def pinned(self, conn: Connection, flow_id: UUID, version: int) -> Flow | None:
        """A version; None for version 0, the unknown flow, and for one that can't be read."""
        if version == 0:
            return None
        kept = self._kept.get((flow_id, version))
        if kept is not None:
            self._kept.move_to_end((flow_id, version))
            return kept
        found = await self._store.version(conn, flow_id, version)
        return None if found is None else self._keep(found)

    async def newest(
        self, conn: Connection, account_id: UUID, flow_id: UUID
    ) -> tuple[int, Flow | None]:
        """The version for a session that starts now; 0 when the account has no such flow.

        Without a flow where it can't be read any more.
        """
        found = await self._store.newest(conn, flow_id)
        if found is None:
            await self._publishing.look()  # the connection may have been set up just now
            found = await self._store.newest(conn, flow_id)
        if found is None or found.account_id != account_id:
            return 0, None
        return found.version, self._kept.get((flow_id, found.version)) or self._keep(found)

    def _keep(self, found: FlowVersion) -> Flow | None:
        if found.definition is None:
            return None
        flow = found.definition.with_sectors(found.sectors)
        self._kept[found.flow_id, found.version] = flow
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return flow
