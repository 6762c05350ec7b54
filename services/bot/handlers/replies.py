"""tickets.replies: the answers to commands. A second reply to a command changes nothing."""

from services.bot.domain.inputs import Replied
from services.bot.handlers.sessions import Sessions, committed
from shared.contracts.ticket_commands import TICKETS_REPLIES_TYPES, CommandReplied
from shared.plumbing.kafka import Received, UnprocessableError
from shared.plumbing.outbox import Outbox
from shared.plumbing.postgres import Pool


class Replies:
    """Gives each answer to its session."""

    def __init__(self, pool: Pool, sessions: Sessions, outbox: Outbox) -> None:
        self._pool = pool
        self._sessions = sessions
        self._outbox = outbox

    async def handle(self, received: Received) -> None:
        """Take one; unknown types are skipped."""
        if received.envelope.type not in TICKETS_REPLIES_TYPES:
            return
        try:
            reply = CommandReplied.read(received.body)
        except ValueError as error:
            reason = "body_unreadable"
            raise UnprocessableError(reason) from error
        given = Replied(
            command_id=reply.command_id,
            refused=reply.outcome == "refused",
            code=reply.code,
            message_id=reply.message_id,
        )
        async with self._pool.connection() as conn:
            await self._sessions.take(conn, reply.session_id, given)
        committed()
        self._outbox.wake.set()
