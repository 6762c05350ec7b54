"""What screens are told of cards: each changed row, with where it stood before."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.projections.read_models.cards.fold import CardRows, seen
from services.projections.read_models.contacts.fold import Contact, ContactRows
from services.projections.read_models.read_model import Batch, Change, Connection, replaced
from shared.contracts import tickets as published
from shared.contracts.inbox import ContactCard, Row, RowChanged


async def changes(_conn: Connection, batch: Batch) -> Sequence[Change]:
    """Rows that changed, and rows of contacts whose name or phone did."""
    before, after = batch.before.of(CardRows), batch.after.of(CardRows)
    changed = _renamed(batch)
    shown = [row.id for row in replaced(before.rows, after.rows)]
    renamed = [row.id for row in before.rows.values() if row.contact.id in changed]
    named = _named(batch)
    return [_change(batch, id_, named) for id_ in dict.fromkeys([*shown, *renamed])]


def _renamed(batch: Batch) -> set[UUID]:
    """The contacts of whom a card shows something else now."""
    known = batch.before.of(ContactRows).people
    people = batch.after.of(ContactRows).people
    return {id_ for id_, one in people.items() if _shown(one) != _shown(known.get(id_))}


def _shown(one: Contact | None) -> tuple[str | None, ...]:
    return () if one is None else (one.name, one.phone, one.username)


def _named(batch: Batch) -> Mapping[UUID, str]:
    """Where in the log contacts got the names that their cards show from now on."""
    return {
        event.message.contact_id: event.position
        for event in batch.events
        if isinstance(event.message, published.ContactIdentified | published.ContactRenamed)
    }


def _change(batch: Batch, id_: UUID, named: Mapping[UUID, str]) -> Change:
    old, row = batch.before.of(CardRows).rows.get(id_), batch.after.of(CardRows).rows[id_]
    # screens drop what is not newer than what they have heard of the row
    position = max(row.position, named.get(row.contact.id, row.position), key=_log_id)
    update = {"contact": _contact(batch, row), "position": position}
    message = RowChanged(
        account_id=row.account_id,
        before=None if old is None else seen(old),
        after=seen(row),
        row=row.model_copy(update=update),
    )
    return Change(message, row.account_id, row.id, position)


def _contact(batch: Batch, row: Row) -> ContactCard:
    one = batch.after.of(ContactRows).people.get(row.contact.id)
    if one is None:
        return row.contact
    return ContactCard(id=one.id, name=one.name, phone=one.phone, username=one.username)


def _log_id(position: str) -> int:
    return int(position.rpartition("-")[2])
