"""The event store of the port (`handlers/store.py`): codec, keys, writer and loader together."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from services.tickets.adapters.append import Prepared, merged, prepare
from services.tickets.adapters.codec import Codec, SealWith
from services.tickets.adapters.keys import ContactKeys
from services.tickets.adapters.loader import Loader
from services.tickets.adapters.writer import Writer
from services.tickets.handlers.store import Command, Stored, StoredEvent, Verdict

Appended = Callable[[int], None]
"""Told the log id of what was just stored, to wake who waits for it (the relay)."""


class PostgresEventStore:
    """Implements EventStore. The reads are the loader's."""

    def __init__(
        self,
        writer: Writer,
        loader: Loader,
        codec: Codec,
        keys: ContactKeys,
        appended: Appended | None = None,
    ) -> None:
        self._writer = writer
        self._codec = codec
        self._keys = keys
        self._appended = appended
        self._loader = loader

    async def append(self, command: Command) -> Verdict:
        """Seal, encode, store; see the port."""
        verdict = await self._writer.append(await self.prepared(command))
        if self._appended is not None and isinstance(verdict, Stored):
            self._appended(verdict.position)
        return verdict

    async def prepared(self, command: Command) -> Prepared:
        """The command as bytes; its contact's key is committed by then (protocols.md 2)."""
        key: SealWith | None = None
        if command.seal_for is not None:
            sealer = await self._keys.to_seal(command.account, command.seal_for)
            key = SealWith(command.seal_for, sealer)
        meta = self._codec.meta(command.meta)
        states = {
            expectation.stream.id: [
                self._codec.encode(event, meta, expectation.stream.id, version, key)
                for version, event in enumerate(expectation.events, expectation.version + 1)
            ]
            for expectation in merged(command.expectations)
            if expectation.events
        }
        return prepare(command, states)

    async def load(
        self, streams: Sequence[tuple[UUID, int]]
    ) -> Mapping[UUID, Sequence[StoredEvent]]:
        """See the port."""
        return await self._loader.load(streams)

    async def holders(
        self, account: UUID, claims: Sequence[tuple[str, bytes]]
    ) -> Mapping[tuple[str, bytes], bytes]:
        """See the port."""
        return await self._loader.holders(account, claims)

    async def outcome(self, account: UUID, command_id: UUID) -> bytes | None:
        """See the port."""
        return await self._loader.outcome(account, command_id)

    async def log(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """See the port."""
        return await self._loader.log(after, limit)

    async def stream(self, stream: UUID, from_version: int, limit: int) -> Sequence[StoredEvent]:
        """See the port."""
        return await self._loader.stream(stream, from_version, limit)

    async def epoch(self) -> int:
        """See the port."""
        return await self._loader.epoch()

    async def head(self) -> int:
        """See the port."""
        return await self._loader.head()
