"""What holds for every read model on the list, and for one that is put on it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from services.projections.domain.events import Event
from services.projections.read_models import READ_MODELS
from services.projections.read_models.folding import Fold
from services.projections.read_models.read_model import (
    Connection,
    ReadModel,
    RowCache,
    States,
    Table,
    columns,
    replaced,
)
from services.projections.storage import schemas
from shared.contracts import tickets as published
from shared.contracts.envelope import Message
from shared.contracts.tickets import TICKETS_EVENTS_TYPES

TYPES = frozenset(TICKETS_EVENTS_TYPES.values())


@dataclass(slots=True)
class NoteRows(RowCache):
    """How many notes each ticket has."""

    notes: dict[UUID, tuple[UUID, int]] = field(default_factory=dict[UUID, tuple[UUID, int]])


NOTES = Fold[States](version=1, ignores=TYPES - {published.NoteAdded})


@NOTES.on(published.NoteAdded)
def noted(states: States, event: Event, message: published.NoteAdded) -> None:
    rows = states.of(NoteRows).notes
    _, before = rows.get(message.ticket_id, (event.account_id, 0))
    rows[message.ticket_id] = (event.account_id, before + 1)


async def load(
    conn: Connection, events: Sequence[Event]
) -> Callable[[States], Awaitable[NoteRows]]:
    ids = [e.message.ticket_id for e in events if isinstance(e.message, published.NoteAdded)]
    found = await conn.execute("SELECT * FROM note_count WHERE ticket_id = ANY(%s)", (ids,))

    async def read(_: States) -> NoteRows:
        return NoteRows({row[0]: (row[1], row[2]) for row in await found.fetchall()})

    return read


async def save(conn: Connection, before: NoteRows, after: NoteRows) -> None:
    changed = [(id_, *row) for id_, row in after.notes.items() if before.notes.get(id_) != row]
    if changed:
        await conn.execute(
            "INSERT INTO note_count SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[])"
            " ON CONFLICT (ticket_id) DO UPDATE SET notes = excluded.notes",
            columns(changed),
        )


TOY = ReadModel(
    name="notes",
    rows=NoteRows,
    tables=(Table("note_count", key="ticket_id::text"),),
    create="CREATE TABLE note_count"
    " (ticket_id uuid PRIMARY KEY, account_id uuid NOT NULL, notes bigint NOT NULL)",
    indexes="",
    fold=NOTES,
    load=load,
    save=save,
)
WITH_TOY = (*READ_MODELS, TOY)


@pytest.mark.parametrize("model", READ_MODELS, ids=lambda model: model.name)
def test_each_published_type_is_folded_or_ignored_by_name(model: ReadModel[RowCache]) -> None:
    ignored = {kind for kind in TYPES if issubclass(kind, tuple(model.fold.ignored))}
    assert model.fold.folded | ignored == TYPES
    assert not model.fold.folded & ignored


def test_the_form_changes_with_a_table_a_fold_and_a_type() -> None:
    assert len({schemas.form(READ_MODELS), schemas.form(WITH_TOY), schemas.form((TOY,))}) == 3
    newer = Fold[States](version=2, ignores=())
    others = [
        toy(create=TOY.create + " -- wider", fold=NOTES),
        toy(create=TOY.create, fold=newer),
        toy(create=TOY.create, fold=Fold[States](version=1, ignores=TYPES)),
    ]
    assert len({schemas.form((each,)) for each in (TOY, *others)}) == 4


def toy(*, create: str, fold: Fold[States]) -> ReadModel[NoteRows]:
    """The toy with other tables or another fold."""
    return ReadModel(
        name=TOY.name,
        rows=NoteRows,
        tables=TOY.tables,
        create=create,  # pyright: ignore[reportArgumentType]  a test may build it
        indexes="",
        fold=fold,
        load=load,
        save=save,
    )


def test_what_is_replaced_in_a_copy_stays_in_the_original() -> None:
    one, two = UUID(int=1), UUID(int=2)
    before = NoteRows({one: (one, 1)})
    after = before.copy()
    after.notes[one], after.notes[two] = (one, 2), (two, 1)
    assert before.notes == {one: (one, 1)}
    assert replaced(before.notes, after.notes) == [(one, 2), (two, 1)]
    assert Message not in TYPES
