"""Dispatch inbound items and delivery reports to their commands."""

from typing import Any, Protocol, TypeVar, cast

from services.tickets.handlers.contact_resolution import ContactResolver, NewId
from services.tickets.handlers.delivery_report import DeliveryReportSource
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.episodes import Episodes
from services.tickets.handlers.execution import CommandContext, CommandExecutor, Source
from services.tickets.handlers.identity_change import IdentityChangeSource
from services.tickets.handlers.inbound_source import InboundTools
from services.tickets.handlers.message_status import MessageStatusSource, UnknownMessageError
from services.tickets.handlers.ports import Hasher
from services.tickets.handlers.protocol_numbers import ProtocolNumbers
from services.tickets.handlers.receive_message import ReceiveMessageSource
from services.tickets.storage.unmatched import Unmatched, UnmatchedTable
from shared.contracts import inbound, outbound
from shared.plumbing.loops import Heartbeat

C = TypeVar("C", bound=CommandContext)


class ItemCommand(Source[C], Protocol):
    """A command that a webhook item causes."""

    def remember(self) -> None:
        """It is stored: its identities are claimed."""
        ...


class InboundHandler:
    """Applies inbound.events and outbound.events; a repeat changes nothing."""

    def __init__(
        self,
        executor: CommandExecutor,
        directory: DirectoryView,
        hasher: Hasher,
        new_id: NewId,
        unmatched: UnmatchedTable,
    ) -> None:
        store = executor.store
        contacts = ContactResolver(store, hasher, new_id)
        self._tools = InboundTools(executor, contacts, hasher, unmatched)
        self._directory = directory
        self._episodes = Episodes(executor, ProtocolNumbers(store, new_id), new_id)

    async def when_inbound(self, item: inbound.Item, correlation: str) -> None:
        """Apply one item of a webhook; what says nothing to us is passed by. Raises NobodyError."""
        try:
            await self._apply(item, correlation)
        except UnknownMessageError as unknown:
            kept = Unmatched(item.account_id, unknown.key, item.TYPE, correlation, item.body())
            await self._tools.unmatched.keep(kept, unknown.wamid_hash)

    async def apply_matched(self, beat: Heartbeat) -> None:
        """A loop's body: apply kept items whose message is known by now."""
        for kept in await self._tools.unmatched.matched():
            item = cast("inbound.Item", inbound.INBOUND_TYPES[kept.type].read(kept.body))
            try:
                await self._apply(item, kept.correlation)
            except UnknownMessageError:
                continue
            await self._tools.unmatched.done(kept)
            beat.beat()
        await self._tools.unmatched.forget_old()

    async def _apply(self, item: inbound.Item, correlation: str) -> None:
        source = self._source(item, correlation)
        if source is None:
            return
        result = await self._tools.executor.execute(source)
        if result is not None and result.position is not None:
            source.remember()

    async def when_outbound(self, report: outbound.Fate, correlation: str) -> None:
        """Apply what outbound reports of one of our messages."""
        await self._tools.executor.execute(DeliveryReportSource(self._tools, report, correlation))

    def _source(self, item: inbound.Item, correlation: str) -> ItemCommand[Any] | None:
        match item:
            case inbound.ReactionChanged() | inbound.MessageEdited() | inbound.MessageRevoked():
                return MessageStatusSource(self._tools, item, correlation)
            case inbound.IdentityChanged(new_phone=None, new_user_id=None):
                return None
            case inbound.IdentityChanged():
                return IdentityChangeSource(self._tools, item, correlation)
            case inbound.Received():
                return ReceiveMessageSource(
                    self._tools, self._episodes, self._directory.snapshot(), item, correlation
                )
            case inbound.Status(opaque_id=None):
                return MessageStatusSource(self._tools, item, correlation)
            case _:
                return None
