"""What does a flow leave behind when a person ends its session? Nothing that is still to come."""

from services.tickets.domain import silence
from services.tickets.domain.conversation.events import MessageCancelRequested
from services.tickets.domain.ticket.events import FlowSessionEnded
from services.tickets.handlers import speaking
from services.tickets.handlers.deciding import Decision, Loaded
from services.tickets.handlers.warm import MESSAGE, Warm

REASON = "session_ended"


async def end_session(decision: Decision, loaded: Loaded, warm: Warm) -> None:
    """Clear the timer and take back what was not sent yet (bots.md, session rule 5).

    Of what the flow said since the customer wrote last, whatever has no fate that is known here: a
    request that comes too late is answered with the message's fate.
    """
    end = next((one for one in decision.ticket if isinstance(one, FlowSessionEnded)), None)
    if end is None:
        return
    timer = silence.current(loaded.state, loaded.said)
    decision.clear_timers += [] if timer is None else [timer]
    messages = await warm.all(dict.fromkeys(loaded.said.unanswered_by_flow, MESSAGE))
    decision.conversation += [
        MessageCancelRequested(
            **speaking.said(loaded), message_id=message_id, by=end.by, reason=REASON
        )
        for message_id, held in messages.items()
        if held.state is None
    ]
