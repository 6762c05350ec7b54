"""Who asks for what, and the refusals that no rule of the domain makes (design.md D5)."""

from dataclasses import dataclass
from uuid import UUID

from services.tickets.domain.refusals import RefusedError


class NotFoundError(RefusedError):
    """No such ticket in this account."""

    code = "not_found"


class BusyError(RefusedError):
    """Two seconds of lost races."""

    code = "busy"


class IdempotencyKeyReusedError(RefusedError):
    """The same command id came with another request."""

    code = "idempotency_key_reused"


@dataclass(eq=False)
class VersionMismatchError(RefusedError):
    """The caller decided on another version (If-Match)."""

    code = "version_mismatch"
    version: int

    def extras(self) -> dict[str, object]:
        """The version it has."""
        return {"version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks, and under which id; `actor` is stored beside every event.

    `fingerprint` is what the same command id must ask for again; the outcome is stored with it.
    None where claims of the command's own say that it ran before.
    """

    account: UUID
    actor: str
    command_id: UUID
    correlation: str
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRequest(Request):
    """Something that is asked of one ticket, by an agent or by a machine (`agent_id` None)."""

    ticket_id: UUID
    agent_id: UUID | None = None
    expected_version: int | None = None
