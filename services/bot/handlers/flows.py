"""Which flow runs in a session? The version that it was pinned to, built once."""

from collections import OrderedDict
from typing import Final
from uuid import UUID

from services.bot.domain.building import build
from services.bot.domain.flow import Flow
from services.bot.handlers.ports import Connection, FlowVersion, Publishes, Store

_KEPT: Final = 256


class Flows:
    """Versions never change, so what was built may be kept."""

    def __init__(self, store: Store, publishing: Publishes) -> None:
        self._store = store
        self._publishing = publishing
        self._built: OrderedDict[tuple[UUID, int], Flow] = OrderedDict()

    async def pinned(self, conn: Connection, flow_id: UUID, version: int) -> Flow | None:
        """A version; None for version 0, the unknown flow, and for one that can't be read."""
        if version == 0:
            return None
        kept = self._built.get((flow_id, version))
        if kept is not None:
            self._built.move_to_end((flow_id, version))
            return kept
        found = await self._store.version(conn, flow_id, version)
        return None if found is None else self._build(found)

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
        return found.version, self._built.get((flow_id, found.version)) or self._build(found)

    def _build(self, found: FlowVersion) -> Flow | None:
        if found.definition is None:
            return None
        made = build(found.definition, found.sectors)
        self._built[found.flow_id, found.version] = made
        while len(self._built) > _KEPT:
            self._built.popitem(last=False)
        return made
