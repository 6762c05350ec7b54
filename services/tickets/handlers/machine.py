"""What every command of a machine needs: append, remember what was stored, forget what was not."""

from typing import Final
from uuid import UUID, uuid5

from services.tickets.domain.people import Sender
from services.tickets.handlers.people import People
from services.tickets.handlers.ports import Clock, Hasher
from services.tickets.handlers.store import (
    Command,
    EventStore,
    Meta,
    Repeated,
    Stale,
    Stored,
    Taken,
)
from services.tickets.handlers.warm import Warm
from shared.contracts import inbound

_NAMESPACE: Final = UUID("0f0a6d3c-54b8-5b0e-9d0a-3f6a4d2a6a55")


class Machine:
    """The store, the warm state and the people of one process, as reactions use them."""

    def __init__(
        self, store: EventStore, warm: Warm, people: People, hasher: Hasher, now: Clock
    ) -> None:
        self.store = store
        self.warm = warm
        self.people = people
        self.hasher = hasher
        self.now = now

    async def append(self, command: Command, keys: list[bytes]) -> Stale | Taken | None:
        """None when stored; else why not, with what was warm about it forgotten."""
        verdict = await self.store.append(command)
        match verdict:
            case Stored():
                self.warm.stored(command.account, command.expectations, verdict)
                return None
            case Repeated():
                return None
            case Stale(stream):
                self.warm.drop([stream])
                return verdict
            case Taken():
                self.warm.drop([one.stream.id for one in command.expectations])
                self.people.forget(command.account, keys)
                return verdict

    def meta(self, command_id: UUID, actor: str, correlation: str) -> Meta:
        """Who and why; the command's id derives from its cause, so a repeat has the same."""
        return Meta(self.now(), actor, uuid5(_NAMESPACE, str(command_id)), correlation)


def sender_of(item: inbound.InboundMessage) -> Sender:
    """The customer as the item names them."""
    who = item.sender
    return Sender(phone=who.phone, user_id=who.user_id, username=who.username, name=who.name)
