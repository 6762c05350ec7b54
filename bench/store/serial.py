"""Single-event saves against a serial writer in SQL, as message-db writes (see rows.py)."""

from collections.abc import Sequence
from uuid import uuid4

import psycopg

from bench.harness import Row, in_turns, middle, run_on_database
from bench.store import subject
from bench.store.callers import CONNECTIONS, ROUNDS, Bare, Callers
from services.tickets.storage.contract import Stored

WRITE = """
CREATE FUNCTION write_one(p_account uuid, p_stream uuid, p_expected bigint, p_key uuid,
    p_topic text, p_state bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE version bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(78);
    SELECT coalesce(max(originator_version), 0) INTO version
    FROM bare WHERE originator_id = p_stream;
    IF version <> p_expected THEN
        RAISE EXCEPTION 'stale';
    END IF;
    INSERT INTO bare (account, originator_id, originator_version, key, topic, state)
    VALUES (p_account, p_stream, version + 1, p_key, p_topic, p_state);
    RETURN version + 1;
END $$;
"""
CALL = "SELECT write_one(%b::uuid, %b::uuid, %b::bigint - 1, %b::uuid, %b::text, %b::bytea)"


async def measure(url: str) -> Sequence[Row]:
    subject.make_bare(url)
    connections = [
        await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(CONNECTIONS)
    ]
    await connections[0].execute(WRITE)
    async with subject.a_store(url) as store:

        async def save() -> None:
            assert isinstance(await store.append(subject.a_command(uuid4())), Stored)  # noqa: S101

        peer = Callers(CONNECTIONS, Bare(connections, CALL).save)
        ours = [Callers(count, save) for count in (16, 64)]
        bare, *mine = await in_turns(ROUNDS, peer.run, *(one.run for one in ours))
    for connection in connections:
        await connection.close()
    return [
        Row(f"saves by {count} callers / serial SQL, 16 clients", middle(bare), middle(found), 3.0)
        for count, found in zip((16, 64), mine, strict=True)
    ]


if __name__ == "__main__":
    run_on_database(measure)
