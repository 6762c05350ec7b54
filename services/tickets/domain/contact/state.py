"""What decisions need to know of a person."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One person (or group) of an account; None: not known, or forgotten."""

    id: UUID
    group: bool = False
    name: str | None = None
    phone: str | None = None
    user_id: str | None = None
    username: str | None = None
    conflicts: frozenset[UUID] = frozenset()
    fields: tuple[tuple[str, str | None], ...] = ()  # name, value

    def field(self, name: str) -> str | None:
        """The value of a field; None also when it was never set."""
        return dict(self.fields).get(name)
