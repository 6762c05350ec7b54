"""What agents may ask of a ticket: one row per command, read by tickets and by the gateway.

A row is the internal route `POST /internal/tickets/{id}/<path>`, the public route
`POST /v1/tickets/{id}/<path>`, and the entry of `allowed` in a ticket's state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC
from http import HTTPStatus
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, RootModel
from pydantic.json_schema import SkipJsonSchema

from shared.contracts.content import Image, Media, SendableContent, Text
from shared.contracts.internal_api import SAYS_SOMETHING, WITHOUT_NUL, Request

Instant = Annotated[AwareDatetime, AfterValidator(lambda at: at.astimezone(UTC))]
"""With an offset as it is asked; in UTC as it is kept and told."""


class Accept(Request):
    """Take the ticket; `sector_id` where the default sector must be replaced."""

    sector_id: UUID | None = None


class Pause(Request):
    """Set the ticket aside, until an instant with an offset or until somebody resumes it."""

    until: Instant | None = None
    reason: Annotated[str, Field(max_length=500, pattern=WITHOUT_NUL)] | None = None


class Resume(Request):
    """Go on with a paused ticket."""


class ReturnToWaiting(Request):
    """Give the ticket back to the queue of its sector."""


class Transfer(Request):
    """Another sector goes on, another agent, or an agent in another sector."""

    sector_id: UUID | None = None
    agent_id: UUID | None = None
    reason: Annotated[str, Field(max_length=500, pattern=WITHOUT_NUL)] | None = None


class Close(Request):
    """End the ticket; `farewell` sends the connection's farewell text."""

    reason_id: UUID | None = None
    note: Annotated[str, Field(max_length=2000, pattern=WITHOUT_NUL)] | None = None
    farewell: bool | None = None


class Reopen(Request):
    """Go on with a closed ticket."""


class Read(Request):
    """Everything up to this message was read."""

    up_to: UUID


class SendText(Request):
    """Say something; 1 to 4,096 characters, not blanks alone (Cloud API 8.3)."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=4096, pattern=SAYS_SOMETHING)]
    reply_to: UUID | None = None

    def content(self) -> SendableContent:
        """What is said."""
        return Text(text=self.text)


class SendImage(Request):
    """Show a picture that was uploaded for this ticket."""

    type: Literal["image"]
    media_id: UUID
    caption: Annotated[str, Field(min_length=1, max_length=1024, pattern=SAYS_SOMETHING)] | None = (
        None
    )
    reply_to: UUID | None = None
    file: SkipJsonSchema[Media | None] = None  # set by the gateway, whatever a caller says

    def content(self) -> SendableContent:
        """What is said."""
        media = self.file or Media()
        return Image(
            media=media.model_copy(update={"media_id": self.media_id}), caption=self.caption
        )


class SendMessage(RootModel[Annotated[SendText | SendImage, Field(discriminator="type")]]):
    """Say something to the customer; `type` says what."""


class StartFlow(Request):
    """Let the connection's flow answer the ticket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCommand:
    """One command. `probe` is the body with which `allowed` is judged.

    `refusals` are the codes of its own rules; those that every command may meet are
    `COMMON_REFUSALS`. Without `uses_if_match` the version is not asked: its own refusal says more.
    """

    name: str  # key in `allowed`
    path: str
    operation_id: str
    summary: str
    body: type[BaseModel]
    probe: BaseModel
    refusals: Sequence[str] = ()
    uses_if_match: bool = True
    status: int = HTTPStatus.OK
    example: dict[str, object] = field(default_factory=dict[str, object])

    @property
    def body_is_optional(self) -> bool:
        """Whether an empty body says enough."""
        return all(not one.is_required() for one in self.body.model_fields.values())


_NOBODY: Final = UUID(int=0)

COMMON_REFUSALS: Final = (
    "unauthenticated",
    "forbidden",
    "not_found",
    "invalid_request",
    "idempotency_key_reused",
    "version_mismatch",
    "body_too_large",
    "contact_erased",
    "busy",
    "not_ready",
    "unavailable",
)
"""What any command may be refused with."""

TICKET_COMMANDS: Final = (
    TicketCommand(
        name="accept",
        path="accept",
        operation_id="acceptTicket",
        summary="Take the ticket",
        body=Accept,
        probe=Accept(),
        refusals=(
            "already_accepted",
            "ticket_closed",
            "not_in_sector",
            "sector_required",
            "sector_inactive",
            "agent_limit_reached",
        ),
        uses_if_match=False,
        example={"sector_id": "5f6f2f8e-6f0e-5d7e-9a53-2c1d0a8c8f11"},
    ),
    TicketCommand(
        name="close",
        path="close",
        operation_id="closeTicket",
        summary="End the ticket",
        body=Close,
        probe=Close(),
        refusals=(
            "ticket_closed",
            "ticket_waiting",
            "not_owner",
            "not_in_sector",
            "close_reason_required",
            "unknown_close_reason",
        ),
        example={"note": "Segunda via enviada", "farewell": True},
    ),
    TicketCommand(
        name="pause",
        path="pause",
        operation_id="pauseTicket",
        summary="Set the ticket aside; its owner keeps it",
        body=Pause,
        probe=Pause(),
        refusals=(
            "ticket_closed",
            "ticket_waiting",
            "ticket_in_bot",
            "ticket_paused",
            "not_owner",
            "until_passed",
        ),
        example={"until": "2026-12-01T09:00:00-03:00", "reason": "Aguardando o fornecedor"},
    ),
    TicketCommand(
        name="resume",
        path="resume",
        operation_id="resumeTicket",
        summary="Go on with a paused ticket",
        body=Resume,
        probe=Resume(),
        refusals=("ticket_closed", "ticket_not_paused", "not_owner"),
    ),
    TicketCommand(
        name="return",
        path="return",
        operation_id="returnTicket",
        summary="Give the ticket back to the queue",
        body=ReturnToWaiting,
        probe=ReturnToWaiting(),
        refusals=("ticket_closed", "ticket_not_owned", "not_owner"),
    ),
    TicketCommand(
        name="transfer",
        path="transfer",
        operation_id="transferTicket",
        summary="Give the ticket to another sector or agent",
        body=Transfer,
        probe=Transfer(),
        refusals=(
            "ticket_closed",
            "ticket_in_bot",
            "not_owner",
            "not_in_sector",
            "transfer_target_required",
            "already_there",
            "sector_inactive",
            "sector_required",
            "target_unavailable",
        ),
        example={"sector_id": "5f6f2f8e-6f0e-5d7e-9a53-2c1d0a8c8f11", "reason": "Cobrança"},
    ),
    TicketCommand(
        name="reopen",
        path="reopen",
        operation_id="reopenTicket",
        summary="Go on with a closed ticket",
        body=Reopen,
        probe=Reopen(),
        refusals=(
            "ticket_not_closed",
            "ticket_already_open",
            "reopen_limit_passed",
            "not_owner",
            "not_in_sector",
            "agent_limit_reached",
        ),
    ),
    TicketCommand(
        name="start_flow",
        path="flow",
        operation_id="startFlow",
        summary="Let the connection's flow answer",
        body=StartFlow,
        probe=StartFlow(),
        refusals=(
            "flow_unavailable",
            "window_closed",
            "ticket_closed",
            "ticket_paused",
            "ticket_in_bot",
            "ticket_attended",
            "ticket_waiting",
            "not_owner",
            "not_in_sector",
        ),
    ),
    TicketCommand(
        name="read",
        path="read",
        operation_id="readTicket",
        summary="Mark everything up to a message as read",
        body=Read,
        probe=Read(up_to=_NOBODY),
        refusals=("unknown_message", "not_owner", "not_in_sector"),
        uses_if_match=False,
        example={"up_to": "0192f0c1-7f51-7b3a-8f60-0d1f5a3c2b10"},
    ),
    TicketCommand(
        name="send_message",
        path="messages",
        operation_id="sendMessage",
        summary="Say something to the customer",
        body=SendMessage,
        probe=SendMessage(SendText(type="text", text="?")),
        refusals=(
            "window_closed",
            "ticket_closed",
            "ticket_paused",
            "ticket_in_bot",
            "ticket_waiting",
            "not_owner",
            "unknown_message",
        ),
        status=HTTPStatus.ACCEPTED,
        example={"type": "text", "text": "Olá! Como posso ajudar?"},
    ),
)
"""Every command there is."""
