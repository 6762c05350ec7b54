"""Every reason why a command is refused; codes as in the published list of problems."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID


class RefusedError(Exception):
    """The command broke a rule and left nothing behind; `code` is stable."""

    code: ClassVar[str]

    def __str__(self) -> str:
        return self.code


class ForbiddenError(RefusedError):
    """The agent does not exist, or is not active."""

    code = "forbidden"


class NotFoundError(RefusedError):
    """No such ticket in this account."""

    code = "not_found"


class NotInSectorError(RefusedError):
    """The agent does not belong to the ticket's sector."""

    code = "not_in_sector"


@dataclass(eq=False)
class NotOwnerError(RefusedError):
    """Somebody else holds the ticket, or held it last."""

    code: ClassVar[str] = "not_owner"
    owner: UUID | None


@dataclass(eq=False)
class AlreadyAcceptedError(RefusedError):
    """Another agent has accepted the ticket: who, since when, at which version."""

    code: ClassVar[str] = "already_accepted"
    owner: UUID
    since: datetime
    version: int


class TicketClosedError(RefusedError):
    """The ticket is closed."""

    code = "ticket_closed"


class TicketNotClosedError(RefusedError):
    """Only a closed ticket can be reopened."""

    code = "ticket_not_closed"


class TicketWaitingError(RefusedError):
    """Nobody has accepted the ticket yet."""

    code = "ticket_waiting"


@dataclass(eq=False)
class TicketAlreadyOpenError(RefusedError):
    """The contact has another open ticket on this connection."""

    code: ClassVar[str] = "ticket_already_open"
    ticket: UUID


class SectorRequiredError(RefusedError):
    """The ticket stands in the default sector: name a real one."""

    code = "sector_required"


class SectorInactiveError(RefusedError):
    """The named sector does not exist or is not active."""

    code = "sector_inactive"


class WindowClosedError(RefusedError):
    """The customer wrote more than 24 hours ago."""

    code = "window_closed"


class CloseReasonRequiredError(RefusedError):
    """The account demands a reason."""

    code = "close_reason_required"


class ReopenLimitPassedError(RefusedError):
    """The ticket was closed too long ago."""

    code = "reopen_limit_passed"


class UnknownMessageError(RefusedError):
    """The message is not in this conversation."""

    code = "unknown_message"


@dataclass(eq=False)
class VersionMismatchError(RefusedError):
    """The caller saw another version of the ticket."""

    code: ClassVar[str] = "version_mismatch"
    version: int


class BusyError(RefusedError):
    """The ticket changed too often within two seconds."""

    code = "busy"


class IdempotencyKeyReusedError(RefusedError):
    """The same command id came with another request."""

    code = "idempotency_key_reused"


class AgentLimitReachedError(RefusedError):
    """The agent holds as many tickets as allowed."""

    code = "agent_limit_reached"
