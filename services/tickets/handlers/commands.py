"""The commands that people give a ticket: each says what it would store, or why not."""

from datetime import timedelta
from uuid import UUID, uuid5

from services.tickets.domain import refusals
from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued, MessagesRead
from services.tickets.domain.ticket import commands, guards
from services.tickets.domain.ticket.decide import decide, wants_farewell
from services.tickets.handlers import slots, speaking
from services.tickets.handlers.answering import Answering
from services.tickets.handlers.asked import Answered, Asked
from services.tickets.handlers.deciding import Deciding, Decision, Loaded
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.ports import Clock
from services.tickets.handlers.session_end import end_session
from services.tickets.handlers.store import EventStore
from services.tickets.handlers.timers import silent_at
from services.tickets.handlers.warm import MESSAGE, Warm
from shared.contracts import internal_api as api


class CommandHandler:
    """Accept, close, reopen, read, send, start a flow."""

    def __init__(
        self,
        store: EventStore,
        warm: Warm,
        directory: DirectoryView,
        now: Clock,
        silence: timedelta,
    ) -> None:
        self._store = store
        self._warm = warm
        self._directory = directory
        self._silence = silence
        self._answering = Answering(Deciding(store, warm, directory, now), store, warm)

    async def accept(self, asked: Asked, body: api.Accept) -> Answered:
        """Take the ticket: exactly one agent wins; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            command = commands.Accept(
                actor=loaded.actor,
                sector_id=body.sector_id,
                sector_active=self._active(loaded, body.sector_id),
                at=loaded.at,
                policies=loaded.policies,
            )
            decision = Decision(ticket=decide(loaded.state, command))
            if decision.ticket:
                await end_session(decision, loaded, self._warm)
                speaking.queue_text(
                    decision, loaded, "acceptance", loaded.connection.texts.acceptance
                )
            return decision

        return await self._answering.run(asked, "accept", body.model_dump_json(), decided)

    async def close(self, asked: Asked, body: api.Close) -> Answered:
        """End the episode; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            command = commands.Close(
                actor=loaded.actor,
                reason_id=body.reason_id,
                note=body.note,
                farewell=body.farewell,
                at=loaded.at,
                policies=loaded.policies,
            )
            decision = Decision(ticket=decide(loaded.state, command))
            await end_session(decision, loaded, self._warm)
            decision.release.append(speaking.open_claim(loaded))
            if wants_farewell(loaded.state, command):
                speaking.queue_text(decision, loaded, "farewell", loaded.connection.texts.farewell)
            return decision

        return await self._answering.run(asked, "close", body.model_dump_json(), decided)

    async def reopen(self, asked: Asked, body: api.Reopen) -> Answered:
        """Go on with a closed episode; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            last = loaded.state.last_owner_id
            command = commands.Reopen(
                actor=loaded.actor,
                last_owner=await slots.owner_of(self._store, self._directory, asked.account, last),
                at=loaded.at,
                policies=loaded.policies,
            )
            events = decide(loaded.state, command)
            return Decision(ticket=events, take=[speaking.open_claim(loaded)])

        return await self._answering.run(asked, "reopen", body.model_dump_json(), decided)

    async def read(self, asked: Asked, body: api.Read) -> Answered:
        """Everything up to this message was read; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            guards.read(loaded.state, loaded.actor)
            if loaded.said.said(body.up_to) is None:
                raise refusals.UnknownMessageError
            if loaded.said.has_read(body.up_to):
                return Decision()
            return Decision(conversation=[_messages_read(loaded, body.up_to)])

        return await self._answering.run(asked, "read", body.model_dump_json(), decided)

    async def send_text(self, asked: Asked, body: api.SendText) -> Answered:
        """Say something, inside the window; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            guards.speak(loaded.state, loaded.actor)
            guards.window(loaded.said.window_closes_at, loaded.at)
            message_id = uuid5(loaded.conversation.id, str(asked.command_id))
            queued = MessageQueued(
                **speaking.said(loaded),
                message_id=message_id,
                author=loaded.actor.author,
                reply_to=body.reply_to,
                reply_to_wamid=await self._wamid(loaded, body.reply_to),
                window_closes_at=loaded.said.window_closes_at,
                content=Content(type="text", text=body.text),
                recipient=speaking.recipient(loaded),
            )
            return Decision(conversation=[queued], message_id=message_id)

        return await self._answering.run(asked, "messages", body.model_dump_json(), decided)

    async def start_flow(self, asked: Asked, body: api.StartFlow) -> Answered:
        """Let the connection's flow answer; raises RefusedError."""

        async def decided(loaded: Loaded) -> Decision:
            command = commands.StartFlow(
                actor=loaded.actor,
                session_id=uuid5(loaded.state.id, str(asked.command_id)),
                flow_id=loaded.flow_id,
                window_closes_at=loaded.said.window_closes_at,
                at=loaded.at,
                policies=loaded.policies,
            )
            decision = Decision(ticket=decide(loaded.state, command), heard=True)
            heard = loaded.said.last_received_id
            if heard is not None:
                due = loaded.at + self._silence
                decision.set_timers.append(
                    silent_at(loaded.state.id, command.session_id, heard, due)
                )
            return decision

        return await self._answering.run(asked, "flow", body.model_dump_json(), decided)

    async def state(self, account: UUID, agent_id: UUID, ticket_id: UUID) -> Answered:
        """The ticket as it is, and what this agent may do; raises RefusedError."""
        return await self._answering.state(account, agent_id, ticket_id)

    def _active(self, loaded: Loaded, sector_id: UUID | None) -> bool:
        if sector_id is None:
            return True
        sector = self._directory.snapshot().sector(loaded.asked.account, sector_id)
        return sector is not None and sector.active

    async def _wamid(self, loaded: Loaded, reply_to: UUID | None) -> str | None:
        if reply_to is None:
            return None
        said = loaded.said.said(reply_to)
        if said is None:
            raise refusals.UnknownMessageError
        if said.inbound:
            return said.wamid
        self._warm.drop([reply_to])  # Meta may have named it since
        state = (await self._warm.get(MESSAGE, reply_to)).state
        return None if state is None else state.wamid


def _messages_read(loaded: Loaded, up_to: UUID) -> MessagesRead:
    newest = loaded.said.newest_inbound(up_to)
    wamid = None if newest is None else newest.wamid
    return MessagesRead(
        **speaking.said(loaded),
        up_to=up_to,
        by=loaded.actor.author,
        receipt=loaded.policies.read_receipts and wamid is not None,
        wamid=wamid,
    )
