"""A webhook: verify, split, publish every item; taken only when all are on Kafka."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from services.ingest.domain.routing import Connection
from services.ingest.domain.signature import App, signers
from services.ingest.domain.splitting import (
    Piece,
    UnreadableBodyError,
    body_hash,
    split,
)
from services.ingest.handlers.outgoing import Post, to_dead, to_inbound, unreadable
from services.ingest.handlers.ports import Directory, Publisher
from shared.contracts.topics import INGEST_DEAD
from shared.plumbing import failpoints, logs, metrics, tracing
from shared.plumbing.kafka import Outgoing

AFTER_SIGNATURE: Final = "ingest.after_signature"
AFTER_PRODUCE: Final = "ingest.after_produce"
failpoints.FAILPOINTS.update({AFTER_SIGNATURE, AFTER_PRODUCE})

_items = metrics.counter("ingest_items", "Items that Kafka acknowledged", ["type"])
_dead = metrics.counter("ingest_dead", "Items put on ingest.dead", ["reason"])
_log = logs.get(__name__)


class InvalidSignatureError(Exception):
    """No app of ours signed these bytes."""

    code = "invalid_signature"


class Accept:
    """Takes webhooks. What it raises means that nothing was promised to Meta."""

    def __init__(
        self,
        directory: Directory,
        publisher: Publisher,
        *,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._directory = directory
        self._publisher = publisher
        self._now = now
        self._new_id = new_id

    async def __call__(self, body: bytes, signatures: Sequence[bytes]) -> int:
        """How many items were published; `signatures` are the raw values of X-Hub-Signature-256.

        Raises InvalidSignatureError before anything is parsed, SecretMissingError,
        NotAcknowledgedError, UnstorableError.
        """
        apps = signers(body, signatures, self._directory.apps)
        if not apps:
            raise InvalidSignatureError
        failpoints.hit(AFTER_SIGNATURE)
        post = Post(
            body_sha256=body_hash(body),
            received_at=self._now(),
            correlation=str(self._new_id()),
        )
        with tracing.root("ingest.accept", post.correlation):
            published = self._messages(body, apps, post)
            if published:
                await self._publisher.publish([message for message, _ in published])
        failpoints.hit(AFTER_PRODUCE)
        self._count(published, post)
        return len(published)

    def _messages(
        self, body: bytes, apps: Sequence[App], post: Post
    ) -> list[tuple[Outgoing, str | None]]:
        """Each item's message, with the reason why it is dead if it is."""
        try:
            pieces = split(body)
        except UnreadableBodyError as error:
            return [self._dead(unreadable(body), error.code, post)]
        connections = self._directory.connections
        return [self._message(piece, connections.owner(piece, apps), post) for piece in pieces]

    def _message(
        self, piece: Piece, owner: Connection | str, post: Post
    ) -> tuple[Outgoing, str | None]:
        if isinstance(owner, str):
            return self._dead(piece, owner, post)
        pepper = self._directory.pepper(owner.account_id)
        message = to_inbound(piece, owner, post, pepper=pepper, message_id=self._new_id())
        return (message, None) if message else self._dead(piece, "too_large", post)

    def _dead(self, piece: Piece, reason: str, post: Post) -> tuple[Outgoing, str]:
        own_key = self._directory.own_key
        return to_dead(piece, reason, post, own_key=own_key, message_id=self._new_id()), reason

    def _count(self, published: Sequence[tuple[Outgoing, str | None]], post: Post) -> None:
        for message, reason in published:
            if reason is None:
                _items.labels(type=message.envelope.type).inc()
            else:
                _dead.labels(reason=reason).inc()
                _log.warning(
                    "item is nobody's",
                    reason=reason,
                    topic=INGEST_DEAD.name,
                    message=message.envelope.id,
                    correlation=post.correlation,
                )
