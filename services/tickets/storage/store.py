"""The event store: seals, encodes and appends what a command brings; reads are the loader's."""

import asyncio

from services.tickets.storage.append import Prepared, merged, prepare
from services.tickets.storage.codec import Codec, SealWith
from services.tickets.storage.contract import Command, Stored, Verdict
from services.tickets.storage.keys import ContactKeys
from services.tickets.storage.loader import Loader
from services.tickets.storage.writer import Writer
from shared.plumbing.postgres import Pool


class EventStore(Loader):
    """Append, load and read; calls of many callers at once are batched.

    `stored` is set after each append: the relay waits for it.
    """

    def __init__(
        self,
        pool: Pool,
        writer: Writer,
        codec: Codec,
        keys: ContactKeys,
        stored: asyncio.Event,
    ) -> None:
        super().__init__(pool, codec, keys)
        self._writer = writer
        self._codec = codec
        self._keys = keys
        self._stored = stored

    async def append(self, command: Command) -> Verdict:
        """Judge and store one command. Raises ForeignStreamError, StoreTimeoutError, StoreError."""
        verdict = await self._writer.append(await self.prepared(command))
        if isinstance(verdict, Stored):
            self._stored.set()
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
