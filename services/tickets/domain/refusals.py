"""Why a command is refused: an error per broken rule, its code in `shared.contracts.problems`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID


class RefusedError(Exception):
    """A rule was broken; nothing is stored (domain.md 2.8, 10)."""

    code: ClassVar[str] = "refused"
    needs: ClassVar[tuple[str, ...]] = ()  # fields of the request that mend it

    def extras(self) -> dict[str, object]:
        """What the caller should know besides the code."""
        return {}


@dataclass(eq=False)
class AlreadyAcceptedError(RefusedError):
    """Another agent holds the ticket."""

    code: ClassVar[str] = "already_accepted"
    owner: UUID
    since: datetime
    version: int | None = None  # of the ticket, where the caller knows it

    def extras(self) -> dict[str, object]:
        """Who holds it, since when, and the ticket's version."""
        held_by = {"agent_id": str(self.owner)}
        return {"held_by": held_by, "since": _instant(self.since), "version": self.version}


@dataclass(eq=False)
class NotOwnerError(RefusedError):
    """Somebody else holds the ticket, and the actor does not supervise."""

    code: ClassVar[str] = "not_owner"
    owner: UUID | None

    def extras(self) -> dict[str, object]:
        """Who holds it."""
        return {} if self.owner is None else {"held_by": {"agent_id": str(self.owner)}}


@dataclass(eq=False)
class TicketAlreadyOpenError(RefusedError):
    """The contact has another open ticket on this connection."""

    code: ClassVar[str] = "ticket_already_open"
    ticket: UUID

    def extras(self) -> dict[str, object]:
        """Which one."""
        return {"ticket_id": str(self.ticket)}


@dataclass(eq=False)
class AgentLimitReachedError(RefusedError):
    """The agent owns as many tickets as the directory allows."""

    code: ClassVar[str] = "agent_limit_reached"
    limit: int | None

    def extras(self) -> dict[str, object]:
        """How many that is."""
        return {"limit": self.limit}


class NotInSectorError(RefusedError):
    """The actor does not belong to the ticket's sector."""

    code = "not_in_sector"


class TicketClosedError(RefusedError):
    """The ticket is closed: reopen it first."""

    code = "ticket_closed"


class TicketNotClosedError(RefusedError):
    """Only a closed ticket is reopened."""

    code = "ticket_not_closed"


class TicketWaitingError(RefusedError):
    """Nobody has accepted the ticket: accept it first."""

    code = "ticket_waiting"


class TicketPausedError(RefusedError):
    """The ticket is paused: resume it first."""

    code = "ticket_paused"


class TicketNotPausedError(RefusedError):
    """Only a paused ticket is resumed."""

    code = "ticket_not_paused"


class TicketNotOwnedError(RefusedError):
    """Nobody holds the ticket: it waits already."""

    code = "ticket_not_owned"


class TransferTargetRequiredError(RefusedError):
    """A transfer names a sector, an agent, or both."""

    code = "transfer_target_required"
    needs = ("sector_id",)


class AlreadyThereError(RefusedError):
    """The ticket is where the transfer would take it."""

    code = "already_there"


class Unavailable(StrEnum):
    """Why an agent cannot take a ticket over."""

    INACTIVE = "inactive"
    NOT_IN_SECTOR = "not_in_sector"
    LIMIT = "limit"


@dataclass(eq=False)
class TargetUnavailableError(RefusedError):
    """The agent cannot take the ticket over."""

    code: ClassVar[str] = "target_unavailable"
    reason: Unavailable

    def extras(self) -> dict[str, object]:
        """Why."""
        return {"reason": self.reason}


class UntilPassedError(RefusedError):
    """A pause cannot end before it begins."""

    code = "until_passed"


class TicketInBotError(RefusedError):
    """The bot is still answering: accept the ticket first."""

    code = "ticket_in_bot"


class TicketAttendedError(RefusedError):
    """Somebody attends the ticket, and no flow may start meanwhile (`flow_manual_from`)."""

    code = "ticket_attended"


class FlowUnavailableError(RefusedError):
    """No flow is set up for the ticket's connection."""

    code = "flow_unavailable"


class SessionEndedError(RefusedError):
    """The flow that asks does not run any more."""

    code = "session_ended"


class SectorRequiredError(RefusedError):
    """The default sector must be replaced when the ticket is accepted (domain.md 2.7)."""

    code = "sector_required"
    needs = ("sector_id",)


class SectorInactiveError(RefusedError):
    """The named sector is not active, or not of this account."""

    code = "sector_inactive"


class WindowClosedError(RefusedError):
    """The 24-hour window is closed: only approved templates (D7)."""

    code = "window_closed"


class CloseReasonRequiredError(RefusedError):
    """The account demands a close reason."""

    code = "close_reason_required"
    needs = ("reason_id",)


class UnknownCloseReasonError(RefusedError):
    """The close reason is not one of the account's, not active, or of other sectors."""

    code = "unknown_close_reason"


class ReopenLimitPassedError(RefusedError):
    """The ticket was closed too long ago."""

    code = "reopen_limit_passed"


class UnknownMessageError(RefusedError):
    """The message is not in this conversation, or too far back."""

    code = "unknown_message"
    needs = ("up_to",)


class ForbiddenError(RefusedError):
    """The actor's roles do not allow this."""

    code = "forbidden"


def _instant(at: datetime) -> str:
    """As every other instant of the API is written."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
