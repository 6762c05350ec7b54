"""The consumers' table of directory.events: the last message of a key wins."""

from datetime import UTC, datetime
from uuid import UUID

from shared.contracts.directory import AccountChanged, SectorChanged
from shared.contracts.entities import Entity
from shared.contracts.envelope import Envelope
from shared.plumbing.entities import EntityTable
from shared.plumbing.kafka import Received

ACCOUNT, OTHER, VENDAS = UUID(int=1), UUID(int=2), UUID(int=3)
SECTOR = SectorChanged(id=VENDAS, account_id=ACCOUNT, name="Vendas")


def received(id_: UUID, body: bytes, kind: str = SectorChanged.TYPE) -> Received:
    envelope = Envelope(id="1", type=kind, source="directory", time=datetime.now(UTC))
    return Received("directory.events", 0, 0, str(id_).encode(), envelope, body, 0)


def told(entity: Entity) -> Received:
    return received(entity.id, entity.body(), entity.TYPE)


def test_an_entity_is_found_in_its_account_only() -> None:
    table = EntityTable()
    table.on_message(told(SECTOR))
    assert table.entities.find(SectorChanged, ACCOUNT, VENDAS) == SECTOR
    assert table.entities.find(SectorChanged, OTHER, VENDAS) is None
    assert table.entities.find(AccountChanged, ACCOUNT, VENDAS) is None
    assert table.entities.all(SectorChanged, OTHER) == []
    assert table.entities.name_of(VENDAS) == "Vendas"


def test_an_account_belongs_to_itself() -> None:
    table = EntityTable()
    table.on_message(told(AccountChanged(id=ACCOUNT, name="Empresa")))
    found = table.entities.find(AccountChanged, ACCOUNT, ACCOUNT)
    assert found is not None
    assert found.name == "Empresa"


def test_the_last_message_wins_and_an_empty_one_removes() -> None:
    table = EntityTable()
    table.on_message(told(SECTOR))
    table.on_message(told(SECTOR.model_copy(update={"name": "Compras"})))
    assert table.entities.name_of(VENDAS) == "Compras"
    table.on_message(received(VENDAS, b""))
    assert table.entities.name_of(VENDAS) is None


def test_a_snapshot_does_not_change_under_its_reader() -> None:
    table = EntityTable()
    before = table.entities
    table.on_message(told(SECTOR))
    assert before.all(SectorChanged) == []
    assert table.entities.all(SectorChanged) == [SECTOR]
    after = table.entities
    table.on_message(told(SECTOR))
    assert table.entities is after


def test_what_is_of_a_newer_type_or_unreadable_changes_nothing() -> None:
    table = EntityTable()
    table.on_message(told(SECTOR))
    table.on_message(received(VENDAS, b'{"id": 7}'))
    table.on_message(received(VENDAS, b"{}", "directory.QuickReplyChanged.v1"))
    assert table.entities.all(SectorChanged) == [SECTOR]


def test_every_change_is_told_with_what_was_before() -> None:
    heard: list[tuple[Entity | None, Entity | None]] = []
    table = EntityTable(lambda before, after: heard.append((before, after)))
    renamed = SECTOR.model_copy(update={"name": "Compras"})
    for message in (told(SECTOR), told(SECTOR), told(renamed), received(VENDAS, b"")):
        table.on_message(message)
    assert heard == [(None, SECTOR), (SECTOR, renamed), (renamed, None)]
