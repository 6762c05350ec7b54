"""Who acts, who spoke, and where a message goes."""

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

SUPERVISING_ROLES: Final = frozenset({"supervisor", "admin"})


@dataclass(frozen=True, slots=True)
class Author:
    """Who said or did it; stored with the event."""

    kind: Literal["contact", "agent", "bot", "system"]
    agent_id: UUID | None = None


CONTACT: Final = Author("contact")
BOT: Final = Author("bot")
SYSTEM: Final = Author("system")


@dataclass(frozen=True, slots=True)
class Actor:
    """An agent who asks for something, with what the directory says of them at that instant."""

    agent_id: UUID
    roles: frozenset[str]
    sectors: frozenset[UUID]
    ticket_limit: int | None = None  # tickets that they may own at once
    slot: int | None = None  # of that limit, free at that instant

    @property
    def has_room(self) -> bool:
        """Whether they may own one ticket more."""
        return self.ticket_limit is None or self.slot is not None

    def may_own_in(self, sector: UUID | None) -> bool:
        """Whether one ticket more, in this sector, may be theirs."""
        return self.has_room and (self.works_in(sector) or self.supervises)

    @property
    def author(self) -> Author:
        """As the event names them."""
        return Author("agent", self.agent_id)

    @property
    def supervises(self) -> bool:
        """Supervisors and administrators act in every sector."""
        return not self.roles.isdisjoint(SUPERVISING_ROLES)

    def works_in(self, sector: UUID | None) -> bool:
        """Member of the sector; a ticket without a sector is everybody's."""
        return sector is None or sector in self.sectors


@dataclass(frozen=True, slots=True)
class Sender:
    """The customer as the item named them; inside a group, the participant."""

    phone: str | None = None
    user_id: str | None = None
    username: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a message goes: the form that Meta gave (protocols.md 1)."""

    phone: str | None = None
    user_id: str | None = None
