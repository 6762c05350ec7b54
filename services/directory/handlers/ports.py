"""What the handlers need from outside: where things are kept, and how passwords are checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection

from shared.contracts.directory import AgentChanged
from shared.contracts.envelope import Message

Connection = AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A stored refresh token; `used_at` marks one that was renewed already."""

    family: UUID
    agent_id: UUID
    expires_at: datetime
    used_at: datetime | None


class Passwords(Protocol):
    """Slow hashes of passwords."""

    async def hashed(self, password: str, /) -> str:
        """The hash to store."""
        ...

    async def matches(self, password: str, stored: str | None, /) -> bool:
        """Whether it is the password; None (unknown login) takes as long."""
        ...


class Vault(Protocol):
    """Secrets, sealed under the master key."""

    async def put(self, conn: Connection, kind: str, owner: str, secret: bytes, /) -> None:
        """Keep this secret in place of the one before."""
        ...

    async def made(self, conn: Connection, kind: str, owner: str, /) -> bytes:
        """The random key of this owner, made on first use."""
        ...

    async def all_of(self, conn: Connection, kind: str, /) -> dict[str, bytes]:
        """Every secret of a kind, by owner."""
        ...


class Entities(Protocol):
    """Entities, logins and apps."""

    async def unchanged(self, conn: Connection, id_: UUID, body: str, /) -> bool:
        """Whether this very body is stored; locks the row."""
        ...

    async def put_entity(
        self, conn: Connection, id_: UUID, account_id: UUID, entity: Message, at: datetime, /
    ) -> None:
        """Store an entity."""
        ...

    async def login(self, conn: Connection, name: str, /) -> tuple[UUID, str] | None:
        """Agent and password hash of a login."""
        ...

    async def put_login(
        self, conn: Connection, name: str, account_id: UUID, agent_id: UUID, hash_: str, /
    ) -> None:
        """Store a login."""
        ...

    async def put_app(
        self, conn: Connection, id_: str, account_id: UUID, waba_ids: Sequence[str], /
    ) -> None:
        """Store a Meta app."""
        ...


class Apps(Protocol):
    """Meta apps."""

    async def apps(self, conn: Connection, /) -> Sequence[tuple[str, UUID, list[str]]]:
        """Every app: id, account, the business accounts it speaks for."""
        ...


class Tokens(Protocol):
    """Logins, agents and refresh tokens."""

    async def login(self, conn: Connection, name: str, /) -> tuple[UUID, str] | None:
        """Agent and password hash of a login."""
        ...

    async def agent(self, conn: Connection, id_: UUID, /) -> AgentChanged | None:
        """An agent."""
        ...

    async def add_token(
        self, conn: Connection, hash_: bytes, family: UUID, agent_id: UUID, expires_at: datetime, /
    ) -> None:
        """Store a refresh token by its hash."""
        ...

    async def token(self, conn: Connection, hash_: bytes, /) -> RefreshToken | None:
        """A refresh token; locks its row."""
        ...

    async def use_token(self, conn: Connection, hash_: bytes, at: datetime, /) -> None:
        """Mark a refresh token as renewed."""
        ...

    async def drop_family(self, conn: Connection, family: UUID, /) -> None:
        """End a session."""
        ...

    async def sweep_tokens(self, conn: Connection, before: datetime, /) -> None:
        """Forget tokens that ended."""
        ...
