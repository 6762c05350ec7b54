"""Entities changed by people: versions, history, messages and refusals, on PostgreSQL."""

from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.directory.handlers import entities as handlers
from services.directory.handlers.entities import (
    EntityNotFoundError,
    EntityVersionError,
    KeyReusedError,
    NameTakenError,
    UnknownReferenceError,
)
from shared.contracts.directory import SectorChanged
from shared.contracts.entities import Refers
from shared.contracts.entity_api import EntityQuery, EntityRecord, HistoryQuery, form_of
from tests.directory.test_directory import ACCOUNT, NOON, Setup, directory
from tests.support.stack import Postgres

HELENA = UUID(int=77)


@pytest.fixture
async def made(postgres: Postgres, keys_dir: Path, tmp_path: Path) -> AsyncGenerator[Setup]:
    async with directory(postgres, keys_dir, tmp_path) as (setup, _):
        await setup.apply()
        yield setup


async def create(made: Setup, name: str, id_: UUID | None = None) -> EntityRecord:
    form = form_of(SectorChanged).model_validate({"name": name})
    return await made.entities.create(SectorChanged, ACCOUNT, id_ or uuid4(), form, HELENA)


async def names(made: Setup, **query: object) -> list[object]:
    page = await made.entities.page(SectorChanged, ACCOUNT, EntityQuery.model_validate(query))
    return [record.entity["name"] for record in page.items]


def id_of(record: EntityRecord) -> UUID:
    return UUID(str(record.entity["id"]))


async def test_a_repeated_creation_changes_nothing_and_another_one_is_refused(made: Setup) -> None:
    id_ = uuid4()
    first = await create(made, "Compras", id_)
    outbox = await made.count("outbox")
    assert await create(made, "Compras", id_) == first
    assert await made.count("outbox") == outbox
    with pytest.raises(KeyReusedError):
        await create(made, "Vendas externas", id_)
    assert await made.count("outbox") == outbox


async def test_a_creation_is_known_again_after_a_change(made: Setup) -> None:
    id_ = uuid4()
    await create(made, "Compras", id_)
    renamed = form_of(SectorChanged).model_validate({"name": "Suprimentos"})
    await made.entities.replace(SectorChanged, ACCOUNT, id_, renamed, HELENA, None)
    assert (await create(made, "Compras", id_)).entity["name"] == "Suprimentos"


async def test_who_edits_an_older_version_is_told_the_newer_one(made: Setup) -> None:
    first = await create(made, "Compras")
    form = form_of(SectorChanged).model_validate({"name": "Suprimentos"})
    id_ = id_of(first)
    second = await made.entities.replace(SectorChanged, ACCOUNT, id_, form, HELENA, first.version)
    assert second.version > first.version
    again = await made.entities.replace(SectorChanged, ACCOUNT, id_, form, HELENA, first.version)
    assert again == second  # the answer was lost
    late = form_of(SectorChanged).model_validate({"name": "Outra"})
    with pytest.raises(EntityVersionError) as refused:
        await made.entities.replace(SectorChanged, ACCOUNT, id_, late, HELENA, first.version)
    assert refused.value.version == second.version


async def test_history_tells_who_when_before_and_after(made: Setup) -> None:
    id_ = id_of(await create(made, "Compras"))
    for active in (False, True):
        await made.entities.set_active(
            SectorChanged, ACCOUNT, id_, active=active, actor_id=HELENA, expected=None
        )
    history = await made.entities.history(SectorChanged, ACCOUNT, id_, HistoryQuery())
    assert [change.action for change in history.items] == ["reactivated", "deactivated", "created"]
    assert {(change.actor_id, change.at) for change in history.items} == {(HELENA, NOON)}
    assert history.items[-1].before is None
    assert history.items[0].before == history.items[1].after
    page = HistoryQuery(limit=2)
    first = await made.entities.history(SectorChanged, ACCOUNT, id_, page)
    rest = HistoryQuery(before=first.next_before)
    second = await made.entities.history(SectorChanged, ACCOUNT, id_, rest)
    assert [*first.items, *second.items] == history.items


async def test_what_the_seed_did_has_no_actor(made: Setup) -> None:
    page = await made.entities.page(SectorChanged, ACCOUNT, EntityQuery(q="vendas"))
    history = await made.entities.history(
        SectorChanged, ACCOUNT, id_of(page.items[0]), HistoryQuery()
    )
    assert [(one.actor_id, one.action) for one in history.items] == [(None, "created")]


async def test_a_collection_is_listed_by_name_and_found_by_parts_of_it(made: Setup) -> None:
    for name in ("Ágil", "agenda", "100%_certo"):
        await create(made, name)
    assert await names(made) == ["100%_certo", "agenda", "Ágil", "Suporte", "Vendas"]
    assert await names(made, q="AG") == ["agenda", "Ágil"]
    assert await names(made, q="ági") == ["Ágil"]
    assert await names(made, q="%_") == ["100%_certo"]
    found: list[object] = []
    query = EntityQuery(limit=2)
    while True:
        page = await made.entities.page(SectorChanged, ACCOUNT, query)
        found += [record.entity["name"] for record in page.items]
        if page.next_after is None:
            break
        query = EntityQuery(limit=2, after=page.next_after)
    assert found == await names(made)


async def test_what_is_inactive_is_listed_when_asked_for(made: Setup) -> None:
    id_ = id_of(await create(made, "Compras"))
    await made.entities.set_active(
        SectorChanged, ACCOUNT, id_, active=False, actor_id=HELENA, expected=None
    )
    assert "Compras" not in await names(made)
    assert await names(made, active=False) == ["Compras"]
    assert "Compras" in await names(made, active=None)


async def test_another_account_sees_and_changes_nothing(made: Setup) -> None:
    id_ = id_of(await create(made, "Compras"))
    other = uuid4()
    assert (await made.entities.page(SectorChanged, other, EntityQuery())).items == []
    with pytest.raises(EntityNotFoundError):
        await made.entities.history(SectorChanged, other, id_, HistoryQuery())
    with pytest.raises(EntityNotFoundError):
        await made.entities.set_active(
            SectorChanged, other, id_, active=False, actor_id=HELENA, expected=None
        )


async def test_names_are_unique_among_the_active_where_the_class_says_so(
    made: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SectorChanged, "UNIQUE_NAMES", True)
    first = id_of(await create(made, "Dúvida"))
    with pytest.raises(NameTakenError) as refused:
        await create(made, " duvida ")
    assert refused.value.id == first
    await made.entities.set_active(
        SectorChanged, ACCOUNT, first, active=False, actor_id=HELENA, expected=None
    )
    await create(made, "Duvida")
    with pytest.raises(NameTakenError):
        await made.entities.set_active(
            SectorChanged, ACCOUNT, first, active=True, actor_id=HELENA, expected=None
        )


async def test_a_reference_must_be_an_entity_of_the_account(
    made: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def id_refers_to_an_agent(_: object) -> list[tuple[str, Refers]]:
        return [("id", Refers("agent"))]

    monkeypatch.setattr(handlers, "references", id_refers_to_an_agent)
    with pytest.raises(UnknownReferenceError) as refused:
        await create(made, "Compras")
    assert refused.value.field == "id"
