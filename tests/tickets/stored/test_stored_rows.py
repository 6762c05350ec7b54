"""Rows that earlier commits stored are read to the same meaning, and published as before.

What is published is compared as it is published, so the classes of the domain may change shape;
what is not (raw JSON, recipient, ad) is compared field by field.
"""

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import pytest
from pydantic import JsonValue, TypeAdapter
from pydantic_core import to_jsonable_python

from services.tickets.adapters.published import to_fact, to_order
from services.tickets.domain.catalogue import EVENTS
from services.tickets.storage.contract import StoredEvent
from services.tickets.storage.event_database import EventDatabase
from shared.contracts.outbound import FetchMedia
from shared.plumbing.kafka import Outgoing
from tests.support.json_difference import differences
from tests.support.stack import Postgres
from tests.tickets.stored.rows import COMMITS, Commit, Written, rows_of

RENAMED: Final[Mapping[tuple[str, str], str]] = {}
"""(TOPIC, private field as it was stored) -> the field that says it today."""

NEWER_ORDERS: Final = {FetchMedia.TYPE}
"""What outbound is asked today and was not when the rows were stored."""

ROWS: Final = [(commit, one) for commit in COMMITS for one in rows_of(commit).rows]
each_row = pytest.mark.parametrize(
    ("commit", "written"), ROWS, ids=[f"{commit}-{one.name}" for commit, one in ROWS]
)
Log = Mapping[tuple[str, int], StoredEvent]
"""By commit and log id."""


@pytest.fixture(scope="module")
def log(postgres: Postgres) -> Log:
    """Every row as today's store reads it."""
    return {
        (commit, event.log_id): event
        for commit in COMMITS
        for event in _read(postgres, rows_of(commit), erased=False)
    }


@pytest.fixture(scope="module")
def erased(postgres: Postgres) -> Log:
    """The same after the contacts' keys were destroyed."""
    return {
        (commit, event.log_id): event
        for commit in COMMITS
        for event in _read(postgres, rows_of(commit), erased=True)
    }


@each_row
def test_a_stored_row_keeps_what_is_private_and_who_did_it(
    log: Log, commit: str, written: Written
) -> None:
    found = log[commit, written.row["notification_id"]]
    private = {
        RENAMED.get((written.row["topic"], field), field): value
        for field, value in written.meaning["event"].items()
        if field not in written.published_fields
    }
    assert list(differences(private, _as_json(found.event))) == []
    assert list(differences(written.meaning["meta"], _as_json(found.meta))) == []
    row = written.row
    assert (found.stream, found.version) == (UUID(row["originator_id"]), row["originator_version"])
    assert (found.account, found.key) == (UUID(row["account"]), UUID(row["key"]))


@each_row
def test_a_stored_row_is_published_as_it_was(log: Log, commit: str, written: Written) -> None:
    found = log[commit, written.row["notification_id"]]
    assert list(differences({**written.fact}, _told(to_fact(found, 1)))) == []
    order = to_order(found)
    if written.order is None:
        assert order is None or order.envelope.type in NEWER_ORDERS
    else:
        assert order is not None
        assert list(differences(written.order, _told(order))) == []


@each_row
def test_a_stored_row_of_an_erased_contact_is_told_under_the_same_name(
    erased: Log, commit: str, written: Written
) -> None:
    found = erased[commit, written.row["notification_id"]]
    assert type(found.event) is EVENTS[written.row["topic"]]
    assert to_fact(found, 1).envelope.type == written.published_type


def test_every_stored_name_of_an_earlier_commit_is_known() -> None:
    assert {one.row["topic"] for _, one in ROWS} <= set(EVENTS)


def _read(postgres: Postgres, commit: Commit, *, erased: bool) -> list[StoredEvent]:
    url = postgres.new_database()
    commit.insert(url)

    async def wrapping_key(_: UUID) -> bytes:
        return commit.wrapping_key

    async def read() -> list[StoredEvent]:
        database = EventDatabase(postgres.service_url(url, "tickets"), wrapping_key)
        await database.pool.open()
        try:
            for contact, _, _ in commit.contact_keys if erased else ():
                await database.keys.destroy(UUID(contact))
            return list(await database.store.log(0, len(commit.rows) + 1))
        finally:
            await database.pool.close()

    return asyncio.run(read())


def _as_json(value: object) -> JsonValue:
    return TypeAdapter(type(value)).dump_python(value, mode="json")


def _told(outgoing: Outgoing) -> JsonValue:
    return {
        "topic": outgoing.topic,
        "kafka_key": outgoing.key.decode(),
        "envelope": to_jsonable_python(dataclasses.asdict(outgoing.envelope)),
        "body": json.loads(outgoing.body),
    }
