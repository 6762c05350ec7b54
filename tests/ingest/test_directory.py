"""What ingest knows of directory, and what it keeps when directory is away."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.ingest.adapters.directory import Directory
from services.ingest.domain.routing import Connection, Connections
from services.ingest.domain.splitting import Piece
from shared.contracts.directory import ConnectionChanged, SectorChanged
from shared.contracts.envelope import Envelope, Message
from shared.plumbing.http import Answer
from shared.plumbing.kafka import Received
from shared.plumbing.loops import Heartbeat
from shared.plumbing.secrets_client import SecretMissingError, SecretsClient, SecretsRefusedError
from tests.ingest.samples import (
    ACCOUNT,
    APP,
    NUMBER,
    OTHER_ACCOUNT,
    OURS,
    PEPPER,
    WABA,
    a_message,
    a_piece,
)
from tests.ingest.serving import SECRETS
from tests.support.company import a_connection

PIECE = a_piece(a_message())


def received(key: UUID, message: Message | None, kind: str = ConnectionChanged.TYPE) -> Received:
    envelope = Envelope(id="1", type=kind, source="directory", time=datetime.now(UTC))
    body = b"" if message is None else message.body()
    return Received("directory.events", 0, 0, str(key).encode(), envelope, body, 0)


CHANGED = a_connection(
    ACCOUNT, OURS.id, waba_id=WABA, phone_number_id=NUMBER, display_phone=OURS.display_phone
)


def test_a_connection_is_known_changed_and_forgotten() -> None:
    book = Directory(SecretsClient(FakeApi().fetch))
    book.on_message(received(OURS.id, CHANGED))
    assert book.connections.owner(PIECE, [APP]) == OURS
    moved = CHANGED.model_copy(update={"phone_number_id": "777"})
    book.on_message(received(OURS.id, moved))
    assert book.connections.owner(PIECE, [APP]) == "unknown_number"
    book.on_message(received(OURS.id, CHANGED))
    book.on_message(received(OURS.id, None))
    assert book.connections.owner(PIECE, [APP]) == "unknown_number"


def test_other_entities_are_passed_over() -> None:
    book = Directory(SecretsClient(FakeApi().fetch))
    sector = SectorChanged(id=OURS.id, account_id=ACCOUNT, name="Vendas")
    book.on_message(received(OURS.id, sector, SectorChanged.TYPE))
    book.on_message(received(OURS.id, None, SectorChanged.TYPE))
    assert book.connections.owner(PIECE, [APP]) == "unknown_number"


def test_a_paused_number_still_takes_what_customers_write() -> None:
    book = Directory(SecretsClient(FakeApi().fetch))
    book.on_message(received(OURS.id, CHANGED.model_copy(update={"active": False})))
    assert book.connections.owner(PIECE, [APP]) == OURS


def test_news_of_an_account_at_meta_go_to_the_number_that_they_show_else_to_the_first() -> None:
    second = Connection(
        id=UUID(int=OURS.id.int + 1),
        account_id=ACCOUNT,
        phone_number_id="2",
        waba_id=WABA,
        display_phone="+55 11 3000-9999",
    )
    both = Connections([second, OURS])
    news = Piece(kind="change", index="0/0/change/0", raw="{}", value={}, waba_id=WABA)
    assert both.owner(replace(news, display_phone="551130009999"), [APP]) == second
    assert both.owner(news, [APP]) == OURS


class FakeApi:
    """directory's internal API."""

    def __init__(self) -> None:
        self.answer = Answer(200, SECRETS.model_dump_json().encode(), {})

    async def fetch(self) -> Answer:
        return self.answer


async def test_apps_and_keys_stay_when_directory_refuses() -> None:
    api = FakeApi()
    secrets = SecretsClient(api.fetch)
    directory = Directory(secrets)
    assert directory.apps == ()
    await secrets.refresh(Heartbeat())
    api.answer = Answer(503, b"", {})
    with pytest.raises(SecretsRefusedError):
        await secrets.refresh(Heartbeat())
    assert directory.apps == (APP,)
    assert directory.verify_tokens == [b"verify me"]
    assert directory.pepper(ACCOUNT) == PEPPER


async def test_apps_are_those_of_the_newest_answer() -> None:
    api = FakeApi()
    secrets = SecretsClient(api.fetch)
    directory = Directory(secrets)
    await secrets.refresh(Heartbeat())
    assert directory.apps == (APP,)
    api.answer = Answer(200, SECRETS.model_copy(update={"apps": []}).model_dump_json().encode(), {})
    await secrets.refresh(Heartbeat())
    assert directory.apps == ()


async def test_an_unknown_account_makes_ingest_ask_at_once() -> None:
    secrets = SecretsClient(FakeApi().fetch)
    await secrets.refresh(Heartbeat())
    with pytest.raises(SecretMissingError):
        Directory(secrets).pepper(OTHER_ACCOUNT)
    assert secrets.wanted.is_set()
