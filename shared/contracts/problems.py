"""Every refusal code with the HTTP status and title of its problem+json (RFC 9457)."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Problem:
    """How a code looks on HTTP; the Portuguese sentence is the gateway's (labels)."""

    status: int
    title: str


PROBLEMS: Final = {
    # who is asking
    "unauthenticated": Problem(401, "Sign in first"),
    "invalid_credentials": Problem(401, "Login or password is wrong"),
    "forbidden": Problem(403, "Not allowed"),
    "not_in_sector": Problem(403, "The agent does not belong to the ticket's sector"),
    "not_owner": Problem(403, "Somebody else holds the ticket"),
    "too_many_requests": Problem(429, "Too many requests"),
    # what was asked
    "invalid_request": Problem(422, "A field is wrong"),
    "not_found": Problem(404, "Not found"),
    "method_not_allowed": Problem(405, "Not with this method"),
    "invalid_cursor": Problem(422, "The cursor is not one of ours"),
    "idempotency_key_reused": Problem(422, "The same Idempotency-Key came with another body"),
    "version_mismatch": Problem(412, "It has another version"),
    "name_taken": Problem(409, "Another one has this name"),
    "body_too_large": Problem(413, "The body is too large"),
    "invalid_signature": Problem(401, "The signature does not match"),
    "verification_failed": Problem(403, "The verify token does not match"),
    # what the domain refuses
    "already_accepted": Problem(409, "Another agent has accepted the ticket"),
    "ticket_closed": Problem(409, "The ticket is closed"),
    "ticket_not_closed": Problem(409, "The ticket is not closed"),
    "ticket_waiting": Problem(409, "Nobody has accepted the ticket yet"),
    "ticket_paused": Problem(409, "The ticket is paused"),
    "ticket_not_paused": Problem(409, "The ticket is not paused"),
    "ticket_not_owned": Problem(409, "Nobody holds the ticket"),
    "transfer_target_required": Problem(422, "Name a sector, an agent, or both"),
    "already_there": Problem(409, "The ticket is there already"),
    "target_unavailable": Problem(409, "The agent cannot take the ticket"),
    "until_passed": Problem(422, "The instant lies in the past"),
    "ticket_in_bot": Problem(409, "The bot is still answering"),
    "ticket_attended": Problem(409, "Somebody is attending the ticket"),
    "flow_unavailable": Problem(409, "No flow is set up for this connection"),
    "session_ended": Problem(409, "The flow that asks does not run any more"),
    "ticket_already_open": Problem(409, "The contact has another open ticket on this connection"),
    "sector_required": Problem(409, "Name a real sector when accepting"),
    "sector_inactive": Problem(409, "The sector is not active"),
    "agent_away": Problem(409, "The agent is away"),  # nothing refuses so yet
    "agent_limit_reached": Problem(409, "The agent holds as many tickets as allowed"),
    "window_closed": Problem(409, "The 24-hour window is closed: use a template"),
    "contact_erased": Problem(409, "The contact was erased"),
    "contact_blocked": Problem(409, "The contact is blocked"),  # nothing refuses so yet
    "unknown_close_reason": Problem(409, "The close reason may not be used for this ticket"),
    "close_reason_required": Problem(409, "A close reason is required"),
    "reopen_limit_passed": Problem(409, "The ticket was closed too long ago to be reopened"),
    "unknown_message": Problem(404, "The message is not in this conversation"),
    "range_not_satisfiable": Problem(416, "Nothing of the file lies in the range"),
    "media_not_stored": Problem(409, "The file is not here, or not yet"),
    "busy": Problem(409, "The ticket is changing too fast: try again"),
    # what is away
    "position_not_reached": Problem(503, "The read model has not got there yet"),
    "not_ready": Problem(503, "The service is starting"),
    "unavailable": Problem(503, "A service that this needs is away"),
    "internal_error": Problem(500, "Something broke on our side"),
}
