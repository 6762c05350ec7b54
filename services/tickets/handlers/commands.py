"""Commands by people: load, decide, one append; again on a lost race (design.md D3, D5)."""

from uuid import UUID

from services.tickets.handlers.answers import Answered, Call
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.ports import Clock, Hasher, NewId
from services.tickets.handlers.store import EventStore
from services.tickets.handlers.warm import Warm
from shared.contracts.internal_api import Accept, Close, Read, Reopen, SendText


class CommandHandler:
    """Each method raises a RefusedError, and StoreError or TRANSIENT errors when the store is away."""

    def __init__(
        self, store: EventStore, directory: DirectoryView, hasher: Hasher, warm: Warm, clock: Clock, ids: NewId
    ) -> None: ...

    async def accept(self, call: Call, ticket_id: UUID, body: Accept) -> Answered: ...
    async def close(self, call: Call, ticket_id: UUID, body: Close) -> Answered: ...
    async def reopen(self, call: Call, ticket_id: UUID, body: Reopen) -> Answered: ...
    async def read(self, call: Call, ticket_id: UUID, body: Read) -> Answered: ...
    async def send_text(self, call: Call, ticket_id: UUID, body: SendText) -> Answered: ...
    async def show(self, account: UUID, actor: UUID, ticket_id: UUID) -> Answered: ...
