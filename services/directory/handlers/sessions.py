"""Sign in, refresh and sign out; a refresh token is used once and rotated."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from services.directory.handlers import passwords
from services.directory.storage import entities, logins
from services.directory.storage.connection import Connection
from shared.contracts.directory import AgentChanged
from shared.contracts.internal_api import Credentials, SessionAnswer
from shared.plumbing.postgres import Pool


class InvalidCredentialsError(Exception):
    """Login, password or refresh token is wrong, late, or of somebody who has left."""


class Sessions:
    """Logins and refresh tokens (protocols.md 10)."""

    def __init__(
        self,
        pool: Pool,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
        new_token: Callable[[], str],
        life: timedelta,
    ) -> None:
        self._pool = pool
        self._now = now
        self._new_id = new_id
        self._new_token = new_token
        self._life = life

    async def sign_in(self, credentials: Credentials) -> SessionAnswer:
        """A new session; raises InvalidCredentialsError."""
        async with self._pool.connection() as conn:
            known = await logins.login(conn, credentials.login)
        right = await passwords.matches(credentials.password, known and known.password_hash)
        if known is None or not right:
            raise InvalidCredentialsError
        async with self._pool.connection() as conn:
            await logins.sweep_tokens(conn, self._now())
            return await self._issue(conn, known.agent_id, self._new_id())

    async def renew(self, refresh_token: str) -> SessionAnswer:
        """The next token; one that was used before ends the session: somebody copied it."""
        hash_ = _hash(refresh_token)
        async with self._pool.connection() as conn:
            found = await logins.token(conn, hash_)
            if found is not None and found.used_at is None and found.expires_at > self._now():
                await logins.use_token(conn, hash_, self._now())
                return await self._issue(conn, found.agent_id, found.family)
            if found is not None:
                await logins.end_session(conn, found.family)
        raise InvalidCredentialsError

    async def sign_out(self, refresh_token: str) -> None:
        """End the session; a token that is not known has ended already."""
        async with self._pool.connection() as conn:
            found = await logins.token(conn, _hash(refresh_token))
            if found is not None:
                await logins.end_session(conn, found.family)

    async def _issue(self, conn: Connection, agent_id: UUID, family: UUID) -> SessionAnswer:
        person = await entities.agent(conn, agent_id)
        if person is None or not person.active:
            raise InvalidCredentialsError
        token, expires_at = self._new_token(), self._now() + self._life
        await logins.add_token(conn, _hash(token), family, agent_id, expires_at)
        return _to_answer(person, token, expires_at)


def _hash(token: str) -> bytes:
    """High-entropy tokens need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def _to_answer(person: AgentChanged, token: str, expires_at: datetime) -> SessionAnswer:
    return SessionAnswer(
        account_id=person.account_id,
        agent_id=person.id,
        name=person.name,
        roles=person.roles,
        sector_ids=person.sector_ids,
        refresh_token=token,
        refresh_expires_at=expires_at,
    )
