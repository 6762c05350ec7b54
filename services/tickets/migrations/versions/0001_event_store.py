"""The event store of design.md D3: events, claims, timers, keys of contacts, and the append.

Evidence and contract: eventstore.md 4 and 7. The service's role may never change or delete an event.
"""

from alembic import op

from shared.plumbing.migrations import PLUMBING_SQL

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE event (
    notification_id bigserial UNIQUE,
    account uuid NOT NULL,
    originator_id uuid,
    originator_version bigint,
    key uuid NOT NULL,
    topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

CREATE TABLE claim (
    account uuid,
    kind text COLLATE "C",
    key bytea,
    value bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account, kind, key)
);
-- Outcomes of people's commands are remembered for 7 days; all other claims live for ever.
CREATE INDEX claim_outcome_at ON claim (at) WHERE kind = 'command';

CREATE TABLE timer (
    id uuid PRIMARY KEY,
    account uuid NOT NULL,
    stream uuid NOT NULL,
    kind text NOT NULL,
    due timestamptz NOT NULL,
    leased_until timestamptz
);
CREATE INDEX timer_due ON timer (due);

-- A destroyed key keeps its row, without the key: the marker of protocols.md 3.
CREATE TABLE contact_key (
    contact uuid PRIMARY KEY,
    account uuid NOT NULL,
    wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE TABLE store_epoch (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch integer NOT NULL
);
INSERT INTO store_epoch (epoch) VALUES (1);

CREATE TABLE relay_position (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    epoch integer NOT NULL,
    log_id bigint NOT NULL
);
INSERT INTO relay_position (epoch, log_id) VALUES (1, 0);
"""

# Arrays name the command (*_cmd) or the expectation (e_exp) that they belong to, from 1. Events are
# numbered inside their expectation (e_nth, from 1) by the caller: a window function here cost a
# fifth of a batch. Releases free a claim only for its holder's value, before this command takes.
APPEND = """
CREATE FUNCTION append(p_account uuid[],
    x_cmd int[], x_stream uuid[], x_version bigint[],
    e_exp int[], e_nth int[], e_key uuid[], e_topic text[], e_state bytea[],
    c_cmd int[], c_kind text[], c_key bytea[], c_value bytea[],
    r_cmd int[], r_kind text[], r_key bytea[], r_value bytea[],
    t_cmd int[], t_id uuid[], t_stream uuid[], t_kind text[], t_due timestamptz[],
    d_cmd int[], d_id uuid[])
RETURNS TABLE (cmd int, verdict text, ref int, num bigint, value bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    ok bool[] := array_fill(true, array[cardinality(p_account)]);
    late int[];
BEGIN
    -- A statement of its own: the next ones see every commit before it, and ids follow commits.
    PERFORM pg_advisory_xact_lock(77);
    -- 1. Against the store.
    FOR cmd, verdict, ref, num, value IN
        SELECT u.cmd, CASE WHEN h.account <> p_account[u.cmd] THEN 'foreign' ELSE 'stale' END,
            u.n::int, coalesce(h.v, 0), null::bytea
        FROM unnest(x_cmd, x_stream, x_version) WITH ORDINALITY u(cmd, stream, version, n)
        LEFT JOIN LATERAL (
            SELECT originator_version v, account FROM event WHERE originator_id = u.stream
            ORDER BY originator_version DESC LIMIT 1) h ON true
        WHERE coalesce(h.v, 0) <> u.version OR h.account <> p_account[u.cmd]
        UNION ALL
        SELECT u.cmd, 'taken', u.n::int, null, h.value
        FROM unnest(c_cmd, c_kind, c_key) WITH ORDINALITY u(cmd, kind, key, n)
        JOIN LATERAL (
            SELECT value FROM claim k
            WHERE (k.account, k.kind, k.key) = (p_account[u.cmd], u.kind, u.key) LIMIT 1) h ON true
        WHERE NOT EXISTS (
            SELECT FROM unnest(r_cmd, r_kind, r_key, r_value) r(cmd, kind, key, value)
            WHERE (r.cmd, r.kind, r.key, r.value) = (u.cmd, u.kind, u.key, h.value))
    LOOP
        ok[cmd] := false;
        RETURN NEXT;
    END LOOP;
    -- 2. Against earlier commands of this batch: not judged, sent again. One alone meets nobody.
    IF cardinality(p_account) > 1 THEN
        late := array(
            SELECT cmd FROM (
                SELECT u.cmd, min(u.cmd) OVER (PARTITION BY u.key, u.kind, p_account[u.cmd]) first
                FROM unnest(c_cmd, c_kind, c_key) u(cmd, kind, key) WHERE ok[u.cmd]) c
            WHERE first < cmd
            UNION
            SELECT cmd FROM (
                SELECT u.cmd, min(u.cmd) FILTER (WHERE u.n = ANY(e_exp))
                    OVER (PARTITION BY u.stream) first
                FROM unnest(x_cmd, x_stream) WITH ORDINALITY u(cmd, stream, n) WHERE ok[u.cmd]) x
            WHERE first < cmd);
        FOREACH cmd IN ARRAY late LOOP
            ok[cmd] := false; verdict := 'again'; ref := null; num := null; value := null;
            RETURN NEXT;
        END LOOP;
    END IF;
    -- 3. Store the rest.
    IF cardinality(r_cmd) > 0 THEN
        DELETE FROM claim k USING unnest(r_cmd, r_kind, r_key, r_value) r(cmd, kind, key, value)
        WHERE ok[r.cmd]
            AND (k.account, k.kind, k.key, k.value) = (p_account[r.cmd], r.kind, r.key, r.value);
    END IF;
    INSERT INTO claim (account, kind, key, value)
    SELECT p_account[u.cmd], u.kind, u.key, u.value
    FROM unnest(c_cmd, c_kind, c_key, c_value) u(cmd, kind, key, value) WHERE ok[u.cmd];
    IF cardinality(d_cmd) > 0 THEN
        DELETE FROM timer t USING unnest(d_cmd, d_id) d(cmd, id)
        WHERE ok[d.cmd] AND (t.id, t.account) = (d.id, p_account[d.cmd]);
    END IF;
    IF cardinality(t_cmd) > 0 THEN
        INSERT INTO timer (id, account, stream, kind, due)
        SELECT u.id, p_account[u.cmd], u.stream, u.kind, u.due
        FROM unnest(t_cmd, t_id, t_stream, t_kind, t_due) u(cmd, id, stream, kind, due)
        WHERE ok[u.cmd];
    END IF;
    RETURN QUERY WITH new AS (
        INSERT INTO event (account, originator_id, originator_version, key, topic, state)
        SELECT p_account[x_cmd[u.x]], x_stream[u.x], x_version[u.x] + u.nth, u.key, u.topic, u.state
        FROM unnest(e_exp, e_nth, e_key, e_topic, e_state) u(x, nth, key, topic, state)
        WHERE ok[x_cmd[u.x]]
        RETURNING notification_id, originator_id)
    SELECT i, 'stored', null::int, max(new.notification_id), null::bytea
    FROM generate_series(1, cardinality(p_account)) i
    LEFT JOIN unnest(x_cmd, x_stream) WITH ORDINALITY u(cmd, stream, n)
        ON u.cmd = i AND u.n = ANY(e_exp)
    LEFT JOIN new ON new.originator_id = u.stream
    WHERE ok[i] GROUP BY i;
END $$;
"""

GRANTS = """
DO $$
DECLARE service text := coalesce(to_regrole('guiche_tickets')::text, quote_ident(current_user));
BEGIN
    EXECUTE 'REVOKE ALL ON event FROM ' || service;
    EXECUTE 'GRANT SELECT, INSERT ON event TO ' || service;
    EXECUTE 'GRANT SELECT, INSERT, DELETE ON claim TO ' || service;
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON timer, contact_key, lease, parked TO ' || service;
    EXECUTE 'GRANT SELECT, UPDATE ON store_epoch, relay_position TO ' || service;
    EXECUTE 'GRANT USAGE ON ALL SEQUENCES IN SCHEMA ' || quote_ident(current_schema) || ' TO ' || service;
END $$;
"""


def upgrade() -> None:
    """Create everything in the schema of the service."""
    for sql in (TABLES, PLUMBING_SQL["lease"], PLUMBING_SQL["parked"], APPEND, GRANTS):
        op.execute(sql)
