"""Personal fields: sealed in the store, opened in memory, tombstones without their key."""

from uuid import uuid4

import pytest
from psycopg import sql

from services.tickets.storage.codec import Codec
from services.tickets.storage.contract import (
    Expectation,
    KeyDestroyedError,
    Stored,
    UnknownKeyError,
    UnsealedFieldError,
)
from shared.plumbing.sealing import SealBrokenError
from tests.tickets.store.events import Body, Said, SectorSet, SectorSetBefore
from tests.tickets.store.stores import Opening, a_command, a_meta, a_stream, opened

CANARY = "canário-7391 quer falar"
SAID = Said(number=4, text=CANARY, body=Body(text=CANARY + "!", caption=None))


async def test_stored_bytes_hold_no_word_of_a_personal_field(opening: Opening) -> None:
    stream = a_stream()
    command = a_command(Expectation(stream, 0, (SAID,)), seal_for=stream.key, outcome=b"ok")
    assert isinstance(await opening.store.append(command), Stored)
    async with opening.pool.connection() as conn:
        for table in ("event", "claim", "timer", "contact_key"):
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            rows = await (await conn.execute(query)).fetchall()
            for (text,) in rows:
                assert "canário" not in text
                assert "canário".encode().hex() not in text
    assert (await opening.store.log(0, 10))[0].event == SAID


async def test_another_process_opens_what_this_one_sealed(opening: Opening, url: str) -> None:
    stream = a_stream()
    await opening.store.append(a_command(Expectation(stream, 0, (SAID,)), seal_for=stream.key))
    async with opened(url) as other:
        found = await other.store.stream(stream.id, 1, 10)
    assert [event.event for event in found] == [SAID]


async def test_a_destroyed_key_leaves_tombstones_and_a_replay_that_goes_on(
    opening: Opening, url: str
) -> None:
    stream, neighbour = a_stream(), a_stream()
    for one in (stream, neighbour):
        await opening.store.append(a_command(Expectation(one, 0, (SAID,)), seal_for=one.key))
    await opening.keys.destroy(stream.key)
    tombstone = Said(number=4, text=None, body=None)
    assert [e.event for e in await opening.store.log(0, 10)] == [tombstone, SAID]
    async with opened(url) as other:
        assert [e.event for e in await other.store.log(0, 10)] == [tombstone, SAID]
    with pytest.raises(KeyDestroyedError):
        await opening.store.append(a_command(Expectation(stream, 1, (SAID,)), seal_for=stream.key))


async def test_an_unknown_key_is_an_alarm_and_no_tombstone(opening: Opening, url: str) -> None:
    stream = a_stream()
    await opening.store.append(a_command(Expectation(stream, 0, (SAID,)), seal_for=stream.key))
    async with opening.pool.connection() as conn:
        await conn.execute("DELETE FROM contact_key")
    async with opened(url) as other:
        with pytest.raises(UnknownKeyError):
            await other.store.log(0, 10)
        with pytest.raises(UnknownKeyError):
            await other.store.load([(stream.id, 0)])


async def test_the_key_is_committed_before_the_event_that_needs_it(opening: Opening) -> None:
    stream = a_stream()
    await opening.store.prepared(a_command(Expectation(stream, 0, (SAID,)), seal_for=stream.key))
    async with opening.pool.connection() as conn:
        found = await (await conn.execute("SELECT contact FROM contact_key")).fetchall()
    assert found == [(stream.key,)]
    assert await opening.store.head() == 0


async def test_a_personal_field_is_never_stored_without_a_key(opening: Opening) -> None:
    with pytest.raises(UnsealedFieldError):
        await opening.store.append(a_command(Expectation(a_stream(), 0, (SAID,))))
    nothing = Said(number=1, text=None)
    stream = a_stream()
    assert isinstance(
        await opening.store.append(a_command(Expectation(stream, 0, (nothing,)))), Stored
    )
    assert (await opening.store.load([(stream.id, 0)]))[stream.id][0].event == nothing


async def test_sealed_bytes_open_only_at_their_own_stream_and_version(opening: Opening) -> None:
    stream = a_stream()
    await opening.store.append(a_command(Expectation(stream, 0, (SAID,)), seal_for=stream.key))
    sealers = await opening.keys.to_open([stream.key])
    async with opening.pool.connection() as conn:
        row = await (await conn.execute("SELECT topic, state FROM event")).fetchone()
    assert row is not None
    codec = Codec({Said.TOPIC: Said})
    assert codec.decode(row[0], row[1], stream.id, 1, sealers)[0] == SAID
    for place in ((stream.id, 2), (uuid4(), 1)):
        with pytest.raises(SealBrokenError):
            codec.decode(row[0], row[1], *place, sealers)


def test_an_old_form_is_upcast_and_the_newest_is_not() -> None:
    asked: list[dict[str, object]] = []

    def named_sector(data: dict[str, object]) -> dict[str, object]:
        asked.append(data)
        return {"sector": data["name"], "reason": "unknown"}

    stream, meta = uuid4(), a_meta()
    before = Codec({"test.SectorSet": SectorSetBefore})
    now = Codec({"test.SectorSet": SectorSet}, {("test.SectorSet", 1): named_sector})
    topic, old = before.encode(SectorSetBefore(name="Vendas"), before.meta(meta), stream, 1, None)
    assert now.decode(topic, old, stream, 1, {}) == (
        SectorSet(sector="Vendas", reason="unknown"),
        meta,
    )
    topic, new = now.encode(SectorSet(sector="B", reason="c"), now.meta(meta), stream, 2, None)
    assert now.decode(topic, new, stream, 2, {})[0] == SectorSet(sector="B", reason="c")
    assert asked == [{"name": "Vendas"}]
