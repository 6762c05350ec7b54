"""A ticket, a conversation and people to write specs about."""

from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from services.tickets.domain.content import Content
from services.tickets.domain.conversation.events import MessageQueued, MessageReceived
from services.tickets.domain.people import BOT, CONTACT, SYSTEM, Actor, Author, Recipient, Sender
from services.tickets.domain.policies import Policies
from services.tickets.domain.ticket.events import (
    FlowSessionEnded,
    FlowSessionStarted,
    SectorAssigned,
    TicketAccepted,
    TicketClosed,
    TicketOpened,
    TicketReopened,
)

_ROOT = UUID(int=0)
AT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def an_id(name: str) -> UUID:
    """The same name, the same id."""
    return uuid5(_ROOT, name)


TICKET, CONVERSATION = an_id("ticket"), an_id("conversation")
MARINA, NUMBER = an_id("marina"), an_id("number")
SESSION, FLOW = an_id("session"), an_id("flow")
GERAL, VENDAS, SUPORTE = an_id("geral"), an_id("vendas"), an_id("suporte")


def after(**duration: float) -> datetime:
    """So long after everything began."""
    return AT + timedelta(**duration)


def an_agent(name: str = "ana", *sectors: UUID, role: str = "agent") -> Actor:
    """Of Vendas, unless said otherwise."""
    return Actor(an_id(name), frozenset({role}), frozenset(sectors or {VENDAS}))


ANA, BIA = an_agent("ana"), an_agent("bia")
CARLA = an_agent("carla", SUPORTE)
SUPERVISOR = an_agent("sueli", SUPORTE, role="supervisor")


def policies(
    *,
    default_sector_id: UUID | None = GERAL,
    farewell: Literal["ask", "always", "never"] = "ask",
    close_reason: Literal["off", "optional", "required"] = "optional",
    reopen_who: Literal["sector_member", "owner", "supervisor"] = "sector_member",
    **others: object,
) -> Policies:
    """The defaults, version 7."""
    return Policies(
        version=7,
        default_sector_id=default_sector_id,
        farewell=farewell,
        close_reason=close_reason,
        reopen_who=reopen_who,
        **others,  # pyright: ignore[reportArgumentType]
    )


def opened(at: datetime = AT) -> TicketOpened:
    return TicketOpened(
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        occurred_at=at,
        by=CONTACT,
        conversation_id=CONVERSATION,
        protocol="20261123-000001",
        origin="customer",
        lifecycle="waiting",
        policy_version=7,
    )


def assigned(sector: UUID = VENDAS) -> SectorAssigned:
    return SectorAssigned(
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        occurred_at=AT,
        by=CONTACT,
        sector_id=sector,
    )


def accepted(by: Actor = ANA, at: datetime = AT, sector: UUID = VENDAS) -> TicketAccepted:
    return TicketAccepted(
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        occurred_at=at,
        by=by.author,
        owner_id=by.agent_id,
        sector_id=sector,
    )


def closed(by: Actor = ANA, at: datetime = AT) -> TicketClosed:
    return TicketClosed(
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        occurred_at=at,
        by=by.author,
        owner_id=by.agent_id,
        policy_version=7,
    )


def reopened(to: Literal["waiting", "attending"] = "waiting") -> TicketReopened:
    return TicketReopened(
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        occurred_at=AT,
        by=CONTACT,
        lifecycle=to,
        policy_version=7,
    )


def flow_started(at: datetime = AT) -> FlowSessionStarted:
    return FlowSessionStarted(
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        occurred_at=at,
        by=CONTACT,
        session_id=SESSION,
        flow_id=FLOW,
        conversation_id=CONVERSATION,
        opened_by=an_id("oi"),
    )


def flow_ended(
    reason: Literal["handoff", "human_takeover", "closed", "bot_silent"] = "handoff",
    at: datetime = AT,
) -> FlowSessionEnded:
    return FlowSessionEnded(
        ticket_id=TICKET,
        contact_id=MARINA,
        connection_id=NUMBER,
        occurred_at=at,
        by=BOT,
        session_id=SESSION,
        reason=reason,
    )


def received(name: str, at: datetime = AT, closes: datetime | None = None) -> MessageReceived:
    return MessageReceived(
        message_id=an_id(name),
        conversation_id=CONVERSATION,
        contact_id=MARINA,
        connection_id=NUMBER,
        ticket_id=TICKET,
        occurred_at=at,
        window_closes_at=closes or at + timedelta(hours=24),
        wamid_hash="00",
        content=Content("text", name),
        sender=Sender("5511912345678"),
        wamid=f"wamid.{name}",
    )


def queued(
    name: str, at: datetime = AT, automatic: str | None = None, author: Author = SYSTEM
) -> MessageQueued:
    return MessageQueued(
        message_id=an_id(name),
        conversation_id=CONVERSATION,
        contact_id=MARINA,
        connection_id=NUMBER,
        ticket_id=TICKET,
        occurred_at=at,
        author=author,
        automatic=automatic,
        content=Content("text", name),
        recipient=Recipient("5511912345678"),
    )
