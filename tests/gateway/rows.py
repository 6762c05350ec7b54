"""Rows and changes as projections would publish them."""

from datetime import UTC, datetime
from uuid import UUID

from shared.contracts.inbox import ContactCard, Row, RowChanged, Seen, View

NOON = datetime(2026, 11, 23, 15, tzinfo=UTC)
ACCOUNT = UUID(int=1)
VENDAS, SUPORTE = UUID(int=3), UUID(int=5)
ANA, BIA = UUID(int=4), UUID(int=6)
_LIFECYCLES: dict[View, str] = {
    "aguardando": "waiting",
    "atendendo": "attending",
    "resolvidos": "closed",
    "bot": "bot",
}


def a_seen(view: View, sector: UUID | None = VENDAS, owner: UUID | None = None) -> Seen:
    return Seen(view=view, sector_id=sector, owner_id=owner)


def a_row(seen: Seen, log_id: int, ticket: int = 50) -> Row:
    return Row.model_validate(
        {
            "id": UUID(int=ticket),
            "account_id": ACCOUNT,
            "view": seen.view,
            "protocol": "20261123-000001",
            "lifecycle": _LIFECYCLES[seen.view],
            "contact": ContactCard(id=UUID(int=9), name="Marina", phone="5511912345678"),
            "sector_id": seen.sector_id,
            "owner_id": seen.owner_id,
            "connection_id": UUID(int=2),
            "conversation_id": UUID(int=8),
            "opened_at": NOON,
            "version": 1,
            "position": f"1.7-{log_id}",
        }
    )


def a_change(before: Seen | None, after: Seen, log_id: int, ticket: int = 50) -> RowChanged:
    row = a_row(after, log_id, ticket)
    return RowChanged(account_id=ACCOUNT, before=before, after=after, row=row)
