"""The commands of people: a table of what each decides, and what the person is answered (D5)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import BaseModel

from services.tickets.domain import refusals
from services.tickets.domain.conversation import reading, sending
from services.tickets.domain.conversation.state import Conversation
from services.tickets.domain.ticket import (
    accepting,
    closing,
    flows,
    pausing,
    reopening,
    returning,
    transferring,
)
from services.tickets.domain.ticket.decide import decide
from services.tickets.domain.ticket.state import Lifecycle, Ticket
from services.tickets.handlers import agent_limit
from services.tickets.handlers.automatic_texts import recipient
from services.tickets.handlers.content_mapping import to_stored
from services.tickets.handlers.directory import DirectoryView
from services.tickets.handlers.execution import Changes, CommandExecutor, Outcome
from services.tickets.handlers.requests import TicketRequest
from services.tickets.handlers.ticket_source import TicketContext, TicketSource
from services.tickets.storage.state_cache import MESSAGE, TICKET, folded_to
from shared.contracts import ticket_api as api

PATIENCE_SECONDS: Final = 2.0  # of a person; then `busy` (protocols.md 2)

Handler = Callable[[CommandExecutor, TicketContext, Any], Awaitable[Changes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The ticket as the command left it; `log_id` is the command's highest (0: nothing stored).

    `allowed` has the refusal of each command, None where it would be taken.
    """

    ticket: Ticket
    version: int
    log_id: int
    window_closes_at: datetime | None
    allowed: Mapping[str, refusals.RefusedError | None]
    message_id: UUID | None = None


class CommandHandler:
    """Runs what agents ask of tickets; who waits hears within two seconds."""

    def __init__(self, executor: CommandExecutor, directory: DirectoryView) -> None:
        self._executor = executor
        self._directory = directory

    async def run(self, request: TicketRequest, path: str, body: BaseModel) -> Answered:
        """The answer of one command, or its first answer again; raises RefusedError."""
        fingerprint = f"{path}:{request.ticket_id}:{body.model_dump_json()}"
        source = self._source(replace(request, fingerprint=fingerprint), body)
        result = await self._executor.execute(source, PATIENCE_SECONDS)
        context = await source.load()
        log_id = (result and result.position) or context.ticket.log_id
        answer = await self._answered(context, log_id, result and result.message_id)
        if result is None or result.first is None:
            return answer
        return await self._replayed(answer, result.first)

    async def state(self, request: TicketRequest) -> Answered:
        """The newest state, and what this agent may do; raises RefusedError."""
        ticket = (await self._executor.cache.get(TICKET, request.ticket_id)).state
        conversation = [] if ticket is None else [ticket.conversation_id]
        self._executor.cache.drop([request.ticket_id, *conversation])
        context = await self._source(request, None).load()
        return await self._answered(context, context.ticket.log_id, None)

    def _source(self, request: TicketRequest, body: BaseModel | None) -> TicketSource:
        async def decided(context: TicketContext) -> Changes:
            return await HANDLERS[type(body)](self._executor, context, body)

        return TicketSource(self._executor, self._directory, request, decided)

    async def _answered(
        self, context: TicketContext, log_id: int, message_id: UUID | None
    ) -> Answered:
        return Answered(
            ticket=context.state,
            version=context.ticket.version,
            log_id=log_id,
            window_closes_at=context.messages.window_closes_at,
            allowed={one.name: await self._refusal(context, one) for one in api.TICKET_COMMANDS},
            message_id=message_id,
        )

    async def _refusal(
        self, context: TicketContext, command: api.TicketCommand
    ) -> refusals.RefusedError | None:
        """Why the command would be refused now: decided on its probe, and nothing is stored."""
        request = replace(context.request, expected_version=None)
        source = self._source(request, command.probe)
        try:
            await self._executor.rehearse(source, context)
        except refusals.RefusedError as refused:
            return refused
        return None

    async def _replayed(self, answer: Answered, first: Outcome) -> Answered:
        """The ticket as it was then; what may be done is of now."""
        store, version = self._executor.store, first.ticket_version
        events = await store.stream(answer.ticket.id, 1, version)
        last = await store.stream(first.stream, first.version, 1)
        return replace(
            answer,
            ticket=folded_to(events, TICKET, version) or answer.ticket,
            version=version,
            log_id=last[0].log_id if last else answer.log_id,
        )


async def accept(_: CommandExecutor, context: TicketContext, body: api.Accept) -> Changes:
    named = body.sector_id
    command = accepting.Accept(
        **by_agent(context),
        sector_id=named,
        sector_active=named is None or context.sector_is_active(named),
    )
    return Changes(ticket=decide(context.state, command))


async def close(_: CommandExecutor, context: TicketContext, body: api.Close) -> Changes:
    known = body.reason_id is None or context.close_reason_is_usable(body.reason_id)
    command = closing.Close(**by_agent(context), **dict(body), reason_known=known)
    return Changes(ticket=decide(context.state, command))


async def pause(_: CommandExecutor, context: TicketContext, body: api.Pause) -> Changes:
    command = pausing.Pause(**by_agent(context), **dict(body))
    return Changes(ticket=decide(context.state, command))


async def resume(_: CommandExecutor, context: TicketContext, _body: api.Resume) -> Changes:
    return Changes(ticket=decide(context.state, pausing.Resume(**by_agent(context))))


async def return_to_waiting(
    _: CommandExecutor, context: TicketContext, _body: api.ReturnToWaiting
) -> Changes:
    return Changes(ticket=decide(context.state, returning.ReturnToWaiting(**by_agent(context))))


async def transfer(using: CommandExecutor, context: TicketContext, body: api.Transfer) -> Changes:
    named = body.sector_id
    to: dict[str, Any] = {
        **by_agent(context),
        "sector_id": named,
        "sector_active": named is None or context.sector_is_active(named),
        "reason": body.reason,
    }
    if body.agent_id is not None:
        target = await agent_limit.active_agent(
            using.store, context.directory, context.account, body.agent_id
        )
        command = transferring.TransferToAgent(**to, target=target)
        return Changes(ticket=decide(context.state, command))
    if named is None:
        transferring.may_transfer(context.state, context.actor)
        raise refusals.TransferTargetRequiredError
    return Changes(ticket=decide(context.state, transferring.TransferToSector(**to)))


async def reopen(using: CommandExecutor, context: TicketContext, _: api.Reopen) -> Changes:
    last = context.state.last_owner_id if context.state.lifecycle is Lifecycle.CLOSED else None
    owner = await agent_limit.active_agent(using.store, context.directory, context.account, last)
    command = reopening.Reopen(**by_agent(context), last_owner=owner)
    return Changes(ticket=decide(context.state, command))


async def read(_: CommandExecutor, context: TicketContext, body: api.Read) -> Changes:
    command = reading.MarkRead(**by_agent(context), up_to=body.up_to)
    marks = reading.decide(context.state, context.messages, command)
    return Changes(conversation=[*marks])


async def send_message(
    using: CommandExecutor, context: TicketContext, body: api.SendMessage
) -> Changes:
    said = body.root
    message_id = uuid5(context.conversation.id, str(context.request.command_id))
    command = sending.SendMessage(
        actor=context.actor,
        message_id=message_id,
        content=to_stored(said.content()),
        recipient=recipient(context.contact.state),
        reply_to=said.reply_to,
        reply_to_wamid=await _wamid(using, context.messages, said.reply_to),
        at=context.at,
    )
    queued = sending.send(context.state, context.messages, command)
    return Changes(conversation=[queued], message_id=message_id)


async def start_flow(_: CommandExecutor, context: TicketContext, _body: api.StartFlow) -> Changes:
    command = flows.StartFlow(
        **by_agent(context),
        session_id=uuid5(context.state.id, str(context.request.command_id)),
        flow_id=context.flow_id,
        window_closes_at=context.messages.window_closes_at,
    )
    return Changes(ticket=decide(context.state, command), depends_on_conversation=True)


HANDLERS: Final[Mapping[type[BaseModel] | type[None], Handler]] = {
    api.Accept: accept,
    api.Close: close,
    api.Pause: pause,
    api.Resume: resume,
    api.ReturnToWaiting: return_to_waiting,
    api.Transfer: transfer,
    api.Reopen: reopen,
    api.Read: read,
    api.SendMessage: send_message,
    api.StartFlow: start_flow,
}
"""By the body's type; one per row of `ticket_api.TICKET_COMMANDS`."""


def by_agent(context: TicketContext) -> dict[str, Any]:
    """The fields of every `AgentCommand`."""
    return {"actor": context.actor, "at": context.at, "policies": context.policies}


async def _wamid(
    using: CommandExecutor, conversation: Conversation, reply_to: UUID | None
) -> str | None:
    """Meta's name of the message that is answered. Raises UnknownMessageError."""
    if reply_to is None:
        return None
    message = conversation.find(reply_to)
    if message is None:
        raise refusals.UnknownMessageError
    if message.inbound:
        return message.wamid
    using.cache.drop([reply_to])  # Meta may have named it since
    state = (await using.cache.get(MESSAGE, reply_to)).state
    return None if state is None else state.wamid
