"""When a person ends a flow's session, what it has not sent yet is cancelled (bots.md, rule 5)."""

from services.tickets.domain.conversation import cancelling
from services.tickets.domain.ticket.events import FlowSessionEnded
from services.tickets.handlers.execution import Changes, CommandContext
from services.tickets.storage.state_cache import MESSAGE, StateCache


async def cancel_unsent(changes: Changes, context: CommandContext, cache: StateCache) -> None:
    """Request each message back that the flow said since the customer wrote last.

    Only those without a known fate; a request that comes too late is answered with the fate.
    """
    ends = (one for one in changes.ticket if isinstance(one, FlowSessionEnded))
    end = next((one for one in ends if one.by.kind == "agent"), None)
    ticket = context.ticket and context.ticket.state
    conversation = context.conversation and context.conversation.state
    if end is None or ticket is None or conversation is None:
        return
    messages = await cache.all(dict.fromkeys(conversation.unanswered_by_flow, MESSAGE))
    unsent = [message_id for message_id, held in messages.items() if held.state is None]
    changes.conversation += cancelling.requests(ticket, unsent, end.by, context.at)
