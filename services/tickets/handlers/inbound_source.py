"""What every command that comes from a webhook or from outbound needs: names, claims, lookups."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from services.tickets.handlers import claims
from services.tickets.handlers.contact_resolution import ContactResolver, Found
from services.tickets.handlers.execution import CommandExecutor
from services.tickets.handlers.ports import Hasher
from services.tickets.handlers.requests import Request
from services.tickets.storage.contract import Stale, Taken
from services.tickets.storage.unmatched import UnmatchedTable
from shared.contracts import inbound

_NAMESPACE: Final = UUID("0f0a6d3c-54b8-5b0e-9d0a-3f6a4d2a6a55")


@dataclass(frozen=True, slots=True)
class InboundTools:
    """The executor with what leads from Meta's names to ours, and a place for what does not."""

    executor: CommandExecutor
    contacts: ContactResolver
    hasher: Hasher
    unmatched: UnmatchedTable

    def wamid_hash(self, account: UUID, connection: UUID, wamid: str) -> bytes:
        """The name of a wamid in claims."""
        return claims.wamid_hash(self.hasher, account, connection, wamid)

    async def message_of(self, account: UUID, wamid_hash: bytes) -> UUID | None:
        """The message of ours that holds this wamid."""
        key = ("wamid", wamid_hash)
        holder = (await self.executor.store.holders(account, [key])).get(key)
        return None if holder is None else UUID(bytes=holder)


def machine_request(account: UUID, cause: UUID, actor: str, correlation: str) -> Request:
    """The command's id derives from its cause, so a repeat has the same."""
    return Request(
        account=account,
        actor=actor,
        command_id=uuid5(_NAMESPACE, str(cause)),
        correlation=correlation,
    )


class ItemSource:
    """Common to the sources of webhook items: whose they are, and when they came before."""

    def __init__(self, tools: InboundTools, item: inbound.Item, keys: list[bytes]) -> None:
        self._tools = tools
        self._item = item
        self._keys = keys
        self._found: Found | None = None

    async def lock_key(self) -> object:
        """The contact; of somebody new, the strongest identity."""
        self._found = await self._tools.contacts.find(self._item.account_id, self._keys)
        return self._keys[0] if self._found.new else self._found.contact_id

    @property
    def found(self) -> Found:
        """The contact as the last `lock_key` found it."""
        if self._found is None:
            raise LookupError
        return self._found

    def lost(self, verdict: Stale | Taken) -> bool:
        """See `Source`: the item itself is a claim; other claims are looked up again."""
        if isinstance(verdict, Stale):
            return False
        self._tools.contacts.forget(self._item.account_id, self._keys)
        return verdict.claim.kind == "inbound"

    def remember(self) -> None:
        """The identities are claimed now: the next item need not ask."""
        self._tools.contacts.remember(self._item.account_id, self.found.free, self.found.contact_id)
