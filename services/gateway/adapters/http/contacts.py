"""The people who write: a list to search in, and one person with all tickets."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from services.gateway.adapters.http.openapi import problem_responses
from services.gateway.adapters.http.signed_in import PersonDependency
from services.gateway.adapters.services import Projections
from services.gateway.domain.access import Person, scope_of
from services.gateway.domain.cards import ConnectionName, Named, Names
from services.gateway.domain.cursors import InvalidCursorError, opened, signed
from shared.contracts.envelope import Contract
from shared.contracts.internal_api import (
    POSITION_HEADER,
    WITHOUT_NUL,
    ContactConflict,
    ContactItem,
    ContactQuery,
    ContactsQuery,
    ContactTicket,
)
from shared.plumbing.problems import ProblemError

_PURPOSE = "contacts"


class TicketOfContact(Contract):
    """A ticket of a contact, with names."""

    id: UUID
    protocol: str
    lifecycle: str
    sector: Named | None
    owner: Named | None
    connection: ConnectionName
    opened_at: datetime
    closed_at: datetime | None


class ContactInList(Contract):
    """A contact; `open_tickets` and `fields` (which flows stored) as far as they are in sight."""

    id: UUID
    name: str | None
    phone: str | None
    username: str | None
    last_seen_at: datetime | None
    open_tickets: list[TicketOfContact]
    fields: dict[str, str]


class ContactList(Contract):
    """A page of contacts, who wrote last first; `next_cursor` is None on the last one."""

    items: list[ContactInList]
    next_cursor: str | None


class ContactPage(ContactInList):
    """A contact with its newest 200 tickets over all connections, newest first."""

    tickets: list[TicketOfContact]
    conflicts: list[ContactConflict]


def router(
    projections: Projections, names: Names, signed_in: PersonDependency, cursor_key: bytes
) -> APIRouter:
    """`/v1/contacts` and `/v1/contacts/{contact_id}`."""
    routes = APIRouter(prefix="/v1", tags=["contacts"])

    async def list_contacts(
        person: Annotated[Person, Depends(signed_in)],
        response: Response,
        q: Annotated[
            str | None,
            Query(
                max_length=100,
                pattern=WITHOUT_NUL,
                description="Words of the name, or a phone in any spelling (4 digits at least).",
            ),
        ] = None,
        cursor: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        min_position: str | None = None,
    ) -> ContactList:
        """Contacts with a ticket in sight, who wrote last first."""
        query = ContactsQuery(
            scope=scope_of(person),
            q=q,
            after=None if cursor is None else _opened(cursor, q, cursor_key),
            limit=limit,
            min_position=min_position,
        )
        page = await projections.contacts(person, query)
        response.headers[POSITION_HEADER] = page.position
        return ContactList(
            items=[ContactInList(**_values(item, names)) for item in page.items],
            next_cursor=None
            if page.next_after is None
            else signed(page.next_after, _purpose(q), cursor_key),
        )

    async def get_contact(
        person: Annotated[Person, Depends(signed_in)],
        contact_id: UUID,
        min_position: str | None = None,
    ) -> ContactPage:
        """One contact and its tickets in sight, over all connections."""
        query = ContactQuery(
            scope=scope_of(person), contact_id=contact_id, min_position=min_position
        )
        found = await projections.contact(person, query)
        return ContactPage(
            **_values(found, names),
            tickets=[_ticket(ticket, names) for ticket in found.tickets],
            conflicts=found.conflicts,
        )

    add = routes.add_api_route
    add(
        "/contacts",
        list_contacts,
        methods=["GET"],
        operation_id="listContacts",
        responses=problem_responses("invalid_cursor", "position_not_reached"),
    )
    add(
        "/contacts/{contact_id}",
        get_contact,
        methods=["GET"],
        operation_id="getContact",
        responses=problem_responses("not_found", "position_not_reached"),
    )
    return routes


def _purpose(q: str | None) -> str:
    """A cursor goes on in the search that it came from."""
    return f"{_PURPOSE}:{q or ''}"


def _opened(cursor: str, q: str | None, key: bytes) -> tuple[datetime, UUID]:
    try:
        return opened(cursor, _purpose(q), key)
    except InvalidCursorError as error:
        code = "invalid_cursor"
        raise ProblemError(code, field="cursor") from error


def _values(item: ContactItem, names: Names) -> dict[str, Any]:
    same = item.model_dump(include=set(ContactInList.model_fields) - {"open_tickets"})
    return {**same, "open_tickets": [_ticket(ticket, names) for ticket in item.open_tickets]}


def _ticket(ticket: ContactTicket, names: Names) -> TicketOfContact:
    return TicketOfContact(
        sector=names.named(ticket.sector_id),
        owner=names.named(ticket.owner_id),
        connection=names.connection(ticket.connection_id),
        **ticket.model_dump(include={"id", "protocol", "lifecycle", "opened_at", "closed_at"}),
    )
